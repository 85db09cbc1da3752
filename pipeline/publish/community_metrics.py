"""The communities' series, made anew from their latest readings at every scrape, within a budget.

Communities with an open alert come first, then the largest; the rest, and those too small to be named, are counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from prometheus_client.core import GaugeMetricFamily

from pipeline.model import Phase
from pipeline.telemetry import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Mapping, Sequence

    from prometheus_client.metrics_core import Metric

    from pipeline.history import Reading

YEAR_WINDOW = "365d"
SUPPRESSED = "suppressed"
_FAMILIES = {row.name: row for row in CATALOGUE if row.role == "communities"}


def is_named(reading: Reading, smallest_group: int) -> bool:
    """Whether a community had enough active members in its last year to be published by name."""
    return reading.active_members[YEAR_WINDOW] >= smallest_group


def choose(readings: Iterable[Reading], budget: int) -> list[Reading]:
    """At most `budget` readings: open alerts first, then by active members of 28 days, then by name."""
    ranked = sorted(readings, key=lambda r: (r.alert_stage is None, -r.active_members["28d"], r.community))
    return ranked[:budget]


class CommunityMetrics:
    """A Prometheus collector over the latest readings; `update` replaces them, `collect` is what a scrape reads."""

    def __init__(self, smallest_group: int, series_budget: int) -> None:
        self._smallest_group = smallest_group
        self._series_budget = series_budget
        self._readings: dict[str, Sequence[Reading]] = {}
        self._boundaries: dict[str, float] = {}

    def update(self, readings: Mapping[str, Sequence[Reading]], boundaries_seconds: Mapping[str, float]) -> None:
        """Take the newest readings of each network and the boundary that all its shards were judged up to."""
        self._readings = dict(readings)
        self._boundaries = dict(boundaries_seconds)

    def collect(self) -> Iterator[Metric]:
        """Metric families in the order of the catalogue."""
        families = {name: GaugeMetricFamily(name, row.help, labels=row.labels) for name, row in _FAMILIES.items()}
        for network, seconds in sorted(self._boundaries.items()):
            families["elan_network_watermark_timestamp_seconds"].add_metric([network], seconds)
        for network, readings in sorted(self._readings.items()):
            self._count(families, network, readings)
            named = [reading for reading in readings if is_named(reading, self._smallest_group)]
            for reading in choose(named, self._series_budget):
                _add_community(families, network, reading)
        yield from families.values()

    def _count(self, families: Mapping[str, GaugeMetricFamily], network: str, readings: Sequence[Reading]) -> None:
        states = Counter(r.verdict if is_named(r, self._smallest_group) else SUPPRESSED for r in readings)
        for state, communities in sorted(states.items()):
            families["elan_communities"].add_metric([network, state], communities)
        stages = Counter(reading.alert_stage for reading in readings if reading.alert_stage)
        for stage in ("watch", "confirmed"):
            families["elan_alerts_open"].add_metric([network, "momentum", stage], stages[stage])


def _add_community(families: Mapping[str, GaugeMetricFamily], network: str, reading: Reading) -> None:
    place = [network, reading.community]
    if reading.momentum_ratio is not None:
        families["elan_community_momentum_ratio"].add_metric(place, reading.momentum_ratio)
    families["elan_community_engagement_index"].add_metric(place, reading.engagement_index)
    families["elan_community_conversational_index"].add_metric(place, reading.conversational_index)
    families["elan_community_relational_index"].add_metric(place, reading.relational_index)
    for window, members in reading.active_members.items():
        families["elan_community_active_members"].add_metric([*place, window], members)
    for phase in Phase:
        families["elan_community_phase"].add_metric([*place, phase.value], float(phase.value == reading.phase))
    # Zero is a value: an alert's series is there before and after the alert, or a rule could not see it end.
    for stage in ("watch", "confirmed"):
        is_open = float(reading.alert_stage == stage)
        families["elan_community_alert_active"].add_metric([*place, "momentum", stage], is_open)
