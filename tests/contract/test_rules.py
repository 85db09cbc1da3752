"""Prometheus' rules: what promtool says of them, and what it does not look at."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Any

import promql_parser
import pytest
import yaml

from pipeline.telemetry import CATALOGUE

ROOT = Path(__file__).resolve().parents[2]
RULES = sorted((ROOT / "deploy/prometheus/rules").glob("*.yml"))
TESTS = sorted((ROOT / "tests/rules").glob("*.test.yml"))
HEADINGS = ["## Meaning", "## Impact", "## Diagnosis", "## Mitigation"]
ALERTS: list[dict[str, Any]] = [
    rule for path in RULES for group in yaml.safe_load(path.read_text())["groups"] for rule in group["rules"]
]
NAMES = [alert["alert"] for alert in ALERTS]
METRICS = {row.name for row in CATALOGUE}
COUNTERS = {row.name for row in CATALOGUE if row.type == "counter"}


def promtool(binary: str, *arguments: str) -> None:
    done = subprocess.run([binary, *arguments], capture_output=True, text=True, check=False, cwd=ROOT)
    assert done.returncode == 0, done.stdout + done.stderr


def test_promtool_finds_nothing_in_rules_and_configuration(promtool_binary: str) -> None:
    promtool(promtool_binary, "check", "rules", "--lint=all", "--lint-fatal", *map(str, RULES))
    promtool(promtool_binary, "check", "config", str(ROOT / "deploy/prometheus/prometheus.yml"))


@pytest.mark.parametrize("path", TESTS, ids=lambda path: path.name)
def test_alerts_fire_when_they_should_and_not_before(promtool_binary: str, path: Path) -> None:
    promtool(promtool_binary, "test", "rules", str(path))


def test_every_alert_is_tested() -> None:
    text = "".join(path.read_text() for path in TESTS)
    assert [name for name in NAMES if name not in text] == []


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_says_what_happened_and_where_to_look(alert: dict[str, Any]) -> None:
    assert re.fullmatch(r"Elan([A-Z][a-z]+)+", alert["alert"])
    assert alert["labels"]["severity"] in {"critical", "warning", "info"}
    assert alert["labels"]["audience"] in {"community", "operations"}
    assert alert["annotations"]["summary"].endswith(".")
    assert "{{" not in alert["annotations"]["summary"]
    page = (ROOT / alert["annotations"]["runbook"]).read_text()
    assert alert["alert"] in page.splitlines()[0]
    assert re.findall(r"^## .+$", page, re.MULTILINE) == HEADINGS


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_an_alert_asks_for_metrics_that_exist_and_counters_only_as_rates(alert: dict[str, Any]) -> None:
    expression = alert["expr"]
    promql_parser.parse(expression)
    assert_metrics_exist(expression)


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_a_text_names_only_labels_that_the_alert_has(alert: dict[str, Any]) -> None:
    expression = alert["expr"]
    grouped = re.search(r"\bby \(([^)]*)\)", expression)
    removed = re.search(r"\bwithout \(([^)]*)\)", expression)
    metrics = set(re.findall(r"elan_[a-z_]+", expression))
    has = {label for row in CATALOGUE if row.name in metrics for label in row.labels} | {"job", "instance"}
    if grouped:
        has = set(re.split(r",\s*", grouped.group(1)))
    elif removed:
        has -= set(re.split(r",\s*", removed.group(1)))
    named = re.findall(r"\$labels\.(\w+)", alert["annotations"]["description"])
    assert set(named) <= (set() if expression.startswith("absent") else has)


@pytest.mark.parametrize("alert", ALERTS, ids=NAMES)
def test_a_range_covers_four_scrapes(alert: dict[str, Any]) -> None:
    configuration = yaml.safe_load((ROOT / "deploy/prometheus/prometheus.yml").read_text())
    scrape_seconds = int(configuration["global"]["scrape_interval"].removesuffix("s"))
    for minutes in re.findall(r"\[(\d+)m\]", alert["expr"]):
        assert int(minutes) * 60 >= 4 * scrape_seconds


def assert_metrics_exist(expression: str) -> None:
    """Every elan_ metric of an expression is in the catalogue, and counters stand inside of rate or increase."""
    for name in re.findall(r"elan_[a-z_]+", expression):
        assert re.sub(r"_(bucket|sum|count)$", "", name) in METRICS, name
        if name in COUNTERS:
            assert re.search(rf"(rate|increase)\({name}", expression), expression
