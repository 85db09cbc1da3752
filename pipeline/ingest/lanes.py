"""One lane a partition: its batches one after the other, each acknowledged only when it has been applied.

Partitions overlap while they wait for a server; within one, order is the log's. A batch is dropped when it was fetched
before the newest seek (its epoch is older); within an epoch every batch must start where the last one ended. Where one
does not, somebody has cut the log or made the topic anew: all partitions start again from where the windows stand.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, Any, Generic

from pipeline.errors import RetryLater, Rewind, Stop
from pipeline.ingest.batch_handler import NotYet, Work

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from pipeline.ingest.batch_handler import BatchHandler, Fetching, Partition
    from pipeline.ingest.record_batch import RecordBatch

log = logging.getLogger(__name__)

FIRST_BACKOFF_SECONDS = 0.1
LONGEST_BACKOFF_SECONDS = 5.0
NOT_YET_PAUSE_SECONDS = 0.02
MOST_WAITING = 3
"""Batches that wait behind another of their partition, in all lanes together: one of 20,000 records takes 8 MB, and who
owns many partitions has enough to do meanwhile."""


class _Lane:
    """Batches of one partition that wait for their turn."""

    def __init__(self) -> None:
        self.queue: asyncio.Queue[Any] = asyncio.Queue()
        self.room = asyncio.Event()
        self.room.set()
        self.is_busy = False
        self.held = False


class Lanes(Generic[Work]):
    """The lanes of one worker, all in one event loop. An event is Faust's, its value a `RecordBatch`."""

    def __init__(
        self,
        handler: BatchHandler[Work],
        crash: Callable[[BaseException], None],
        rewind: Callable[[], None],
        fetching: Callable[[], Fetching],
    ) -> None:
        self._handler = handler
        self._crash = crash
        self._rewind = rewind
        self._fetching = fetching
        self._lanes: dict[Partition, _Lane] = {}
        self._tasks: set[asyncio.Task[None]] = set()
        self._epoch: int | None = None
        self._halted = asyncio.Event()
        self._in_flight = 0
        self._idle = asyncio.Event()
        self._idle.set()
        self._expected: dict[Partition, int] = {}
        self._settled: set[Partition] = set()
        self._ended_early: set[Partition] = set()

    async def put(self, event: Any) -> None:
        """Queue a batch in its partition's lane; waits while the lane is full."""
        batch: RecordBatch = event.value
        lane = self._lanes.get((batch.topic, batch.partition))
        if lane is None:
            lane = self._open((batch.topic, batch.partition))
        await lane.room.wait()
        lane.queue.put_nowait(event)
        self._update_rooms()

    def shut(self) -> None:
        """Let nothing more through."""
        self._epoch = None
        self._halted.set()

    async def halt(self) -> None:
        """Let nothing more through, and wait until what is in flight has ended: a command is never broken off."""
        self.shut()
        await self._idle.wait()
        for lane in self._lanes.values():
            # Whoever seeks fetches all partitions again.
            lane.held = False
        self._update_rooms()

    def resume(self, epoch: int, positions: Mapping[Partition, int]) -> None:
        """Accept batches of this epoch, which start at these positions (0 and `EARLIEST`: where the log begins)."""
        self._expected = {partition: offset for partition, offset in positions.items() if offset > 0}
        self._settled = set()
        self._epoch = epoch
        self._halted.clear()

    def close(self) -> None:
        """End all lanes; call `halt` before."""
        for task in self._tasks:
            task.cancel()

    def _update_rooms(self) -> None:
        """Who has nothing to do has room, and so have all that are held: what is on its way would block the others.

        Of the rest one batch each may wait, as long as few do.
        """
        waiting = sum(lane.queue.qsize() for lane in self._lanes.values() if not lane.held)
        for lane in self._lanes.values():
            if lane.held or (lane.queue.empty() and (not lane.is_busy or waiting < MOST_WAITING)):
                lane.room.set()
            else:
                lane.room.clear()

    def _open(self, partition: Partition) -> _Lane:
        lane = self._lanes[partition] = _Lane()
        task = asyncio.create_task(self._run(partition, lane), name=f"lane {partition}")
        self._tasks.add(task)
        task.add_done_callback(self._ended)
        return lane

    def _ended(self, task: asyncio.Task[None]) -> None:
        self._tasks.discard(task)
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash(error)

    async def _run(self, partition: Partition, lane: _Lane) -> None:
        while True:
            event = await lane.queue.get()
            lane.is_busy = True
            self._update_rooms()
            if event.value.epoch == self._epoch:
                self._in_flight += 1
                self._idle.clear()
                try:
                    if await self._process(event.value, lane):
                        event.ack()
                finally:
                    self._in_flight -= 1
                    if not self._in_flight:
                        self._idle.set()
            if lane.held and lane.queue.empty():
                lane.held = False
                self._fetching().release(partition)
            lane.is_busy = False
            self._update_rooms()

    async def _process(self, batch: RecordBatch, lane: _Lane) -> bool:
        """False where the lanes were halted before it was applied: whoever owns the partition next reads it again."""
        partition = (batch.topic, batch.partition)
        if not self._is_in_order(partition, batch):
            return False
        work = self._handler.take(batch)
        if work is not None and not await self._apply(work, partition, lane):
            return False
        self._expected[partition] = batch.next_offset
        return True

    async def _apply(self, work: Work, partition: Partition, lane: _Lane) -> bool:
        """Apply until it succeeds; False if the lanes were halted first."""
        epoch, backoff_seconds = self._epoch, FIRST_BACKOFF_SECONDS
        while epoch == self._epoch:
            try:
                await self._handler.apply(work)
            except NotYet:  # noqa: PERF203 - the exception is what the loop is for
                self._hold(partition, lane)
                await self._pause(NOT_YET_PAUSE_SECONDS)
            except Rewind as error:
                log.error("%s: reading again from what it still knows", error)  # noqa: TRY400 - one sentence tells it
                self._start_again()
            except RetryLater as error:
                log.warning("%s of %s waits %.1f s: %s", *partition, backoff_seconds, error)
                await self._pause(backoff_seconds)
                backoff_seconds = min(2 * backoff_seconds, LONGEST_BACKOFF_SECONDS)
            else:
                return True
        return False

    def _hold(self, partition: Partition, lane: _Lane) -> None:
        if not lane.held:
            lane.held = True
            self._update_rooms()
            self._fetching().hold(partition)

    async def _pause(self, seconds: float) -> None:
        """Sleep, or less if the lanes are halted."""
        try:
            await asyncio.wait_for(self._halted.wait(), seconds)
        except asyncio.TimeoutError:
            return

    def _is_in_order(self, partition: Partition, batch: RecordBatch) -> bool:
        """Whether a batch follows on the one before; else all start again, if that can help."""
        expected = self._expected.get(partition)
        is_first = partition not in self._settled
        self._settled.add(partition)
        if expected is None or expected == batch.start_offset or (is_first and batch.start_offset > expected):
            # A log that begins after the place asked for: the handler knows whether that had been counted.
            self._ended_early.discard(partition)
            return True
        if is_first:
            self.ends_early(partition)
        else:
            log.warning("%s of %s goes on at %d instead of %d", *partition, batch.start_offset, expected)
            self._start_again()
        return False

    def ends_early(self, partition: Partition) -> None:
        """The log ends before the start position. Ask once more where that is, for the topic may be another by now.

        Raises:
            Stop: it was asked before. Going on would count what lies there on top of what it has replaced.
        """
        if partition in self._ended_early:
            raise log_ends_early(*partition, self._expected[partition])
        log.warning("%s of %s ends before offset %d", *partition, self._expected[partition])
        self._ended_early.add(partition)
        self._start_again()

    def _start_again(self) -> None:
        self.shut()
        self._rewind()


def log_ends_early(topic: str, partition: int, offset: int) -> Stop:
    """The error for a log that is shorter than what has been counted of it."""
    message = (
        f"The log of partition {partition} of topic {topic} ends before offset {offset}, which has been counted: "
        "was the topic made anew? Start the worker again; where the broker gives topics no ids, use another namespace."
    )
    return Stop(message)
