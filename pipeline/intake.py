"""What a worker does with a batch: trust it, dead-letter what cannot be used, count the rest, say where it stands."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline import clock
from pipeline.errors import RetryLater, Rewind, Stop
from pipeline.horizon import DAY_SECONDS, is_beyond, reach
from pipeline.ingest.batch_handler import NotYet
from pipeline.ingest.watermark import Watermark
from pipeline.windows.aggregate import departments_of
from pipeline.windows.redis_progress import Standing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Mapping

    from pipeline.ingest.batch_handler import Partition
    from pipeline.ingest.dead_letters import DeadLetterWriter
    from pipeline.ingest.record_batch import RecordBatch
    from pipeline.ingest.trust import Trust
    from pipeline.ingest.trusted import TrustedBatch
    from pipeline.intake_metrics import IntakeMetrics
    from pipeline.kafka_topics import ActivityTopic
    from pipeline.windows.aggregate import Aggregator, ShardDelta
    from pipeline.windows.redis_progress import RedisProgress
    from pipeline.windows.redis_store import RedisStore

log = logging.getLogger(__name__)


@dataclass(slots=True)
class Work:
    """A trusted batch on its way into the windows; `counted_to` is how far it got."""

    batch: TrustedBatch
    before: Watermark
    counted_to: int
    letters_written: bool = False
    leap_seconds: float | None = None
    """Time of the clock event at `counted_to` that went through past the horizon."""


class Intake:
    """The handler of a worker's batches (see `ingest.batch_handler.BatchHandler`)."""

    def __init__(  # noqa: PLR0917 - one maker, every part is needed
        self,
        trust: Trust,
        aggregator: Aggregator,
        store: RedisStore,
        progress: RedisProgress,
        dead_letters: DeadLetterWriter,
        metrics: IntakeMetrics,
        allowed_lateness_seconds: float,
        ask_topic: Callable[[], Awaitable[ActivityTopic]],
        claim_layout: Callable[[], Awaitable[None]],
    ) -> None:
        self._trust = trust
        self._aggregator = aggregator
        self._store = store
        self._progress = progress
        self._dead_letters = dead_letters
        self._metrics = metrics
        self._lateness_seconds = allowed_lateness_seconds
        self._ask_topic = ask_topic
        self._claim_layout = claim_layout
        self.topic: ActivityTopic | None = None
        """As it was at the newest assignment or rewind; None before the first."""
        self._uncounted_from: dict[Partition, int] = {}
        """Partitions of which nothing was fetched yet -> what was not counted before."""
        self._watermarks: dict[Partition, Watermark] = {}
        self._first_days: dict[str, int] = {}
        self.judged_seconds: float | None = None
        """Event time up to which all is judged; None before anybody has looked, or could know."""
        self._begun_seconds: float | None = None
        """What stands in for it: the first day of a network, or the first time that any partition has told."""
        self.is_early = False
        """Whether a batch waits for judging to follow."""

    async def start_positions(self, partitions: set[Partition]) -> Mapping[Partition, int]:
        """Where each partition stands, less what fills the memory of ids."""
        self.topic = topic = await self._ask_topic()
        # Redis may be empty, and nobody else may have noticed.
        await self._claim_layout()
        self._first_days.clear()
        first_days = await self._progress.first_days()
        self._begun_seconds = min(first_days.values()) * DAY_SECONDS if first_days else None
        self._store.forget_described()
        standings = await self._standings(topic, partitions)
        self._uncounted_from = {partition: standing.next_offset for partition, standing in standings.items()}
        positions = {}
        for partition in partitions:
            standing = standings.get(partition)
            fence = standing.next_offset if standing else 0
            watermark = Watermark(standing.clock_seconds, standing.activity_seconds) if standing else Watermark()
            self._watermarks[partition] = watermark
            positions[partition] = self._trust.start(*partition, fence, watermark)
        await self._store.fences.accept()
        self._progress.go_on_from({_name(partition): standing for partition, standing in standings.items()})
        self._metrics.assigned(partitions)
        return positions

    async def _standings(self, topic: ActivityTopic, partitions: set[Partition]) -> dict[Partition, Standing]:
        """Where these partitions stand, after whatever Redis may have lost of them, and the topic its past."""
        kept = await self._progress.standings()
        lost = await self._store.fences.lost([self._fence_name(partition) for partition in partitions])
        topic_id, standings = topic.identity, {}
        for partition in partitions:
            # Who went back because of it has said so; but a rebalance may come first, or it happened before the start.
            if self._fence_name(partition) in lost and partition not in self._watermarks:
                log.error("Redis has lost activities of %s:%d: reading again from what it still knows", *partition)
                self._metrics.lost()
            standing = kept.get(_name(partition))
            if standing is None:
                continue
            if topic.was_made_anew(standing.topic_id):
                log.error("Topic %s was made anew: partition %d is read from its start", *partition)
                standing = Standing(0, None, None, None, topic_id)
                await self._progress.stand_back(_name(partition), standing)
            elif (offset := lost.get(self._fence_name(partition), standing.next_offset)) < standing.next_offset:
                # One node of several has lost something: event time begins again with what is read again, so that
                # nothing is judged before it has been counted.
                standing = Standing(offset, None, None, None, topic_id)
                await self._progress.stand_back(_name(partition), standing)
            standings[partition] = standing
        return standings

    async def verify(self) -> None:
        """Ask whether Redis still has what it has confirmed: while nothing arrives, no write would notice.

        Raises:
            Rewind: it has lost something.
            RetryLater: Redis is away.
        """
        await self._store.fences.verify()

    @property
    def _topic_id(self) -> str:
        return "" if self.topic is None else self.topic.identity

    def _fence_name(self, partition: Partition) -> str:
        return f"{self._topic_id or partition[0]}:{partition[1]}"

    def revoked(self, partitions: set[Partition]) -> None:
        """These partitions are somebody else's now."""
        for partition in partitions:
            self._trust.forget(*partition)
            self._watermarks.pop(partition, None)
            self._uncounted_from.pop(partition, None)
        self._metrics.revoked(partitions)

    def take(self, batch: RecordBatch) -> Work | None:
        """Trust a batch, once and in order."""
        started = clock.monotonic_seconds()
        trusted = self._trust.take(batch)
        # Faust holds it until it is acknowledged, and eight batches of 20,000 records would be 90 MB.
        batch.let_go()
        self._metrics.stage("trust", clock.monotonic_seconds() - started)
        partition = (batch.topic, batch.partition)
        self._see_where_the_log_begins(partition, batch.start_offset)
        if trusted is None:
            return None
        before, self._watermarks[partition] = self._watermarks[partition], trusted.watermark
        return Work(trusted, before, trusted.first_offset)

    def _see_where_the_log_begins(self, partition: Partition, start_offset: int) -> None:
        """Say what was deleted before it was counted: Kafka's retention, or somebody, was faster than the workers."""
        uncounted_from = self._uncounted_from.pop(partition, start_offset)
        if start_offset > uncounted_from:
            place = (uncounted_from, start_offset - 1, *partition)
            log.error("Offsets %d to %d of topic %s, partition %d, were deleted before they were counted", *place)
            self._metrics.missed(start_offset - uncounted_from)

    async def apply(self, work: Work) -> None:
        """Count a batch, as far as the horizon allows.

        Raises:
            NotYet: the batch goes beyond the horizon; call again soon.
            RetryLater: Redis or Kafka is away; call again with the same work.
            Rewind: Redis has lost something; start again from `start_positions`.
        """
        try:
            if not work.letters_written:
                await self._dead_letters.write(work.batch.dead)
                work.letters_written = True
            await self._count(work)
        except RetryLater as trouble:
            self._metrics.trouble(trouble)
            raise
        except Rewind:
            self._metrics.lost()
            raise
        self._metrics.counted(work.batch)

    async def _count(self, work: Work) -> None:
        if self._begun_seconds is None and work.batch.clocks:
            self._begun_seconds = work.batch.clocks[0].seconds
        while not self._is_done(work):
            end, watermark, leap_seconds = reach(
                work.batch, work.counted_to, self.judged_seconds, self._begun_seconds, self._lateness_seconds
            )
            self.is_early = end == work.counted_to
            if self.is_early:
                raise NotYet
            await self._count_up_to(work, end, watermark)
            work.counted_to, work.leap_seconds = end, leap_seconds

    def _is_done(self, work: Work) -> bool:
        if work.leap_seconds is not None:
            self.is_early = self.judged_seconds is None or is_beyond(work.leap_seconds, self.judged_seconds)
            if self.is_early:
                raise NotYet
        return work.counted_to >= work.batch.next_offset

    async def _count_up_to(self, work: Work, end: int, watermark: Watermark) -> None:
        batch, first = work.batch, work.counted_to
        activities = batch.activities_between(first, end)
        started = clock.monotonic_seconds()
        shards = self._aggregator.add(activities)
        aggregated = clock.monotonic_seconds()
        name = self._fence_name((batch.topic, batch.partition))
        await self._begin_networks(shards, work.before)
        await self._store.describe(departments_of(activities))
        straddling = await self._store.apply(name, first, end, shards)
        for shard, fence in straddling.items():
            # Somebody counted a part of this batch in this shard: the rest of it, once.
            rest = self._aggregator.add(batch.activities_between(fence, end)).get(shard)
            if rest is not None and await self._store.apply(name, fence, end, {shard: rest}):
                raise Stop(f"Shard {shard} counted partition {name} beside this worker; start it again.")
        # At once: who was thought dead may lose the partition before it gets any further.
        self._metrics.refused(self._store.refused)
        await self._store.fences.confirm(name)
        limit = watermark.seconds(self._lateness_seconds)
        standing = Standing(end, watermark.clock_seconds, watermark.activity_seconds, limit, self._topic_id)
        await self._progress.stand(_name((batch.topic, batch.partition)), standing)
        self._metrics.stage("aggregate", aggregated - started)
        self._metrics.stage("apply", clock.monotonic_seconds() - aggregated)

    async def _begin_networks(self, shards: Mapping[int, ShardDelta], before: Watermark) -> None:
        """Judging of a network begins with its first day, and where a live clock runs already, not before that."""
        found: dict[str, int] = {}
        for shard in shards.values():
            for network, delta in shard.items():
                first = min(delta.days)
                found[network] = min(found.get(network, first), first)
        if before.clock_seconds is not None:
            clock_seconds = before.clock_seconds
            slots = self._aggregator.slots
            found = {name: max(day, slots(name)(clock_seconds).day) for name, day in found.items()}
        lower = {network: day for network, day in found.items() if day < self._first_days.get(network, day + 1)}
        if lower:
            await self._progress.lower_first_days(lower)
            self._first_days |= lower


def _name(partition: Partition) -> str:
    return f"{partition[0]}:{partition[1]}"
