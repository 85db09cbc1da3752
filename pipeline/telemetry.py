"""The catalogue of metrics: every name, type, label and help text that Élan exposes, in one table.

Conventions: prefix `elan_`, base units, `_total` for counters. No person is ever a label. Label values come from closed
sets, from what is configured (topic, partition), or from the events (network, community): the communities of a network
have a budget, the networks have none.
"""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from itertools import product
from typing import Literal, TypeVar

import prometheus_client
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram

from pipeline.model import AlertKind, AlertState, Outcome, Reason

# Each counter and histogram child would carry one more `_created` series.
prometheus_client.disable_created_metrics()  # type: ignore[no-untyped-call]

M = TypeVar("M", Counter, Gauge, Histogram)
Type = Literal["counter", "gauge", "histogram"]
ClosedSet = type[Enum]
BATCH_BUCKETS = (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0)
LAG_BUCKETS = (0.1, 0.5, 1.0, 5.0, 15.0, 60.0, 300.0, 900.0, 3600.0, 86400.0)


@dataclass(frozen=True, slots=True)
class Metric:
    """One row of the catalogue.

    `role` is who exposes it: each worker, `serve`, or both; `communities` are made by `publish.community_metrics` at
    each scrape of `serve`. `closed` are the values of each label of a counter, where they are a closed set.
    """

    name: str
    type: Type
    help: str
    labels: tuple[str, ...] = ()
    role: Literal["worker", "serve", "both", "communities"] = "worker"
    buckets: tuple[float, ...] = BATCH_BUCKETS
    closed: tuple[ClosedSet, ...] = ()


CATALOGUE: tuple[Metric, ...] = (
    Metric("elan_build_info", "gauge", "Version of Élan and Python; always 1.", ("version", "python"), "both"),
    Metric("elan_ready", "gauge", "1 while the process does its work: servers reachable, progress fresh.", (), "both"),
    # worker: what came in and what became of it
    Metric(
        "elan_events_total",
        "counter",
        "Records consumed by outcome (counted, late, duplicate, clock, dead_letter): together the offsets consumed.",
        ("outcome",),
        closed=(Outcome,),
    ),
    Metric(
        "elan_dead_letters_total",
        "counter",
        "Records sent to the dead-letter topic, by reason.",
        ("reason",),
        closed=(Reason,),
    ),
    Metric("elan_batches_total", "counter", "Batches applied to Redis."),
    Metric("elan_batch_events", "histogram", "Records in a batch.", buckets=(1, 10, 100, 500, 1000, 2500, 5000, 10000)),
    Metric("elan_batch_duration_seconds", "histogram", "Time a batch spends in a stage.", ("stage",)),
    Metric("elan_event_time_lag_seconds", "histogram", "Age of an activity when it is applied.", buckets=LAG_BUCKETS),
    Metric("elan_records_missed_total", "counter", "Offsets deleted from the activity topic before they were counted."),
    # worker: where it stands
    Metric("elan_consumer_lag_records", "gauge", "Records of a partition not yet applied.", ("topic", "partition")),
    Metric(
        "elan_consumer_lag_seconds",
        "gauge",
        "Age of the next record to apply; 0 when caught up.",
        ("topic", "partition"),
    ),
    Metric(
        "elan_watermark_timestamp_seconds", "gauge", "Event time that a partition has passed.", ("topic", "partition")
    ),
    Metric("elan_fence_offset", "gauge", "Next offset that the windows will take.", ("topic", "partition")),
    Metric("elan_partitions_assigned", "gauge", "Partitions this worker owns."),
    Metric("elan_rebalances_total", "counter", "Assignments of partitions received."),
    Metric(
        "elan_heartbeat_timestamp_seconds",
        "gauge",
        "Time carried by the newest clock event a stage has seen.",
        ("stage",),
    ),
    Metric("elan_redis_errors_total", "counter", "Commands to Redis that failed, by kind.", ("kind",)),
    Metric(
        "elan_redis_fenced_writes_total", "counter", "Batches or parts of them that the fence refused: already counted."
    ),
    Metric(
        "elan_redis_data_losses_total",
        "counter",
        "Times that Redis knew less than it had confirmed: read again from Kafka.",
    ),
    Metric("elan_judged_boundary_timestamp_seconds", "gauge", "Newest boundary this worker judged.", ("network",)),
    Metric("elan_judge_duration_seconds", "histogram", "Time to judge the due boundaries of a group of shards."),
    Metric(
        "elan_alert_transitions_total",
        "counter",
        "Alert steps decided.",
        ("alert", "state"),
        closed=(AlertKind, AlertState),
    ),
    Metric("elan_alerts_relayed_total", "counter", "Alert records written to the alerts topic."),
    # serve: the communities
    Metric(
        "elan_communities",
        "gauge",
        "Communities by state: learning, too_small, holding, held_back, losing_momentum, suppressed.",
        ("network", "state"),
        "communities",
    ),
    Metric("elan_alerts_open", "gauge", "Open alerts.", ("network", "alert", "stage"), "communities"),
    Metric(
        "elan_alerts_early_recoveries_per_community_year",
        "gauge",
        "Alerts of the last year resolved as recovered within six weeks: an estimate of those raised for nothing.",
        ("network",),
        "communities",
    ),
    Metric(
        "elan_network_top_tenth_activities_ratio",
        "gauge",
        "Share of 28 days' activities in the most active tenth of the communities.",
        ("network",),
        "communities",
    ),
    Metric(
        "elan_network_activities_gini_ratio",
        "gauge",
        "Gini coefficient of 28 days' activities over communities; 0 = all alike.",
        ("network",),
        "communities",
    ),
    Metric(
        "elan_network_watermark_timestamp_seconds",
        "gauge",
        "Newest boundary judged for every shard of a network.",
        ("network",),
        "communities",
    ),
    Metric(
        "elan_community_momentum_ratio",
        "gauge",
        "Present level against the own baseline; 1 = holding.",
        ("network", "community"),
        "communities",
    ),
    Metric(
        "elan_community_engagement_index",
        "gauge",
        "Weighted activities per active member, last 28 days.",
        ("network", "community"),
        "communities",
    ),
    Metric(
        "elan_community_conversational_index",
        "gauge",
        "Conversational axis of the engagement index.",
        ("network", "community"),
        "communities",
    ),
    Metric(
        "elan_community_relational_index",
        "gauge",
        "Relational axis of the engagement index.",
        ("network", "community"),
        "communities",
    ),
    Metric(
        "elan_community_engagement_percentile",
        "gauge",
        "Place of the engagement index among communities of the same age, 0 to 100.",
        ("network", "community"),
        "communities",
    ),
    Metric(
        "elan_community_active_members",
        "gauge",
        "Distinct active members of a window.",
        ("network", "community", "window"),
        "communities",
    ),
    Metric(
        "elan_community_phase",
        "gauge",
        "1 for the phase the community is in.",
        ("network", "community", "phase"),
        "communities",
    ),
    Metric(
        "elan_community_alert_active",
        "gauge",
        "1 while an alert of the community is open.",
        ("network", "community", "alert", "stage"),
        "communities",
    ),
)


