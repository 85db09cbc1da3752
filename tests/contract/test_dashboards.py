"""The Grafana dashboard: made by its script, with queries that can have an answer."""

from __future__ import annotations

import importlib.util
import json
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser
import pytest
import yaml

from tests.contract.test_rules import assert_metrics_exist

if TYPE_CHECKING:
    from types import ModuleType

GRAFANA = Path(__file__).resolve().parents[2] / "deploy/grafana"


def load_script() -> ModuleType:
    """The script that makes the dashboard, as a module."""
    spec = importlib.util.spec_from_file_location("build_dashboard", GRAFANA / "build_dashboard.py")
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    return module


SCRIPT = load_script()
DASHBOARD: dict[str, Any] = json.loads((GRAFANA / "dashboards/elan-overview.json").read_text())


def test_the_committed_dashboard_is_the_one_the_script_makes() -> None:
    assert (GRAFANA / "dashboards/elan-overview.json").read_text() == SCRIPT.text()


@pytest.mark.parametrize("query", SCRIPT.queries())
def test_a_query_parses_and_asks_for_metrics_that_exist(query: str) -> None:
    promql_parser.parse(query)
    assert_metrics_exist(query)
    assert "$" not in query


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: str(panel["title"]))
def test_a_panel_says_what_it_shows_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["targets"]


def test_panels_do_not_overlap_and_fill_the_width() -> None:
    taken: set[tuple[int, int]] = set()
    for panel in DASHBOARD["panels"]:
        at = panel["gridPos"]
        cells = {(x, y) for x in range(at["x"], at["x"] + at["w"]) for y in range(at["y"], at["y"] + at["h"])}
        assert not cells & taken
        assert at["x"] + at["w"] <= 24
        taken |= cells
    assert len({panel["id"] for panel in DASHBOARD["panels"]}) == len(DASHBOARD["panels"])


def test_provisioning_names_the_data_source_and_the_folder_of_the_dashboard() -> None:
    (source,) = yaml.safe_load((GRAFANA / "provisioning/datasources/prometheus.yaml").read_text())["datasources"]
    assert (source["type"], source["uid"]) == ("prometheus", "prometheus")
    (provider,) = yaml.safe_load((GRAFANA / "provisioning/dashboards/elan.yaml").read_text())["providers"]
    compose = yaml.safe_load((GRAFANA.parents[1] / "docker-compose.yml").read_text())
    mounts = compose["services"]["grafana"]["volumes"]
    assert f"./deploy/grafana/dashboards:{provider['options']['path']}:ro" in mounts
