"""How far intake runs ahead of judging: 28 days, and past them one clock event where time itself has leapt."""

from __future__ import annotations

import msgspec

from pipeline.horizon import HORIZON_SECONDS, Reach, is_beyond, reach
from pipeline.ingest.trusted import Clock, TrustedBatch
from pipeline.ingest.watermark import Watermark

DAY = 86_400.0
HOUR = 3_600.0
TODAY = 20_000 * DAY


def batch(*clocks: tuple[int, float], end: int = 100, before: float | None = TODAY) -> TrustedBatch:
    """A batch from offset 0 with clock events (offset, unix seconds) after one of `before`."""
    watermark, told = Watermark(before), []
    for offset, seconds in clocks:
        told.append(Clock(offset, seconds, watermark))
        watermark = watermark.after_clock(seconds)
    return TrustedBatch("esn", 3, 0, end, [], [], {}, watermark, told, -1, end)


def far(found: TrustedBatch, counted_to: int, judged: float | None, begun: float | None = TODAY) -> Reach:
    return reach(found, counted_to, judged, begun, HOUR)


def test_within_the_horizon_a_batch_goes_through_whole() -> None:
    found = batch((10, TODAY + DAY), (50, TODAY + HORIZON_SECONDS))
    assert far(found, 0, TODAY) == Reach(100, found.watermark)


def test_a_batch_is_cut_at_the_first_clock_event_past_the_horizon() -> None:
    # judged ....28 days....| clock at 50
    found = batch((10, TODAY + 20 * DAY), (50, TODAY + 29 * DAY))
    assert far(found, 0, TODAY) == Reach(50, Watermark(TODAY + 20 * DAY))
    assert far(found, 50, TODAY).end == 50, "it waits: the partition is 20 days ahead of judging"
    assert far(found, 50, TODAY + 2 * DAY).end == 100


def test_time_that_leaps_past_the_horizon_goes_through_alone() -> None:
    # judged, watermark | .... 40 days without a clock .... | clock at 7
    leap = TODAY + 40 * DAY
    found = batch((7, leap), (60, leap + DAY))
    judged = TODAY - DAY  # the midnight before the watermark, which lies an hour behind the clock
    assert far(found, 0, judged) == Reach(7, Watermark(TODAY))
    assert far(found, 7, judged) == Reach(8, Watermark(leap), leap)
    assert is_beyond(leap, judged), "what follows waits"
    assert far(found, 8, leap - DAY).end == 100, "until judging has followed"


def test_a_partition_without_a_watermark_lets_time_leap() -> None:
    found = batch((0, TODAY + 40 * DAY), before=None)
    assert far(found, 0, TODAY).end == 1


def test_while_nobody_knows_how_far_judging_is_nothing_goes_past_28_days_from_the_begin_on() -> None:
    found = batch((5, TODAY + 27 * DAY), (9, TODAY + 40 * DAY))
    assert far(found, 0, None).end == 9
    assert far(found, 9, None).end == 9, "it does not leap"
    assert far(found, 0, None, begun=TODAY - 2 * DAY).end == 5
    assert far(batch((5, TODAY + 40 * DAY), before=None), 0, None, begun=None).end == 100, "it tells the begin itself"


def test_a_cut_keeps_the_watermark_that_activities_have_moved() -> None:
    # activities of TODAY before any clock | an older clock | cut here
    moved, later = Watermark(None, TODAY), Watermark(TODAY - 300 * DAY, TODAY)
    clocks = [Clock(3, TODAY - 300 * DAY, moved), Clock(7, TODAY + 60 * DAY, later)]
    found = TrustedBatch("esn", 3, 0, 9, [], [], {}, Watermark(TODAY + 60 * DAY, TODAY), clocks, -1, 9)
    assert far(found, 0, None, begun=None) == Reach(7, later)


def test_what_is_past_the_horizon_does_not_depend_on_how_the_log_was_cut() -> None:
    found = batch((10, TODAY + 29 * DAY))
    later = msgspec.structs.replace(found, first_offset=10)
    assert far(found, 10, TODAY - 10 * DAY).end == far(later, 10, TODAY - 10 * DAY).end == 10
