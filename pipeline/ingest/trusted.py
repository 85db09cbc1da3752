"""What leaves this stage: a batch in which every record has been accounted for."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

if TYPE_CHECKING:
    from pipeline.ingest.dead_letters import DeadLetter
    from pipeline.ingest.watermark import Watermark
    from pipeline.model import Outcome, TrustedActivity


class Clock(NamedTuple):
    """A clock event, and the watermark of its partition ahead of it."""

    offset: int
    seconds: float
    before: Watermark


class TrustedBatch(msgspec.Struct, frozen=True):
    """All that the log of one partition says in [first_offset, next_offset), checked; actors are pseudonyms.

    `activities` are those to count, late ones too, in log order.
    """

    topic: str
    partition: int
    first_offset: int
    next_offset: int
    activities: list[TrustedActivity]
    dead: list[DeadLetter]
    outcomes: dict[Outcome, int]
    """How many records became what; all outcomes are there, and they add up to the records read."""
    watermark: Watermark
    """After the last record."""
    clocks: list[Clock]
    """In log order."""
    newest_timestamp_ms: int
    """Kafka's own time of the last record; -1 when unknown or when there is none."""
    highwater: int

    @property
    def clock_seconds(self) -> float | None:
        """Newest time that a clock event of this batch carries."""
        return max((told.seconds for told in self.clocks), default=None)

    def activities_between(self, first_offset: int, next_offset: int) -> list[TrustedActivity]:
        """The activities of a part of the batch: all of it as a rule, the rest where a fence lies inside."""
        if first_offset <= self.first_offset and next_offset >= self.next_offset:
            return self.activities
        return [activity for activity in self.activities if first_offset <= activity[0] < next_offset]
