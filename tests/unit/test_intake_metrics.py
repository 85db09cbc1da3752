"""What a worker tells of its partitions ends when they are somebody else's."""

from __future__ import annotations

from prometheus_client import CollectorRegistry

from pipeline.ingest.trust import Trust
from pipeline.ingest.watermark import Watermark
from pipeline.intake_metrics import IntakeMetrics
from pipeline.telemetry import Telemetry
from tests.unit.ingest.records import HOUR, NOON, RULES, activity, batch

PARTITION = ("esn", 3)


def test_a_batch_that_ends_after_its_partition_was_given_away_brings_no_series_of_it_back() -> None:
    registry = CollectorRegistry()
    metrics = IntakeMetrics(Telemetry("worker", registry), HOUR)
    trust = Trust(RULES, lambda _, actor: actor)
    trust.start(*PARTITION, 0, Watermark(NOON))
    first, second = trust.take(batch([activity("1")])), trust.take(batch([activity("2")], start=1))
    assert first is not None
    assert second is not None

    def fence() -> float | None:
        return registry.get_sample_value("elan_fence_offset", {"topic": "esn", "partition": "3"})

    metrics.assigned({PARTITION})
    metrics.counted(first)
    assert fence() == 1
    metrics.revoked({PARTITION})
    metrics.counted(second)
    assert fence() is None
    assert registry.get_sample_value("elan_events_total", {"outcome": "counted"}) == 2
