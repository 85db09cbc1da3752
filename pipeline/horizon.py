"""How far intake may run ahead of judging (docs/decisions/0003).

A batch is cut at its first clock event past the horizon; what lies there waits until judging has followed. Judging
cannot follow where time itself has leapt past the horizon, because nobody wrote the clock for a month or the log was
cut: then that clock event alone goes through, in the partitions that judging waits for, and the rest waits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from pipeline.ingest.trusted import TrustedBatch
    from pipeline.ingest.watermark import Watermark

DAY_SECONDS = 86_400.0
HORIZON_SECONDS = 28 * DAY_SECONDS
FRONT_SECONDS = 26 * 3_600.0
"""Judging has done all it can for a partition whose watermark is no further: it stands at the midnight before."""


class Reach(NamedTuple):
    """Up to which offset a batch may be counted now, and the watermark there."""

    end: int
    watermark: Watermark
    leap_seconds: float | None = None
    """Time of a clock event past the horizon that goes through alone: nothing more until judging has come near it."""


def reach(
    batch: TrustedBatch,
    counted_to: int,
    judged_seconds: float | None,
    begun_seconds: float | None,
    allowed_lateness_seconds: float,
) -> Reach:
    """How far a batch may be counted, of which `counted_to` is the next offset.

    `judged_seconds` is None while nobody knows how far judging is. The horizon lies ahead of `begun_seconds` then, and
    nothing leaps past it; None where neither is known before the first clock event of this batch.
    """
    start_seconds = begun_seconds if judged_seconds is None else judged_seconds
    for offset, seconds, watermark in batch.clocks:
        if start_seconds is None:
            start_seconds = seconds
        if is_beyond(seconds, start_seconds) and offset >= counted_to:
            if offset > counted_to or judged_seconds is None:
                return Reach(offset, watermark)
            return _leap(offset, seconds, watermark, judged_seconds, allowed_lateness_seconds)
    return Reach(batch.next_offset, batch.watermark)


def is_beyond(seconds: float, judged_seconds: float) -> bool:
    """Whether a time lies past the horizon."""
    return seconds > judged_seconds + HORIZON_SECONDS


def _leap(
    offset: int, seconds: float, watermark: Watermark, judged_seconds: float, allowed_lateness_seconds: float
) -> Reach:
    passed_seconds = watermark.seconds(allowed_lateness_seconds)
    if passed_seconds is None or passed_seconds <= judged_seconds + FRONT_SECONDS:
        return Reach(offset + 1, watermark.after_clock(seconds), seconds)
    return Reach(offset, watermark)
