"""The figures of the ingest bench, and the stream it reads."""

from __future__ import annotations

import asyncio
import collections

import msgspec
import pytest

from pipeline.cloudevents import Event
from pipeline.errors import ServerError
from pipeline.ingest.checks import EventCheck
from pipeline.lab import ingest_bench
from pipeline.lab.bench_topic import COMMUNITIES, MadeUpStream
from pipeline.lab.ingest_bench import IngestOptions, WorkerCost, counted_of, figures
from pipeline.lab.ingest_bench_stock import StockCost
from pipeline.windows.redis_progress import Standing

START_SECONDS = 1_788_220_800.0
JSON_KEYS = {
    "elan_cpu_seconds_per_million",
    "stock_faust_cpu_seconds_per_million",
    "ratio",
    "events_per_second",
    "worker_rss_mb",
    "redis_cpu_seconds_per_million",
    "workers",
    "communities",
}


def standing(offset: int) -> Standing:
    return Standing(offset, None, None, None)


def test_figures_are_per_million_of_the_events_read() -> None:
    found = figures(
        IngestOptions(250_000, 8.0, 5_000), WorkerCost(1.5, 0.5, 300 * 1024 * 1024, 120_000.4), StockCost(2.4, 5_000)
    )
    assert found.elan_cpu_seconds_per_million == 6.0
    assert found.redis_cpu_seconds_per_million == 2.0
    assert found.worker_rss_mb == 300.0
    assert found.events_per_second == 120_000
    assert found.stock_faust_cpu_seconds_per_million == 480.0
    assert found.ratio == 80.0
    assert set(msgspec.json.decode(msgspec.json.encode(found))) == JSON_KEYS


def test_without_stock_faust_there_is_no_ratio() -> None:
    found = figures(IngestOptions(1_000_000, 8.0, 0), WorkerCost(4.5, 1.0, 1, 1.0), None)
    assert (found.stock_faust_cpu_seconds_per_million, found.ratio) == (None, None)


def test_counted_adds_up_the_partitions() -> None:
    assert counted_of({"t:0": standing(3), "t:7": standing(4)}, {0: 3, 7: 9}) == 7


def test_a_partition_counted_beyond_its_end_is_a_failure() -> None:
    with pytest.raises(ServerError, match="Partition 7 was counted up to 10, but 9 records"):
        counted_of({"t:7": standing(10)}, {7: 9})


def test_the_stream_is_what_the_ingest_stage_takes() -> None:
    stream = MadeUpStream(20_000, 8.0, 8, START_SECONDS)
    records = [record for chunk in stream.chunks() for record in chunk]
    check, decode = EventCheck(0.0), msgspec.json.Decoder(Event).decode
    clock_seconds, communities, activities = START_SECONDS - 1, collections.Counter[str](), 0
    for record in records:
        event = decode(record.value)
        _, seconds = check(event, -1)
        if event.data is None:
            clock_seconds = max(clock_seconds, seconds)
            continue
        activities += 1
        assert clock_seconds - 60 <= seconds < clock_seconds + 3_600, "in time order, but for a minute"
        assert record.key == f"bench/{event.data.community}".encode()
        communities[event.data.community] += 1
    assert activities == 20_000
    assert clock_seconds == START_SECONDS + 3 * 3_600, "0.16 days of event time, a clock event at each hour"
    assert len(records) == activities + 4 * 8
    assert {record.partition for record in records} == set(range(8))
    assert 1_000 < len(communities) <= COMMUNITIES
    assert communities["c-00000"] > 10 * communities["c-00020"] > 0, "Zipf's law"
    assert 270 < sum(len(record.value) for record in records) / len(records) < 330, "about 300 bytes"


def test_the_same_numbers_give_the_same_stream() -> None:
    first, second = (list(MadeUpStream(500, 8.0, 8, START_SECONDS).chunks()) for _ in range(2))
    assert first == second


class Progress:
    """Stands still after two looks."""

    def __init__(self) -> None:
        self.offsets = [0, 5]

    async def standings(self) -> dict[str, Standing]:
        return {"t:0": standing(self.offsets[0] if len(self.offsets) == 1 else self.offsets.pop(0))}


class Alive:
    def require_alive(self) -> None:
        pass


def test_a_worker_that_does_not_count_everything_is_a_failure(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(ingest_bench, "STUCK_SECONDS", 0.1)
    with pytest.raises(ServerError, match="Of 6 records 5 were counted, then no more"):
        asyncio.run(ingest_bench._rate(Progress(), {0: 6}, [Alive()]))  # type: ignore[arg-type,list-item]


def test_the_rate_counts_from_the_last_moment_without_any_record() -> None:
    assert 5 < asyncio.run(ingest_bench._rate(Progress(), {0: 5}, [Alive()])) < 5 / ingest_bench.POLL_SECONDS + 1  # type: ignore[arg-type,list-item]
