"""How long it takes from the call that produces an activity until the windows in Redis hold it."""

from __future__ import annotations

import asyncio
import contextlib
import math
import tempfile
from dataclasses import dataclass, field
from itertools import chain
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
from aiokafka.errors import KafkaError

from pipeline import clock
from pipeline.errors import RetryLater, ServerError
from pipeline.kafka_clients import aiokafka_producer
from pipeline.lab.bench_topic import DAY_SECONDS, EVENTS_A_MILLION, MadeUpStream
from pipeline.lab.bench_topic_servers import PARTITIONS
from pipeline.lab.bench_topic_worker import BenchWorker
from pipeline.redis_clients import async_redis_client
from pipeline.windows.redis_progress import RedisProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.lab.bench_topic import Record
    from pipeline.lab.bench_topic_servers import BenchPlace
    from pipeline.windows.redis_progress import Standing

    Progress = Callable[[str], None]

POLL_SECONDS = 0.005
LINGER_MILLISECONDS = 5
"""What Kafka's own producers wait for company since Kafka 4: part of what is measured, as is the pause of looking."""
STUCK_SECONDS = 30.0
WARM_UP_SECONDS = 2.0
"""At the beginning, not measured: connections are made, code is loaded."""
MILLISECONDS = 1000.0
MEDIAN, NEARLY_ALL = 0.5, 0.99


class LatencyBench(msgspec.Struct, frozen=True):
    """Milliseconds from the call of `send` until the standing of the partition in Redis was seen beyond the record."""

    p50_ms: float
    p99_ms: float
    max_ms: float
    events: int
    """Measured, those of the warm-up left out."""
    events_per_second: float
    """As they were really sent."""


@dataclass(slots=True)
class Arrivals:
    """Who was sent when, and how long it took until it was seen; offsets begin with 0 in a fresh topic."""

    sent_seconds: dict[int, list[float]] = field(default_factory=dict)
    """Partition -> moment of each offset."""
    seen: dict[int, int] = field(default_factory=dict)
    """Partition -> offset after the last seen."""
    waits: list[tuple[float, float]] = field(default_factory=list)
    """(moment sent, seconds until seen) of each record, in the order in which they were seen."""

    def sent(self, partition: int, moment: float) -> None:
        """The next record of a partition is about to be sent."""
        self.sent_seconds.setdefault(partition, []).append(moment)

    def look(self, standings: Mapping[str, Standing], moment: float) -> None:
        """Redis has told where the partitions stand (`<topic>:<partition>`).

        Raises:
            ServerError: more was counted than was sent.
        """
        for name, standing in standings.items():
            partition = int(name.rpartition(":")[2])
            moments, before = self.sent_seconds.get(partition, []), self.seen.get(partition, 0)
            if standing.next_offset > len(moments):
                raise ServerError(f"Partition {partition} was counted up to {standing.next_offset:,}, beyond its end.")
            self.waits += [(sent, moment - sent) for sent in moments[before : standing.next_offset]]
            self.seen[partition] = standing.next_offset

    @property
    def missing(self) -> int:
        """Records sent and not seen yet."""
        return sum(len(moments) for moments in self.sent_seconds.values()) - sum(self.seen.values())


