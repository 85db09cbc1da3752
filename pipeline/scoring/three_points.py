"""The three points of an engagement curve: a peak of enthusiasm, a trough of disinterest, and a rebound, or none.

After Lecko's benchmark of 2014. The limits are those of the phases: half of the peak, three quarters of it, on a level
smoothed over 6 weeks, shown for 14 days. Phases judge the last year only; the points are those of a whole life.
"""

from __future__ import annotations

from statistics import median
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pipeline.history import WEEK_DAYS
from pipeline.scoring.life import DAYS_A_MONTH
from pipeline.scoring.phase import BACK, DAYS_TO_CHANGE, SMOOTHING_WEEKS, TROUGH
from pipeline.scoring.trough_tracking import LOWEST_PEAK

if TYPE_CHECKING:
    from collections.abc import Iterable

    from numpy.typing import NDArray

    from pipeline.scoring.life import Life

SHOWN_WEEKS = DAYS_TO_CHANGE // WEEK_DAYS


class ThreePoints(NamedTuple):
    """The points in weeks since a community began, 0 being its first; None where there is none, or none yet.

    A level is known at the end of the 6 weeks it is made of; a point carries the number of the last of them.
    """

    peak_week: int | None
    """The peak before the trough, or the highest so far."""
    trough_week: int | None
    rebound_week: int | None


class ThreePointCounts(NamedTuple):
    """How many communities have gone through which point, and when, at the median; None where none has."""

    communities: int
    with_trough: int
    with_rebound: int
    weeks_to_rebound: float | None
    """From the beginning of the trough."""
    month_of_trough: float | None
    """Age in months at the first trough."""


def three_points(weekly_participants: NDArray[np.int64]) -> ThreePoints:
    """The first peak that fell to half, and whether three quarters of it were reached again.

    `weekly_participants` (W,) are those of a community's whole life, oldest first.
    """
    if len(weekly_participants) < SMOOTHING_WEEKS or not weekly_participants.any():
        return ThreePoints(None, None, None)
    level = sliding_window_view(weekly_participants.astype(np.float64), SMOOTHING_WEEKS).mean(axis=1)
    peak = np.maximum.accumulate(level)
    trough = _first_shown((level <= TROUGH * peak) & (peak >= LOWEST_PEAK))
    if trough is None:
        return ThreePoints(_week(int(level.argmax())), None, None)
    back = _first_shown(level[trough:] >= BACK * peak[trough])
    return ThreePoints(
        peak_week=_week(int(level[:trough].argmax())),
        trough_week=_week(trough),
        rebound_week=None if back is None else _week(trough + back),
    )


def three_points_of(life: Life) -> ThreePoints:
    """The points of a life by its first trough; `peak_week` is None, since a life keeps the height of peaks only."""
    first = next((trough for trough in life.troughs if trough.peak >= LOWEST_PEAK), None)
    if first is None:
        return ThreePoints(None, None, None)
    days = [None if day is None else day - life.first_day for day in (first.since_day, first.back_day)]
    trough_week, rebound_week = (None if day is None else day // WEEK_DAYS for day in days)
    return ThreePoints(None, trough_week, rebound_week)


def count_three_points(curves: Iterable[ThreePoints]) -> ThreePointCounts:
    """Count over communities; leave out those that never took off, since a peak takes some weeks of life."""
    points = list(curves)
    troughs = [each.trough_week for each in points if each.trough_week is not None]
    waits = [
        each.rebound_week - each.trough_week
        for each in points
        if each.trough_week is not None and each.rebound_week is not None
    ]
    return ThreePointCounts(
        communities=len(points),
        with_trough=len(troughs),
        with_rebound=len(waits),
        weeks_to_rebound=float(median(waits)) if waits else None,
        month_of_trough=round((median(troughs) + 1) * WEEK_DAYS / DAYS_A_MONTH, 1) if troughs else None,
    )


def _first_shown(shows: NDArray[np.bool_]) -> int | None:
    """The first place from which it shows for `SHOWN_WEEKS` in a row."""
    if len(shows) < SHOWN_WEEKS:
        return None
    held = np.flatnonzero(sliding_window_view(shows, SHOWN_WEEKS).all(axis=1))
    return int(held[0]) if len(held) else None


def _week(place: int) -> int:
    return place + SMOOTHING_WEEKS - 1
