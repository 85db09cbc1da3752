"""The Grafana dashboard: made by its script, with queries that can have an answer."""

from __future__ import annotations

import importlib.util
import json
import re
from pathlib import Path
from typing import TYPE_CHECKING, Any

import promql_parser
import pytest
import yaml

from tests.contract.test_rules import assert_metrics_exist, promtool

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


def test_two_serves_count_no_community_and_no_alert_twice(promtool_binary: str, tmp_path: Path) -> None:
    told = [
        'elan_communities{network="acme", state="losing_momentum"',
        'elan_alerts_open{network="acme", alert="momentum", stage="watch"',
    ]
    series = [f'{begun}, job="elan-serve", instance="{place}"}}' for begun in told for place in ("one:1", "two:2")]
    labels = {"sum by (state)": '{state="losing_momentum"}', "sum by (stage)": '{stage="watch"}', "sum(max": "{}"}
    summed = [
        {"expr": query, "eval_time": "1m", "exp_samples": [{"labels": kept, "value": 3}]}
        for query in SCRIPT.queries()
        if re.search(r"elan_(communities|alerts_open)", query)
        for begun, kept in labels.items()
        if query.startswith(begun)
    ]
    assert len(summed) == 3
    test = {"input_series": [{"series": each, "values": "3x5"} for each in series], "promql_expr_test": summed}
    path = tmp_path / "dashboard.test.yml"
    path.write_text(json.dumps({"tests": [{"interval": "1m", **test}]}))
    promtool(promtool_binary, "test", "rules", str(path))


@pytest.mark.parametrize("panel", DASHBOARD["panels"], ids=lambda panel: str(panel["title"]))
def test_a_panel_says_what_it_shows_in_which_unit(panel: dict[str, Any]) -> None:
    assert panel["title"]
    assert panel["description"].endswith(".")
    assert panel["fieldConfig"]["defaults"]["unit"]
    assert panel["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
    assert panel["targets"]


@pytest.mark.parametrize("query", [t["expr"] for panel in DASHBOARD["panels"] for t in panel["targets"]])
def test_a_rate_looks_back_as_far_as_the_scrapes_need(query: str) -> None:
    # A fixed range shorter than four scrapes is empty whenever one of them fails.
    for looked_back in re.findall(r"\[([^]]+)\]", query):
        assert looked_back in {"$__rate_interval", "1h", "1d"}


def test_the_table_of_communities_has_momentum_and_phase_in_one_row() -> None:
    (table,) = (panel for panel in DASHBOARD["panels"] if panel["type"] == "table")
    (target,) = table["targets"]
    assert (target["instant"], target["format"]) == (True, "table")
    assert {"elan_community_momentum_ratio", "elan_community_phase"} <= set(re.findall(r"elan_\w+", target["expr"]))


def test_variables_are_read_anew_when_time_changes_and_ask_for_metrics_that_exist() -> None:
    datasource, *others = DASHBOARD["templating"]["list"]
    assert (datasource["name"], datasource["label"], datasource["type"]) == ("datasource", "Data source", "datasource")
    assert [variable["name"] for variable in others] == ["network", "community"]
    for variable in others:
        assert variable["refresh"] == 2
        assert variable["datasource"] == {"type": "prometheus", "uid": "${datasource}"}
        assert_metrics_exist(variable["query"])
        assert re.fullmatch(r"label_values\(.+, " + variable["name"] + r"\)", variable["query"])


def test_nobody_edits_what_is_generated() -> None:
    assert DASHBOARD["editable"] is False
    assert DASHBOARD["timezone"] == "utc"
    assert DASHBOARD["uid"] == "elan-overview"


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
