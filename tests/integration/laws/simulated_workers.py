"""Two workers without Kafka: the real intake and the real judging on a real Redis, driven step by step over a log."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from unittest.mock import AsyncMock, Mock

import orjson

from pipeline.cloudevents import activity_key, encode_activity, encode_clock
from pipeline.duties import Judging
from pipeline.errors import Rewind
from pipeline.ingest.batch_handler import NotYet
from pipeline.ingest.record_batch import RecordBatch
from pipeline.ingest.trust import Trust, TrustRules
from pipeline.intake import Intake
from pipeline.judging import Judge
from pipeline.kafka_topics import ActivityTopic
from pipeline.pseudonyms import Pseudonymiser
from pipeline.rules import rules_of
from pipeline.settings import require_pseudonym_key
from pipeline.telemetry import Telemetry
from pipeline.windows.aggregate import Aggregator, shard_of
from pipeline.windows.redis_progress import RedisProgress, Standing
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.redis_verdicts import RedisVerdicts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from random import Random

    import redis.asyncio

    from pipeline.intake import Work
    from pipeline.model import Activity
    from pipeline.settings import Settings

TOPIC, TOPIC_ID = "esn", "topic-id"
NAMESPACE = "laws"
SHARDS, PARTITIONS, WORKERS = 3, 3, 2
DAY_SECONDS = 86_400.0
ENOUGH = 1_000_000

Log = list[list[tuple[float, bytes, bytes | None]]]
"""Of each partition: (unix seconds of Kafka's own time, value, key), in log order."""


def log_of(chunks: Iterable[tuple[float, list[Activity]]], random: Random, lateness_seconds: float) -> Log:
    """Days of activities with their clock events, each partition out of order by less than the allowed lateness."""
    placed: list[list[tuple[float, float, bytes, bytes | None]]] = [[] for _ in range(PARTITIONS)]
    last_seconds = 0.0
    for midnight_seconds, activities in chunks:
        for records in placed:
            records.append((midnight_seconds, midnight_seconds, encode_clock(midnight_seconds), None))
        for activity in activities:
            last_seconds = max(last_seconds, activity.time.timestamp())
            seconds = activity.time.timestamp()
            place = seconds + random.uniform(-0.9, 0.9) * lateness_seconds / 2
            partition = shard_of("another hash", activity.community, PARTITIONS)
            key = activity_key(activity.network, activity.community)
            placed[partition].append((place, seconds, encode_activity(activity), key))
    closing = last_seconds + lateness_seconds + DAY_SECONDS
    for records in placed:
        records.append((closing, closing, encode_clock(closing), None))
    return [[row[1:] for row in sorted(records, key=lambda row: row[0])] for records in placed]


class SimulatedWorker:
    """One worker: its own memory, and the batches it has taken but not applied."""

    def __init__(self, client: redis.asyncio.Redis, settings: Settings, log: Log) -> None:
        self._log = log
        self.positions: dict[int, int] = {}
        self.taken: list[Work] = []
        self.letters = AsyncMock()
        store, verdicts = RedisStore(client, NAMESPACE, SHARDS), RedisVerdicts(client, NAMESPACE, SHARDS)
        self._progress = RedisProgress(client, NAMESPACE)
        lateness = settings.clock.allowed_lateness_seconds
        rules = rules_of(settings)
        self.ask_topic = AsyncMock(return_value=ActivityTopic(TOPIC_ID, PARTITIONS))
        self._intake = Intake(
            Trust(
                TrustRules(
                    settings.ingest.duplicate_horizon_records, settings.ingest.largest_record_bytes, lateness, 86_400.0
                ),
                Pseudonymiser(require_pseudonym_key(settings)),
            ),
            Aggregator(SHARDS, lambda network: settings.network(network).time_zone),
            store,
            self._progress,
            self.letters,
            Mock(),
            lateness,
            self.ask_topic,
            AsyncMock(),
        )
        self._judging = Judging(
            client,
            NAMESPACE,
            SHARDS,
            judge=Judge(store, verdicts, rules),
            rules=rules,
            verdicts=verdicts,
            progress=self._progress,
            ask_topic=self.ask_topic,
            telemetry=Telemetry("worker"),
        )

    async def assign(self, partitions: Iterable[int]) -> None:
        """Begin these partitions, and forget all that was taken: what a rebalance does."""
        self.taken.clear()
        found = await self._intake.start_positions({(TOPIC, partition) for partition in partitions})
        self.positions = {partition: offset for (_, partition), offset in found.items()}

    async def go_back(self, partition: int) -> None:
        """Let a partition be read again from its start by whoever begins it next."""
        await self._progress.stand_back(f"{TOPIC}:{partition}", Standing(0, None, None, None, TOPIC_ID))

    async def clock_seconds(self, partition: int) -> float | None:
        """The newest clock event counted of a partition; None before the first."""
        standing = (await self._progress.standings()).get(f"{TOPIC}:{partition}")
        return None if standing is None else standing.clock_seconds

    def take(self, partition: int, most_records: int) -> None:
        """Take the next records of a partition, and keep them until `apply`."""
        start = self.positions[partition]
        rows = self._log[partition][start : start + most_records]
        if not rows:
            return
        end = self.positions[partition] = start + len(rows)
        batch = RecordBatch(
            topic=TOPIC,
            partition=partition,
            start_offset=start,
            next_offset=end,
            offsets=list(range(start, end)),
            keys=[key for _, _, key in rows],
            values=[value for _, value, _ in rows],
            headers=None,
            timestamps_ms=[int(seconds * 1000) for seconds, _, _ in rows],
            highwater=len(self._log[partition]),
        )
        work = self._intake.take(batch)
        if work is not None:
            self.taken.append(work)

    async def apply(self) -> None:
        """Count what was taken, each partition in order, as far as the horizon of judging allows."""
        waiting: list[Work] = []
        for work in self.taken:
            if any(work.batch.partition == other.batch.partition for other in waiting):
                waiting.append(work)
                continue
            try:
                await self._intake.apply(work)
            except NotYet:
                waiting.append(work)
            except Rewind:
                # Another has let a partition be read again: all start again from where they stand now.
                await self.assign(self.positions)
                return
        self.taken = waiting

    async def judge(self) -> int:
        """Judge what is due -> boundaries."""
        progress = await self._judging.run_once()
        self._intake.judged_seconds = progress.reached_seconds
        await self._judging.give_back()
        return progress.boundaries


async def read_to_the_end(workers: list[SimulatedWorker], log: Log) -> None:
    """Give all partitions to the first worker, which counts and judges until nothing is left."""
    first = workers[0]
    await first.assign(range(PARTITIONS))
    while True:
        for partition in range(PARTITIONS):
            first.take(partition, ENOUGH)
        await first.apply()
        boundaries = await first.judge()
        is_read = all(first.positions[n] == len(log[n]) for n in range(PARTITIONS))
        if not first.taken and not boundaries and is_read:
            return


async def told(client: redis.asyncio.Redis) -> dict[str, Any]:
    """The last step of every alert that waits to be relayed; nothing was relayed yet."""
    entries = await RedisVerdicts(client, NAMESPACE, SHARDS).outbox(ENOUGH)
    return {entry.alert_id: orjson.loads(entry.value) for entry in entries}
