"""What becomes of the records of one batch, gathered while they are judged one by one."""

from __future__ import annotations

from bisect import bisect_left
from math import inf
from typing import TYPE_CHECKING, cast

from pipeline.errors import Reject
from pipeline.ingest.dead_letters import DeadLetter
from pipeline.ingest.record_batch import TIMESTAMP_UNKNOWN
from pipeline.ingest.trusted import Clock, TrustedBatch
from pipeline.model import EARLIEST_SECONDS, Outcome, Reason

if TYPE_CHECKING:
    from pipeline.ingest.duplicates import DuplicateMemory
    from pipeline.ingest.record_batch import RecordBatch
    from pipeline.ingest.watermark import Watermark
    from pipeline.model import TrustedActivity


class Tally:
    """What a batch turned out to hold, and the watermark as it moves through the batch, record by record."""

    def __init__(
        self,
        batch: RecordBatch,
        fence: int,
        watermark: Watermark,
        *,
        allowed_lateness_seconds: float,
        remembered_seconds: float,
    ) -> None:
        """`fence` and `watermark` are those before the batch; what is older than `remembered_seconds` cannot count."""
        self._batch = batch
        self._fence = fence
        self._lateness = allowed_lateness_seconds
        self._remembered = remembered_seconds
        self.watermark = watermark
        self._set_limits()
        self.activities: list[TrustedActivity] = []
        self.marks: list[int] = []
        """Of the last activities: what the generations before must still be asked for, or `NO_MARK`."""
        self.duplicates = 0
        self._late = 0
        self._clocks: list[Clock] = []
        self._dead: list[DeadLetter] = []

    def add_dead(self, offset: int, reject: Reject) -> None:
        """A record that cannot be used, unless it lies below the fence: then its letter was written before."""
        if offset < self._fence:
            return
        batch, place = self._batch, bisect_left(self._batch.offsets, offset)
        self._dead.append(
            DeadLetter(
                reason=reject.reason,
                detail=reject.detail,
                topic=batch.topic,
                partition=batch.partition,
                offset=offset,
                key=batch.keys[place],
                value=batch.values[place],
                headers=() if batch.headers is None else tuple(batch.headers[place]),
            )
        )

    def drop_known(self, memory: DuplicateMemory) -> None:
        """Take back those activities whose ids an earlier generation holds."""
        known = memory.among_before(self.marks)
        if known:
            first = len(self.activities) - len(self.marks)
            last = self.activities[first:]
            self.activities[first:] = [activity for place, activity in enumerate(last) if place not in known]
            self.duplicates += len(known)
        self.marks.clear()

    def add_clock(self, offset: int, seconds: float) -> None:
        """A clock event, which may move the watermark."""
        if offset >= self._fence:
            self._clocks.append(Clock(offset, seconds, self.watermark))
            self._move(self.watermark.after_clock(seconds))

    def place(self, offset: int, seconds: float, told_seconds: float) -> bool:
        """Place an activity in time, which may have come as far as told: False if it is too old, then a dead letter."""
        limit = self._limit
        if limit is not None and seconds < limit:
            if seconds < limit - self._remembered:
                self.add_dead(offset, Reject(Reason.TOO_OLD, "time is before what the windows remember"))
                return False
            self._late += 1
        else:
            self._move(self.watermark.after_activity(told_seconds))
        return True

    def _move(self, watermark: Watermark) -> None:
        if watermark is not self.watermark:
            self.watermark = watermark
            self._set_limits()

    def _set_limits(self) -> None:
        self._limit = self.watermark.seconds(self._lateness)
        # Activities from this time on are neither late nor do they move the watermark.
        self.plain_from = (
            inf if self.watermark.clock_seconds is None else max(EARLIEST_SECONDS, cast("float", self._limit))
        )

    def batch(self) -> TrustedBatch:
        """All of it."""
        batch = self._batch
        return TrustedBatch(
            topic=batch.topic,
            partition=batch.partition,
            first_offset=max(batch.start_offset, self._fence),
            next_offset=batch.next_offset,
            activities=self.activities,
            dead=self._dead,
            outcomes={
                Outcome.COUNTED: len(self.activities) - self._late,
                Outcome.LATE: self._late,
                Outcome.DUPLICATE: self.duplicates,
                Outcome.CLOCK: len(self._clocks),
                Outcome.DEAD_LETTER: len(self._dead),
            },
            watermark=self.watermark,
            clocks=self._clocks,
            newest_timestamp_ms=batch.timestamps_ms[-1] if batch.timestamps_ms else TIMESTAMP_UNKNOWN,
            highwater=batch.highwater,
        )
