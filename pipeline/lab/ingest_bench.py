"""What a worker costs for a million activities, beside stock Faust on the same broker and the same events."""

from __future__ import annotations

import asyncio
import contextlib
import tempfile
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pipeline import clock
from pipeline.errors import RetryLater, ServerError
from pipeline.lab.bench_topic import COMMUNITIES, EVENTS_A_MILLION, MadeUpStream, past_start, write_stream
from pipeline.lab.bench_topic_servers import PARTITIONS, redis_core_seconds
from pipeline.lab.bench_topic_worker import BenchWorker
from pipeline.lab.ingest_bench_stock import measure_stock_faust
from pipeline.redis_clients import async_redis_client
from pipeline.windows.redis_progress import RedisProgress

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence

    from pipeline.lab.bench_topic_servers import BenchPlace
    from pipeline.lab.ingest_bench_stock import StockCost
    from pipeline.windows.redis_progress import Standing

    Progress = Callable[[str], None]

POLL_SECONDS = 0.02
STUCK_SECONDS = 60.0
MEBIBYTE = 1024 * 1024


class IngestBench(msgspec.Struct, frozen=True):
    """Figures of one run; seconds are those of a core, all workers together. None: stock Faust was left out."""

    elan_cpu_seconds_per_million: float
    stock_faust_cpu_seconds_per_million: float | None
    ratio: float | None
    """How many times Élan's seconds stock Faust needs."""
    events_per_second: float
    """Of all workers together, from the first record counted to the last."""
    worker_rss_mb: float
    """The most that one of them held, in MiB."""
    redis_cpu_seconds_per_million: float
    workers: int = 1
    communities: int = COMMUNITIES


@dataclass(frozen=True, slots=True)
class IngestOptions:
    """What is read: a made-up stream."""

    events: int
    spread_days: float
    stock_events: int
    """Activities of these that stock Faust reads, which is slow; 0 leaves it out."""
    communities: int = COMMUNITIES
    workers: int = 1


class WorkerCost(NamedTuple):
    """What the workers took for a topic, from before the first batch to the last record counted."""

    core_seconds: float
    redis_core_seconds: float
    peak_rss_bytes: int
    records_per_second: float


async def run_ingest_bench(place: BenchPlace, options: IngestOptions, progress: Progress) -> IngestBench:
    """Write the topic, let the workers read it to the end, see that all was counted.

    Raises:
        ServerError: a server or the worker fails, or a record was not counted.
    """
    progress(f"writing {options.events:,} events to {place.broker}")
    start = past_start(options.events, options.spread_days)
    stream = MadeUpStream(options.events, options.spread_days, PARTITIONS, start, options.communities)
    ends = await write_stream(place.settings, stream.chunks())
    progress("one worker reads them" if options.workers == 1 else f"{options.workers} workers read them")
    with tempfile.TemporaryDirectory(prefix="elan-bench-") as folder:
        cost, stock = await measure_workers(place, ends, Path(folder), options.workers), None
        if stock_events := min(options.stock_events, options.events):
            progress(f"stock Faust reads {stock_events:,} of them")
            stock = await asyncio.to_thread(measure_stock_faust, place, stock_events, Path(folder))
    return figures(options, cost, stock)


def figures(options: IngestOptions, cost: WorkerCost, stock: StockCost | None) -> IngestBench:
    """The figures of all activities, and of the share that stock Faust has read."""
    millions = options.events / EVENTS_A_MILLION
    stock_seconds = None if stock is None else stock.core_seconds / stock.events * EVENTS_A_MILLION
    return IngestBench(
        elan_cpu_seconds_per_million=round(cost.core_seconds / millions, 2),
        stock_faust_cpu_seconds_per_million=None if stock_seconds is None else round(stock_seconds, 1),
        ratio=None if stock_seconds is None else round(stock_seconds * millions / cost.core_seconds, 1),
        events_per_second=round(cost.records_per_second),
        worker_rss_mb=round(cost.peak_rss_bytes / MEBIBYTE, 1),
        redis_cpu_seconds_per_million=round(cost.redis_core_seconds / millions, 2),
        workers=options.workers,
        communities=options.communities,
    )


async def measure_workers(place: BenchPlace, ends: Mapping[int, int], folder: Path, workers: int = 1) -> WorkerCost:
    """Let so many workers, started together, count up to the end of each partition.

    Raises:
        ServerError: the worker ended, counts no further, or counted what is not there.
    """
    async with async_redis_client(place.settings) as client:
        progress = RedisProgress(client, place.settings.redis.namespace)
        # Before the workers: their start is not Redis's work, but the first batch is.
        redis_before = redis_core_seconds(place.settings)
        with contextlib.ExitStack() as stack:
            folders = [folder / f"worker-{number}" for number in range(workers)]
            crew = [stack.enter_context(BenchWorker(place.environment, own)) for own in folders]
            for worker in crew:
                worker.await_readiness()
            before = sum(worker.core_seconds() for worker in crew)
            rate = await _rate(progress, ends, crew)
            core_seconds = sum(worker.core_seconds() for worker in crew) - before
            redis_seconds = redis_core_seconds(place.settings) - redis_before
            return WorkerCost(core_seconds, redis_seconds, max(worker.peak_rss_bytes() for worker in crew), rate)


async def _rate(progress: RedisProgress, ends: Mapping[int, int], crew: Sequence[BenchWorker]) -> float:
    """Wait until all is counted -> records a second since the last moment at which nothing was counted yet."""
    total, counted = sum(ends.values()), 0
    began = moved = clock.monotonic_seconds()
    while counted < total:
        for worker in crew:
            worker.require_alive()
        now, before = clock.monotonic_seconds(), counted
        with contextlib.suppress(RetryLater):
            counted = counted_of(await progress.standings(), ends)
        if counted == 0:
            began = now
        if counted != before:
            moved = now
        if now - moved > STUCK_SECONDS:
            raise ServerError(f"Of {total:,} records {counted:,} were counted, then no more.")
        await asyncio.sleep(POLL_SECONDS)
    return total / (now - began)


def counted_of(standings: Mapping[str, Standing], ends: Mapping[int, int]) -> int:
    """Records counted so far; standings go by `<topic>:<partition>`.

    Raises:
        ServerError: more was counted in a partition than was written to it.
    """
    counted = {int(name.rpartition(":")[2]): standing.next_offset for name, standing in standings.items()}
    for partition, offset in counted.items():
        if offset > ends.get(partition, 0):
            end = ends.get(partition, 0)
            raise ServerError(f"Partition {partition} was counted up to {offset:,}, but {end:,} records are in it.")
    return sum(counted.values())
