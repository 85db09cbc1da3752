"""The page on metrics says what the catalogue says, and promtool finds nothing to complain about in what is exposed."""

from __future__ import annotations

import re
import subprocess
from pathlib import Path
from typing import Literal

import msgspec
import pytest
from prometheus_client import CollectorRegistry, generate_latest

from pipeline.cli.metrics_page import label_values, metrics_page
from pipeline.detection.verdict import Verdict
from pipeline.history import WINDOW_DAYS, Reading
from pipeline.model import Outcome, Reason
from pipeline.publish.community_metrics import CommunityMetrics, NetworkNews
from pipeline.telemetry import CATALOGUE, Metric, Telemetry

ROOT = Path(__file__).resolve().parents[2]
PERSONAL = {"actor", "member", "user", "author", "pseudonym", "champion", "department"}


def reading(community: str, *, members: int = 40, momentum: float | None = 0.5, stage: str | None = None) -> Reading:
    return Reading(
        community=community,
        boundary_day=20_000,
        verdict="losing_momentum" if stage else "holding",
        phase="decline" if stage else "plateau",
        momentum_ratio=momentum,
        engagement_index=3.5,
        conversational_index=2.5,
        relational_index=1.0,
        age_days=400,
        engagement_percentile=40.0,
        active_members={f"{days}d": members for days in WINDOW_DAYS},
        weekly_active_members=[members],
        weekly_participants=members,
        alert_stage=stage,
    )


def exposition_of(role: Literal["worker", "serve"]) -> str:
    """What a process of this role exposes once every one of its metrics has a value."""
    telemetry = Telemetry(role)
    for row in CATALOGUE:
        if row.role in {role, "both"}:
            _give_value(telemetry, row)
    return generate_latest(telemetry.registry).decode()


def _give_value(telemetry: Telemetry, row: Metric) -> None:
    values = [f"a {label}" for label in row.labels]
    if row.type == "histogram":
        histogram = telemetry.histogram(row.name)
        (histogram.labels(*values) if values else histogram).observe(1.0)
    else:
        metric = telemetry.counter(row.name) if row.type == "counter" else telemetry.gauge(row.name)
        (metric.labels(*values) if values else metric).inc()


def exposition_of_communities() -> str:
    """What `serve` exposes of one small, one new, one steady and two declining communities."""
    metrics = CommunityMetrics(smallest_group=10, series_budget=200)
    communities = [
        reading("tiny", members=4),
        reading("new", momentum=None),
        reading("steady", momentum=1.02),
        reading('fading "quoted"\\', stage="watch"),
        reading("almost gone", momentum=0.0, stage="confirmed"),
    ]
    opened = [("momentum", "watch"), ("momentum", "confirmed"), ("network", "confirmed")]
    metrics.update({"acme": NetworkNews(communities, 1_772_668_800.0, opened, 0.42, 0.61)})
    registry = CollectorRegistry()
    registry.register(metrics)
    return generate_latest(registry).decode()


def test_the_page_is_what_the_catalogue_says() -> None:
    page = (ROOT / "docs" / "metrics.md").read_text(encoding="utf-8")

    assert page == metrics_page(), "run: python -m pipeline.cli.metrics_page > docs/metrics.md"


def test_the_page_names_every_metric_and_says_what_every_label_may_be() -> None:
    page = metrics_page()

    assert [row.name for row in CATALOGUE if f"| `{row.name}` |" not in page] == []
    assert set(label_values()) == {label for row in CATALOGUE for label in row.labels}


def test_no_person_is_a_label() -> None:
    assert {label for row in CATALOGUE for label in row.labels} & PERSONAL == set()


@pytest.mark.parametrize("role", ["worker", "serve", "communities"])
def test_promtool_finds_nothing_to_complain_about(
    role: Literal["worker", "serve", "communities"], promtool_binary: str
) -> None:
    exposition = exposition_of_communities() if role == "communities" else exposition_of(role)

    found = subprocess.run(
        [promtool_binary, "check", "metrics"], input=exposition, capture_output=True, text=True, check=False, timeout=60
    )

    assert (found.returncode, found.stdout + found.stderr) == (0, "")


def test_every_metric_of_the_catalogue_is_exposed_by_somebody() -> None:
    exposed = exposition_of("worker") + exposition_of("serve") + exposition_of_communities()

    assert [row.name for row in CATALOGUE if f"# TYPE {row.name} {row.type}\n" not in exposed] == []
    assert [row.name for row in CATALOGUE if f"\n{row.name}" not in exposed] == []


def test_counters_of_closed_sets_begin_at_zero() -> None:
    # start 0 ..... first dead letter 1: without the zero Prometheus sees a series that is 1 and never increased
    exposed = generate_latest(Telemetry("worker").registry).decode()

    assert [r.value for r in Reason if f'elan_dead_letters_total{{reason="{r.value}"}} 0.0\n' not in exposed] == []
    assert [o.value for o in Outcome if f'elan_events_total{{outcome="{o.value}"}} 0.0\n' not in exposed] == []
    assert 'elan_alert_transitions_total{alert="momentum",state="raised"} 0.0\n' in exposed


def test_alerts_for_nothing_are_estimated_a_community_year() -> None:
    # judged for 0, for half a year, for a whole one; two alerts recovered early
    ages = [60, 63 + 182, 900]
    communities = [
        msgspec.structs.replace(reading("any"), age_days=age, early_recoveries=int(age > 200)) for age in ages
    ]
    metrics = CommunityMetrics(smallest_group=10, series_budget=200)
    metrics.update({"acme": NetworkNews(communities, None, [], None, None)})
    values = {family.name: family.samples for family in metrics.collect()}

    (estimate,) = values["elan_alerts_early_recoveries_per_community_year"]
    assert estimate.value == pytest.approx(2 / (182 / 365 + 1))


def test_a_community_too_small_is_counted_and_not_named() -> None:
    exposed = exposition_of_communities()

    assert 'community="tiny"' not in exposed
    assert 'elan_communities{network="acme",state="suppressed"} 1.0' in exposed


def test_communities_are_counted_in_every_state_that_a_detector_may_say_zeros_as_well() -> None:
    exposed = exposition_of_communities()

    found = re.findall(r'^elan_communities\{network="acme",state="(\w+)"\}', exposed, re.MULTILINE)
    assert found == [*(verdict.value for verdict in Verdict), "suppressed"]
    assert 'elan_communities{network="acme",state="held_back"} 0.0' in exposed
