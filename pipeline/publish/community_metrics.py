"""The communities' series, made anew from their latest readings at every scrape, within a budget.

Communities with an open alert come first, then the largest; the rest, and those too small to be named, are counted.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from prometheus_client.core import GaugeMetricFamily

from pipeline.model import Phase
from pipeline.telemetry import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable, Iterator, Mapping, Sequence

    from prometheus_client.metrics_core import Metric

    from pipeline.history import Reading

YEAR_WINDOW = "365d"
YEAR_DAYS = 365
UNJUDGED_DAYS = 63
SUPPRESSED = "suppressed"
STATES = ("learning", "too_small", "holding", "losing_momentum", "held_back", SUPPRESSED)
"""Verdicts of the detector, which this stage may not import (a contract test compares them), and what is not told."""
_FAMILIES = {row.name: row for row in CATALOGUE if row.role == "communities"}


def is_named(reading: Reading, smallest_group: int) -> bool:
    """Whether a community had enough active members in its last year to be published by name."""
    return reading.active_members[YEAR_WINDOW] >= smallest_group


def choose(readings: Iterable[Reading], budget: int) -> list[Reading]:
    """At most `budget` readings: open alerts first, then by active members of 28 days, then by name."""
    ranked = sorted(readings, key=lambda r: (r.alert_stage is None, -r.active_members["28d"], r.community))
    return ranked[:budget]


class NetworkNews(NamedTuple):
    """The latest of one network: `boundary_seconds` is the boundary that all its shards were judged up to.

    `open_alerts` are (alert, stage) of each; `top_tenth_ratio` and `gini` tell how much of 28 days' activities the most
    active tenth of its communities made, and how unequal they are; None where nothing happened.
    """

    readings: Sequence[Reading]
    boundary_seconds: float | None
    open_alerts: Collection[tuple[str, str]]
    top_tenth_ratio: float | None
    gini: float | None


class CommunityMetrics:
    """A Prometheus collector over the latest readings; `update` replaces them, `collect` is what a scrape reads."""

    def __init__(self, smallest_group: int, series_budget: int) -> None:
        self._smallest_group = smallest_group
        self._series_budget = series_budget
        self._news: dict[str, NetworkNews] = {}

    def update(self, news: Mapping[str, NetworkNews]) -> None:
        """Take the latest of each network."""
        self._news = dict(news)

    def collect(self) -> Iterator[Metric]:
        """Metric families in the order of the catalogue."""
        families = {name: GaugeMetricFamily(name, row.help, labels=row.labels) for name, row in _FAMILIES.items()}
        for network, news in sorted(self._news.items()):
            _add_network(families, network, news)
            self._count(families, network, news.readings)
            named = [reading for reading in news.readings if is_named(reading, self._smallest_group)]
            for reading in choose(named, self._series_budget):
                _add_community(families, network, reading)
        yield from families.values()

    def _count(self, families: Mapping[str, GaugeMetricFamily], network: str, readings: Sequence[Reading]) -> None:
        states = Counter(r.verdict if is_named(r, self._smallest_group) else SUPPRESSED for r in readings)
        # Zero is a value: a rule must see the last community leave a state.
        for state in STATES:
            families["elan_communities"].add_metric([network, state], states[state])


def _add_network(families: Mapping[str, GaugeMetricFamily], network: str, news: NetworkNews) -> None:
    if news.boundary_seconds is not None:
        families["elan_network_watermark_timestamp_seconds"].add_metric([network], news.boundary_seconds)
    found = Counter(news.open_alerts)
    # Zero is a value: a rule must see an alert end.
    for alert, stage in (("momentum", "watch"), ("momentum", "confirmed"), ("network", "confirmed")):
        families["elan_alerts_open"].add_metric([network, alert, stage], found[alert, stage])
    if news.top_tenth_ratio is not None and news.gini is not None:
        families["elan_network_top_tenth_activities_ratio"].add_metric([network], news.top_tenth_ratio)
        families["elan_network_activities_gini_ratio"].add_metric([network], news.gini)
    years = judged_years(news.readings)
    if years > 0:
        early = sum(reading.early_recoveries for reading in news.readings)
        families["elan_alerts_early_recoveries_per_community_year"].add_metric([network], early / years)


def judged_years(readings: Iterable[Reading]) -> float:
    """Years that communities were judged within the last year, together; the first 9 weeks of each are not judged."""
    return sum(min(max(reading.age_days - UNJUDGED_DAYS, 0), YEAR_DAYS) for reading in readings) / YEAR_DAYS


def _add_community(families: Mapping[str, GaugeMetricFamily], network: str, reading: Reading) -> None:
    place = [network, reading.community]
    if reading.momentum_ratio is not None:
        families["elan_community_momentum_ratio"].add_metric(place, reading.momentum_ratio)
    families["elan_community_engagement_index"].add_metric(place, reading.engagement_index)
    families["elan_community_conversational_index"].add_metric(place, reading.conversational_index)
    families["elan_community_relational_index"].add_metric(place, reading.relational_index)
    if reading.engagement_percentile is not None:
        families["elan_community_engagement_percentile"].add_metric(place, reading.engagement_percentile)
    for window, members in reading.active_members.items():
        families["elan_community_active_members"].add_metric([*place, window], members)
    for phase in Phase:
        families["elan_community_phase"].add_metric([*place, phase.value], float(phase.value == reading.phase))
    # Zero is a value: an alert's series is there before and after the alert, or a rule could not see it end.
    for stage in ("watch", "confirmed"):
        is_open = float(reading.alert_stage == stage)
        families["elan_community_alert_active"].add_metric([*place, "momentum", stage], is_open)
