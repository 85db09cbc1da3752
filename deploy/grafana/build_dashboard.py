"""Makes the dashboard: `python deploy/grafana/build_dashboard.py` writes dashboards/elan-overview.json anew."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any, NamedTuple

TARGET = Path(__file__).parent / "dashboards" / "elan-overview.json"
DATASOURCE = {"type": "prometheus", "uid": "${datasource}"}
PLACE = 'network="$network", community="$community"'
TOLD_ONCE = "max without (instance, job)"
"""Each `serve` exposes all communities: two of them must not be added up."""
# One row a community: its momentum, multiplied by the 1 of the phase it is in.
MOMENTUM = 'max by (network, community) (elan_community_momentum_ratio{network=~"$network"})'
PHASE = 'max by (network, community, phase) (elan_community_phase{network=~"$network"} == 1)'
STAGE_RATES = "rate(elan_batch_duration_seconds_bucket[$__rate_interval])"
ONLY_THE_ROWS = {
    "id": "organize",
    "options": {"excludeByName": {"Time": True}, "renameByName": {"Value": "momentum"}},
}
"""Grafana's transformation of a table: every row has the same time, and Value is a name for anything."""
EXAMPLES = {"$network": ".*", "$community": ".*", "$__rate_interval": "1m"}
"""What a query is tried with outside of Grafana; the selectors of the variables become regular expressions."""


class Panel(NamedTuple):
    """One panel: what it shows, what is normal, and its queries as (legend, PromQL)."""

    title: str
    description: str
    kind: str
    unit: str
    queries: list[tuple[str, str]]
    width: int
    height: int = 8
    instant: bool = False


ROWS: list[list[Panel]] = [
    [
        Panel(
            "Communities losing momentum",
            "Communities with an open alert. Each has a row below.",
            "stat",
            "none",
            [("", f'sum({TOLD_ONCE} (elan_communities{{state="losing_momentum"}})) or vector(0)')],
            5,
            4,
        ),
        Panel(
            "Open alerts by stage",
            "Watch: well below the own baseline. Confirmed: it lasts.",
            "stat",
            "none",
            [("{{stage}}", f"sum by (stage) ({TOLD_ONCE} (elan_alerts_open))")],
            5,
            4,
        ),
        Panel(
            "Age of the newest judged day",
            "A boundary is due once a day: below 27 hours is normal.",
            "stat",
            "s",
            [("{{network}}", "time() - max by (network) (elan_network_watermark_timestamp_seconds)")],
            5,
            4,
        ),
        Panel(
            "Lag",
            "Age of the next record to count, of the slowest partition. Normal: seconds.",
            "stat",
            "s",
            [("", "max(elan_consumer_lag_seconds)")],
            4,
            4,
        ),
        Panel(
            "Dead letters in an hour",
            "Records that could not be used. Normal: none.",
            "stat",
            "none",
            [("", 'sum(increase(elan_events_total{outcome="dead_letter"}[1h]))')],
            5,
            4,
        ),
    ],
    [
        Panel(
            "Communities by momentum and phase",
            "Present level against the own baseline, season and network removed: 1 is holding, 0.5 is halved.",
            "table",
            "percentunit",
            [("", f"sort({MOMENTUM} * on (network, community) group_right () {PHASE})")],
            12,
            10,
            instant=True,
        ),
        Panel(
            "Communities by state",
            "Learning: too young for a baseline. Suppressed: too few members to be named.",
            "timeseries",
            "none",
            [("{{state}}", f'sum by (state) ({TOLD_ONCE} (elan_communities{{network=~"$network"}}))')],
            12,
            10,
        ),
    ],
    [
        Panel(
            "Where the activity is",
            "Share of 28 days' activities in the most active tenth of the communities, and how unequal they are.",
            "timeseries",
            "percentunit",
            [
                ("top tenth of {{network}}", "max by (network) (elan_network_top_tenth_activities_ratio)"),
                ("Gini of {{network}}", "max by (network) (elan_network_activities_gini_ratio)"),
            ],
            8,
        ),
        Panel(
            "Alerts that recovered early",
            "A community-year: an estimate of alerts raised for nothing, to hold against the budget of 0.1.",
            "timeseries",
            "none",
            [("{{network}}", "max by (network) (elan_alerts_early_recoveries_per_community_year)")],
            8,
        ),
        Panel(
            "Place of $community among its like",
            "Percentile of its engagement index among communities of the same age; 50 is the median.",
            "timeseries",
            "none",
            [("percentile", f"max(elan_community_engagement_percentile{{{PLACE}}})")],
            8,
        ),
    ],
    [
        Panel(
            "Momentum of $community",
            "1 is holding. An alert is raised at 0.5 (0.6 if large) or below, when chance does not explain it.",
            "timeseries",
            "percentunit",
            [("momentum", f"max(elan_community_momentum_ratio{{{PLACE}}})")],
            8,
        ),
        Panel(
            "Active members of $community",
            "Distinct members with at least one act other than a view, exact, by window.",
            "timeseries",
            "none",
            [("{{window}}", f"max by (window) (elan_community_active_members{{{PLACE}}})")],
            8,
        ),
        Panel(
            "Engagement of $community",
            "Weighted acts per active member in 28 days, and its two axes.",
            "timeseries",
            "none",
            [
                ("index", f"max(elan_community_engagement_index{{{PLACE}}})"),
                ("conversational", f"max(elan_community_conversational_index{{{PLACE}}})"),
                ("relational", f"max(elan_community_relational_index{{{PLACE}}})"),
            ],
            8,
        ),
    ],
    [
        Panel(
            "Records by outcome",
            "They add up to what was consumed. Late and dead letters should be rare.",
            "timeseries",
            "cps",
            [("{{outcome}}", "sum by (outcome) (rate(elan_events_total[$__rate_interval]))")],
            8,
        ),
        Panel(
            "Time of a batch by stage",
            "Median and 99th percentile. Apply is Redis; trust and aggregate are the worker.",
            "timeseries",
            "s",
            [
                (
                    f"{{{{stage}}}} {name}",
                    f"histogram_quantile({q}, sum by (le, stage) ({STAGE_RATES}))",
                )
                for name, q in (("p50", "0.5"), ("p99", "0.99"))
            ],
            8,
        ),
        Panel(
            "Watermark behind the present",
            "Event time that all partitions have passed. An hour of it is the allowed lateness.",
            "timeseries",
            "s",
            [("{{topic}}", "time() - min by (topic) (elan_watermark_timestamp_seconds)")],
            8,
        ),
    ],
    [
        Panel(
            "Alert steps a day",
            "Steps in the life of alerts, as judging decided them: raised once, updated, resolved once.",
            "timeseries",
            "none",
            [("{{alert}} {{state}}", "sum by (alert, state) (increase(elan_alert_transitions_total[1d]))")],
            12,
        ),
        Panel(
            "Dead letters by reason",
            "Records a second that could not be used, and why. Normal: none.",
            "timeseries",
            "cps",
            [("{{reason}}", "sum by (reason) (rate(elan_dead_letters_total[$__rate_interval]))")],
            12,
        ),
    ],
]