async def run_latency_bench(
    place: BenchPlace, events_per_second: float, seconds: float, progress: Progress
) -> LatencyBench:
    """Send activities of the present at an even pace and watch one worker count them.

    Raises:
        ServerError: a server or the worker fails, or a record was not counted.
    """
    all_seconds = WARM_UP_SECONDS + seconds
    spread_days = EVENTS_A_MILLION / events_per_second / DAY_SECONDS
    events = math.ceil(events_per_second * all_seconds)
    records = list(chain.from_iterable(MadeUpStream(events, spread_days, PARTITIONS, clock.now_seconds()).chunks()))
    arrivals = Arrivals()
    async with contextlib.AsyncExitStack() as stack:
        folder = stack.enter_context(tempfile.TemporaryDirectory(prefix="elan-bench-"))
        client = await stack.enter_async_context(async_redis_client(place.settings))
        watcher = _Watcher(RedisProgress(client, place.settings.redis.namespace), arrivals)
        progress("one worker starts")
        worker = stack.enter_context(BenchWorker(place.environment, Path(folder)))
        worker.await_readiness()
        clocks, activities = records[:PARTITIONS], records[PARTITIONS:]
        await _send(place, clocks, math.inf, arrivals)
        await watcher.watch_until_all_are_seen(worker)
        arrivals.waits.clear()
        progress(f"{events:,} events to {place.broker}, {events_per_second:,.0f} a second")
        sending = asyncio.create_task(_send(place, activities, events_per_second, arrivals))
        await watcher.watch_until_all_are_seen(worker, sending)
    return figures(arrivals.waits, WARM_UP_SECONDS)


def figures(waits: Sequence[tuple[float, float]], warm_up_seconds: float) -> LatencyBench:
    """The figures of (moment sent, seconds until seen), those of the first seconds left out."""
    begin = min(sent for sent, _ in waits) + warm_up_seconds
    measured = sorted((wait, sent) for sent, wait in waits if sent >= begin)
    moments = [sent for _, sent in measured]
    return LatencyBench(
        p50_ms=_milliseconds(measured[_rank(MEDIAN, len(measured))][0]),
        p99_ms=_milliseconds(measured[_rank(NEARLY_ALL, len(measured))][0]),
        max_ms=_milliseconds(measured[-1][0]),
        events=len(measured),
        events_per_second=round((len(moments) - 1) / max(max(moments) - min(moments), POLL_SECONDS), 1),
    )


class _Watcher:
    """Looks at the standings in Redis every five milliseconds or so."""

    def __init__(self, progress: RedisProgress, arrivals: Arrivals) -> None:
        self._progress = progress
        self._arrivals = arrivals

    async def watch_until_all_are_seen(self, worker: BenchWorker, sending: asyncio.Task[None] | None = None) -> None:
        moved = clock.monotonic_seconds()
        while self._arrivals.missing or (sending is not None and not sending.done()):
            before = len(self._arrivals.waits)
            with contextlib.suppress(RetryLater):
                standings = await self._progress.standings()
                self._arrivals.look(standings, clock.monotonic_seconds())
            if len(self._arrivals.waits) > before:
                moved = clock.monotonic_seconds()
            elif clock.monotonic_seconds() - moved > STUCK_SECONDS:
                worker.require_alive()
                raise ServerError(f"{self._arrivals.missing:,} records were not counted within {STUCK_SECONDS:.0f} s.")
            await asyncio.sleep(POLL_SECONDS)
        if sending is not None:
            await sending


async def _send(place: BenchPlace, records: Sequence[Record], events_per_second: float, arrivals: Arrivals) -> None:
    """Send each when it is due, at once where `events_per_second` is infinite; ends when all are acknowledged."""
    topic, acknowledgements = place.settings.kafka.activity_topic, []
    async with aiokafka_producer(place.settings, linger_milliseconds=LINGER_MILLISECONDS) as producer:
        began = clock.monotonic_seconds()
        try:
            for number, record in enumerate(records):
                due = began + number / events_per_second
                if (early := due - clock.monotonic_seconds()) > 0:
                    await asyncio.sleep(early)
                arrivals.sent(record.partition, clock.monotonic_seconds())
                future = await producer.send(topic, record.value, key=record.key, partition=record.partition)
                acknowledgements.append(future)
            await asyncio.gather(*acknowledgements)
        except KafkaError as error:
            raise ServerError(f"Kafka does not take the records of the bench ({error}).") from error


def _rank(share: float, size: int) -> int:
    """Place of a quantile among so many sorted: the smallest that at least this share does not exceed."""
    return max(0, math.ceil(share * size) - 1)


def _milliseconds(seconds: float) -> float:
    return round(seconds * MILLISECONDS, 1)
