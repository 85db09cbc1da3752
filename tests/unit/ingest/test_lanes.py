from __future__ import annotations

import asyncio
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pipeline.errors import RetryLater, Rewind, Stop
from pipeline.ingest import lanes as lanes_module
from pipeline.ingest.batch_handler import NotYet
from pipeline.ingest.lanes import MOST_WAITING, Lanes
from tests.unit.ingest.records import batch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.ingest.batch_handler import Partition
    from pipeline.ingest.record_batch import RecordBatch

PARTITION = ("esn", 3)


@dataclass
class Handler:
    """Notes what it applies; `troubles` are raised first, one a call."""

    troubles: list[Exception] = field(default_factory=list)
    taken: list[int] = field(default_factory=list)
    applied: list[int] = field(default_factory=list)
    gate: asyncio.Event = field(default_factory=asyncio.Event)

    async def start_positions(self, partitions: set[Partition]) -> Mapping[Partition, int]:
        return dict.fromkeys(partitions, 0)

    def take(self, found: RecordBatch) -> RecordBatch | None:
        self.taken.append(found.start_offset)
        return found if found.offsets else None

    async def apply(self, work: RecordBatch) -> None:
        await self.gate.wait()
        if self.troubles:
            raise self.troubles.pop(0)
        self.applied.append(work.start_offset)

    def revoked(self, partitions: set[Partition]) -> None:
        raise AssertionError(partitions)


class Event:
    def __init__(self, start: int, size: int = 2, epoch: int = 1) -> None:
        self.value = msgspec.structs.replace(batch([b""] * size, start=start), epoch=epoch)
        self.acknowledged = False

    def ack(self) -> None:
        self.acknowledged = True


@dataclass
class Fetching:
    """What was held and released, in order."""

    asked: list[str] = field(default_factory=list)

    def hold(self, partition: tuple[str, int]) -> None:
        self.asked.append(f"hold {partition[1]}")

    def release(self, partition: tuple[str, int]) -> None:
        self.asked.append(f"release {partition[1]}")


@dataclass
class Bench:
    """Lanes with a handler, resumed at offset 0 in epoch 1."""

    handler: Handler
    lanes: Lanes[Any]
    crashes: list[BaseException]
    fetching: Fetching
    rewinds: list[str]

    async def run(self, *events: Event) -> None:
        for event in events:
            await self.lanes.put(event)
        await asyncio.sleep(0.05)


def bench(*troubles: Exception, start: int = 0, is_open: bool = True) -> Bench:
    handler = Handler(list(troubles))
    crashes: list[BaseException] = []
    fetching = Fetching()
    rewinds: list[str] = []
    lanes: Lanes[Any] = Lanes(handler, crashes.append, lambda: rewinds.append("rewind"), lambda: fetching)
    lanes.resume(1, {PARTITION: start})
    if is_open:
        handler.gate.set()
    return Bench(handler, lanes, crashes, fetching, rewinds)


