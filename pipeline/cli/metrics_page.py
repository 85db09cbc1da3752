"""docs/metrics.md, written from the catalogue: `python -m pipeline.cli.metrics_page > docs/metrics.md`."""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

from pipeline.detection.verdict import Verdict
from pipeline.history import WINDOW_DAYS
from pipeline.model import AlertKind, AlertState, Outcome, Phase, Reason, Stage
from pipeline.publish.community_metrics import SUPPRESSED
from pipeline.telemetry import CATALOGUE, Metric

if TYPE_CHECKING:
    from enum import Enum

INTRODUCTION = """\
# Metrics

<!-- Written by `python -m pipeline.cli.metrics_page`; change pipeline/telemetry.py, not this page. -->

Every worker exposes its own operation (`worker.metrics_port`), `elan serve` the communities (`serve.port`), both on
`/metrics`. The communities' series come from `serve` alone, so that restarts and rebalances of workers leave no gaps
and no doubles. Units are base units, counters end in `_total`, times are Unix seconds. No person is ever a label.

Networks and communities come from the events; all other labels take few values, or those that are configured. A
community has series of its own only among the first `serve.community_series` of its network (those with an open alert
first, then the largest) and only with at least `privacy.smallest_group` active members in its last year; all the others
are counted in `elan_communities`. The number of networks is not bounded: each has a budget of its own.
"""
SECTIONS = {
    "both": ("Every process", "Of workers and of `serve`."),
    "worker": ("Workers", "What came in, what became of it, and how far each worker is."),
    "communities": ("Communities", "Of `serve`, as of the newest boundary that was judged."),
}
HEADER = "| metric | type | labels | meaning |\n| --- | --- | --- | --- |"
LABELS_HEADER = "## Labels\n\n| label | values |\n| --- | --- |"


def metrics_page() -> str:
    """The whole page, in Markdown."""
    parts = [INTRODUCTION]
    for role, (title, meaning) in SECTIONS.items():
        rows = [_row(metric) for metric in CATALOGUE if metric.role == role]
        parts.append("\n".join([f"## {title}", "", meaning, "", HEADER, *rows]) + "\n")
    rows = [f"| `{label}` | {values} |" for label, values in label_values().items()]
    parts.append("\n".join([LABELS_HEADER, *rows]) + "\n")
    return "\n".join(parts)


def label_values() -> dict[str, str]:
    """Label -> the values it takes, in words or one by one."""
    return {
        "alert": _values(AlertKind),
        "community": "id of a community, within the budget above",
        "kind": "`unavailable`",
        "network": "name of a network",
        "outcome": _values(Outcome),
        "partition": "number of a partition of the topic",
        "phase": _values(Phase),
        "python": "version of Python",
        "reason": f"{_values(Reason)} ([why a record is refused](terms.md#records))",
        "stage": f"of an alert {_values(Stage)}; of a batch `trust`, `aggregate`, `apply`; of a heartbeat `intake`",
        "state": f"of an alert {_values(AlertState)}; of communities {_values(Verdict)}, `{SUPPRESSED}`",
        "topic": "name of the activity topic",
        "version": "version of Élan",
        "window": ", ".join(f"`{days}d`" for days in WINDOW_DAYS),
    }


def _row(metric: Metric) -> str:
    labels = ", ".join(f"`{label}`" for label in metric.labels) or "none"
    return f"| `{metric.name}` | {metric.type} | {labels} | {metric.help} |"


def _values(values: type[Enum]) -> str:
    return ", ".join(f"`{each.value}`" for each in values)


if __name__ == "__main__":
    sys.stdout.write(metrics_page())