def queries() -> list[str]:
    """Every query, its variables replaced so that any Prometheus can run it."""
    found = [query for row in ROWS for panel in row for _, query in panel.queries]
    for variable, example in EXAMPLES.items():
        for operator in ("=", "=~"):
            found = [query.replace(f'{operator}"{variable}"', f'=~"{example}"') for query in found]
        found = [query.replace(variable, example) for query in found]
    return found


def dashboard() -> dict[str, Any]:
    """The dashboard in Grafana's classic form."""
    panels: list[dict[str, Any]] = []
    top = 0
    for row in ROWS:
        left = 0
        for panel in row:
            panels.append(_panel(panel, len(panels) + 1, left, top))
            left += panel.width
        top += max(panel.height for panel in row)
    return {
        "uid": "elan-overview",
        "title": "Élan: communities and pipeline",
        "tags": ["elan"],
        "schemaVersion": 42,
        "editable": False,
        "graphTooltip": 1,
        "refresh": "1m",
        "time": {"from": "now-30d", "to": "now"},
        "timezone": "utc",
        "templating": {"list": _variables()},
        "panels": panels,
    }


def _panel(panel: Panel, number: int, left: int, top: int) -> dict[str, Any]:
    targets = [
        {"refId": chr(ord("A") + place), "datasource": DATASOURCE, "expr": query, "legendFormat": legend or "__auto"}
        | ({"instant": True, "format": "table"} if panel.instant else {})
        for place, (legend, query) in enumerate(panel.queries)
    ]
    return {
        "id": number,
        "type": panel.kind,
        "title": panel.title,
        "description": panel.description,
        "datasource": DATASOURCE,
        "gridPos": {"x": left, "y": top, "w": panel.width, "h": panel.height},
        "fieldConfig": {"defaults": {"unit": panel.unit}, "overrides": []},
        "options": {},
        "targets": targets,
    } | ({"transformations": [ONLY_THE_ROWS]} if panel.instant else {})


def _variables() -> list[dict[str, Any]]:
    datasource = {"name": "datasource", "label": "Data source", "type": "datasource", "query": "prometheus"}
    network = "label_values(elan_community_active_members, network)"
    community = 'label_values(elan_community_active_members{network="$network"}, community)'
    return [datasource, _variable("network", "Network", network), _variable("community", "Community", community)]


def _variable(name: str, label: str, query: str) -> dict[str, Any]:
    return {
        "name": name,
        "label": label,
        "type": "query",
        "datasource": DATASOURCE,
        "query": query,
        "refresh": 2,
        "sort": 1,
    }


def text() -> str:
    """The file as it is committed."""
    return json.dumps(dashboard(), indent=2, ensure_ascii=False) + "\n"


if __name__ == "__main__":
    TARGET.write_text(text(), encoding="utf-8")