class Telemetry:
    """The metrics of one process, bound to one registry; `telemetry["elan_ready"]` is the client's object."""

    def __init__(self, role: Literal["worker", "serve"], registry: CollectorRegistry | None = None) -> None:
        self.registry = registry if registry is not None else CollectorRegistry()
        self._metrics: dict[str, Counter | Gauge | Histogram] = {}
        for row in CATALOGUE:
            if row.role in (role, "both"):
                self._metrics[row.name] = _make(row, self.registry)

    def counter(self, name: str) -> Counter:
        """The counter of that name in the catalogue."""
        return _typed(self._metrics[name], Counter)

    def gauge(self, name: str) -> Gauge:
        """The gauge of that name in the catalogue."""
        return _typed(self._metrics[name], Gauge)

    def histogram(self, name: str) -> Histogram:
        """The histogram of that name in the catalogue."""
        return _typed(self._metrics[name], Histogram)


def _make(row: Metric, registry: CollectorRegistry) -> Counter | Gauge | Histogram:
    if row.type == "counter":
        counter = Counter(row.name, row.help, row.labels, registry=registry)
        # A series that begins at its first event never increases: zero comes first, or no rule sees that event.
        if row.closed:
            for values in product(*row.closed):
                counter.labels(*(each.value for each in values))
        return counter
    if row.type == "gauge":
        return Gauge(row.name, row.help, row.labels, registry=registry)
    return Histogram(row.name, row.help, row.labels, registry=registry, buckets=row.buckets)


def _typed(metric: object, wanted: type[M]) -> M:
    if not isinstance(metric, wanted):
        message = f"{metric} is no {wanted.__name__}"
        raise TypeError(message)
    return metric