@pytest.fixture(autouse=True)
def _short_waits(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(lanes_module, "FIRST_BACKOFF_SECONDS", 0.001)


def test_batches_are_applied_in_order_and_acknowledged_afterwards() -> None:
    async def story() -> None:
        b = bench(is_open=False)
        first, second = Event(0), Event(2)
        await b.run(first, second)
        assert (b.handler.applied, first.acknowledged) == ([], False)
        b.handler.gate.set()
        await b.run()
        assert b.handler.applied == [0, 2]
        assert first.acknowledged
        assert second.acknowledged

    asyncio.run(story())


def test_a_server_that_is_away_is_asked_again_with_the_same_work_taken_once() -> None:
    async def story() -> None:
        b = bench(RetryLater("redis"), RetryLater("redis"), RetryLater("redis"))
        await b.run(Event(0))
        assert (b.handler.taken, b.handler.applied) == ([0], [0])

    asyncio.run(story())


def test_any_other_exception_ends_the_worker_and_acknowledges_nothing() -> None:
    async def story() -> None:
        b = bench(ValueError("a mistake of ours"))
        event = Event(0)
        await b.run(event)
        assert [type(crash) for crash in b.crashes] == [ValueError]
        assert not event.acknowledged

    asyncio.run(story())


def test_what_was_fetched_before_the_newest_seek_is_dropped() -> None:
    async def story() -> None:
        b = bench()
        await b.run(Event(0))
        await b.lanes.halt()
        b.lanes.resume(2, {PARTITION: 0})
        await b.run(Event(2, epoch=1), Event(0, epoch=2))
        assert b.handler.applied == [0, 0]

    asyncio.run(story())


def test_halting_gives_up_on_a_server_that_stays_away() -> None:
    async def story() -> None:
        b = bench(*[RetryLater("redis")] * 1000)
        await b.run(Event(0))
        await asyncio.wait_for(b.lanes.halt(), 1)
        assert b.handler.applied == []

    asyncio.run(story())


def test_halting_waits_for_a_command_in_flight() -> None:
    async def story() -> None:
        b = bench(is_open=False)
        await b.run(Event(0))
        halting = asyncio.create_task(b.lanes.halt())
        await asyncio.sleep(0.02)
        assert not halting.done()
        b.handler.gate.set()
        await asyncio.wait_for(halting, 1)
        assert b.handler.applied == [0]

    asyncio.run(story())


def test_batches_that_do_not_touch_let_all_start_again() -> None:
    # 10 11 | 12 13 were cut off | 14 15
    async def story() -> None:
        b = bench(start=10)
        await b.run(Event(10), Event(14), Event(16))
        assert (b.handler.applied, b.rewinds, b.crashes) == ([10], ["rewind"], [])

    asyncio.run(story())


def test_a_log_that_ends_early_is_asked_about_once_more_and_then_ends_the_worker() -> None:
    async def story() -> None:
        b = bench(start=10)
        await b.run(Event(0))
        assert (b.handler.applied, b.rewinds, b.crashes) == ([], ["rewind"], [])
        b.lanes.resume(2, {PARTITION: 10})
        await b.run(Event(0, epoch=2))
        assert [type(crash) for crash in b.crashes] == [Stop]
        assert "ends before offset 10" in str(b.crashes[0])

    asyncio.run(story())


def test_a_topic_made_anew_is_counted_from_its_start_once_that_is_known() -> None:
    async def story() -> None:
        b = bench(start=10)
        await b.run(Event(0))
        b.lanes.resume(2, {PARTITION: 0})
        await b.run(Event(0, epoch=2))
        assert (b.handler.applied, b.crashes) == ([0], [])

    asyncio.run(story())


def test_a_log_that_begins_later_is_counted_from_there() -> None:
    async def story() -> None:
        b = bench(start=10)
        await b.run(Event(100), Event(102))
        assert (b.handler.applied, b.rewinds) == ([100, 102], [])

    asyncio.run(story())


def test_a_batch_that_is_no_work_is_acknowledged() -> None:
    async def story() -> None:
        b = bench()
        empty = Event(0, size=0)
        await b.run(empty)
        assert empty.acknowledged
        assert b.handler.applied == []

    asyncio.run(story())


def test_a_partition_that_is_early_is_held_and_keeps_nobody_waiting() -> None:
    # batch 0 is early three times; 2 and 4 were on their way and must not block whoever brings them
    async def story() -> None:
        b = bench(NotYet(), NotYet(), NotYet())
        await asyncio.wait_for(b.run(Event(0), Event(2), Event(4)), 1)
        await asyncio.sleep(0.2)
        assert b.handler.applied == [0, 2, 4]
        assert b.fetching.asked == ["hold 3", "release 3"]

    asyncio.run(story())


def test_after_a_loss_nothing_more_is_applied_until_the_lanes_begin_again() -> None:
    async def story() -> None:
        b = bench(Rewind("Redis has lost activities"))
        lost, behind_it = Event(0), Event(2)
        await b.run(lost, behind_it)
        assert (b.handler.applied, b.rewinds, b.crashes) == ([], ["rewind"], [])
        assert (lost.acknowledged, behind_it.acknowledged) == (False, False)
        b.lanes.resume(2, {PARTITION: 0})
        again = Event(0, epoch=2)
        await b.run(again)
        assert (len(b.handler.applied), again.acknowledged) == (1, True)

    asyncio.run(story())


def test_few_batches_wait_behind_others_however_many_partitions_there_are() -> None:
    # partition 0 ▓ busy   ░ waits        the first of each is at work until the gate opens
    #           1 ▓        ░
    #           2 ▓        ░
    #           3 ▓        . has no room   ... and has, once one of the others has come to its turn
    async def story() -> None:
        b = bench(is_open=False)
        b.lanes.resume(1, {})
        events = {(number, start): Event(start) for start in (0, 2) for number in range(MOST_WAITING + 1)}
        for (number, _), event in events.items():
            event.value = msgspec.structs.replace(event.value, partition=number)
        await b.run(*[event for (_, start), event in events.items() if start == 0])
        await b.run(*[events[number, 2] for number in range(MOST_WAITING)])
        last = asyncio.create_task(b.lanes.put(events[MOST_WAITING, 2]))
        await asyncio.sleep(0.05)
        assert not last.done()
        b.handler.gate.set()
        await asyncio.wait_for(last, 5)
        await asyncio.sleep(0.05)
        assert all(event.acknowledged for event in events.values())

    asyncio.run(story())
