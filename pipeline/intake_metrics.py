"""What a worker tells of its intake, and whether it gets on."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline import clock
from pipeline.windows.redis_scripts import RedisAway

if TYPE_CHECKING:
    from pipeline.errors import RetryLater
    from pipeline.ingest.batch_handler import Partition
    from pipeline.ingest.trusted import TrustedBatch
    from pipeline.telemetry import Telemetry

STUCK_SECONDS = 60.0
INTAKE = "intake"
_MS = 1000.0


class IntakeMetrics:
    """Updated once a batch; every child is bound once, since binding costs four times as much as counting."""

    def __init__(self, telemetry: Telemetry, allowed_lateness_seconds: float) -> None:
        self._telemetry = telemetry
        self._lateness_seconds = allowed_lateness_seconds
        self._events = telemetry.counter("elan_events_total")
        self._dead_letters = telemetry.counter("elan_dead_letters_total")
        self._batches = telemetry.counter("elan_batches_total")
        self._batch_events = telemetry.histogram("elan_batch_events")
        self._durations = telemetry.histogram("elan_batch_duration_seconds")
        self._lag_seconds = telemetry.histogram("elan_event_time_lag_seconds")
        self._heartbeat = telemetry.gauge("elan_heartbeat_timestamp_seconds")
        self._fenced = telemetry.counter("elan_redis_fenced_writes_total")
        self._refused = 0
        self._owned: set[Partition] = set()
        self._troubles: dict[str, str] = {INTAKE: "no partitions were assigned yet"}
        """What cannot be done for the moment -> why."""
        self._behind = False
        self._progress_seconds = clock.monotonic_seconds()

    def assigned(self, partitions: set[Partition]) -> None:
        """An assignment came; it may be empty, then this worker stands by."""
        self._owned = set(partitions)
        self.over(INTAKE)
        self._telemetry.gauge("elan_partitions_assigned").set(len(partitions))
        self._telemetry.counter("elan_rebalances_total").inc()

    def revoked(self, partitions: set[Partition]) -> None:
        """Series of partitions that somebody else owns would stand still: take them away."""
        self._owned -= partitions
        self._telemetry.gauge("elan_partitions_assigned").set(len(self._owned))
        for topic, partition in partitions:
            for name in _OF_PARTITION:
                self._telemetry.gauge(name).remove_by_labels({"topic": topic, "partition": str(partition)})

    def stage(self, stage: str, seconds: float) -> None:
        """A batch spent so long in a stage."""
        self._durations.labels(stage).observe(seconds)

    def refused(self, in_all: int) -> None:
        """The fence has refused so many writes since the start: what they hold was counted before."""
        self._fenced.inc(in_all - self._refused)
        self._refused = in_all

    def lost(self) -> None:
        """Redis has lost what it had confirmed."""
        self._telemetry.counter("elan_redis_data_losses_total").inc()

    def missed(self, offsets: int) -> None:
        """So many offsets were deleted before they were counted."""
        self._telemetry.counter("elan_records_missed_total").inc(offsets)

    def trouble(self, error: RetryLater, what: str = INTAKE) -> None:
        """A server is away, and this cannot be done until it is back."""
        self._troubles[what] = str(error)
        if isinstance(error, RedisAway):
            self._telemetry.counter("elan_redis_errors_total").labels(error.kind).inc()

    def over(self, what: str) -> None:
        """This could be done again."""
        self._troubles.pop(what, None)

    def counted(self, batch: TrustedBatch) -> None:
        """A batch is in the windows, and its dead letters are written."""
        self.over(INTAKE)
        self._progress_seconds = clock.monotonic_seconds()
        for outcome, records in batch.outcomes.items():
            self._events.labels(outcome.value).inc(records)
        for letter in batch.dead:
            self._dead_letters.labels(letter.reason.value).inc()
        self._batches.inc()
        self._batch_events.observe(sum(batch.outcomes.values()))
        if batch.clock_seconds is not None:
            self._heartbeat.labels("intake").set(batch.clock_seconds)
        # A batch may end after its partition was given away: its series would come back, and stand still for ever.
        if (batch.topic, batch.partition) in self._owned:
            self._place(batch)

    def _place(self, batch: TrustedBatch) -> None:
        place = (batch.topic, str(batch.partition))
        lag_records = max(0, batch.highwater - batch.next_offset)
        self._behind = lag_records > 0
        now_seconds = clock.now_seconds()
        age_seconds = max(0.0, now_seconds - batch.newest_timestamp_ms / _MS) if batch.newest_timestamp_ms > 0 else 0.0
        gauge = self._telemetry.gauge
        gauge("elan_consumer_lag_records").labels(*place).set(lag_records)
        gauge("elan_consumer_lag_seconds").labels(*place).set(age_seconds if lag_records else 0.0)
        gauge("elan_fence_offset").labels(*place).set(batch.next_offset)
        watermark_seconds = batch.watermark.seconds(self._lateness_seconds)
        if watermark_seconds is not None:
            gauge("elan_watermark_timestamp_seconds").labels(*place).set(watermark_seconds)
        if batch.activities:
            self._lag_seconds.observe(max(0.0, now_seconds - batch.activities[-1][1]))

    def why_not_ready(self) -> str | None:
        """None while this worker gets on: assigned or standing by, servers there, no batch stuck."""
        for reason in self._troubles.values():
            return reason
        if self._behind and clock.monotonic_seconds() - self._progress_seconds > STUCK_SECONDS:
            return f"no batch was counted for {STUCK_SECONDS:.0f} seconds although there is more to read"
        return None


_OF_PARTITION = (
    "elan_consumer_lag_records",
    "elan_consumer_lag_seconds",
    "elan_watermark_timestamp_seconds",
    "elan_fence_offset",
)
