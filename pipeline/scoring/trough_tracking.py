"""Follows each community through its troughs, from survey to survey: where one begins, and where the level is back."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.lib.stride_tricks import sliding_window_view

from pipeline.history import WEEK_DAYS
from pipeline.scoring.phase import BACK, SMOOTHING_WEEKS, TROUGH

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.history import History

TROUGHS_KEPT = 12
LOWEST_PEAK = 2.0
"""Participants a week. Half of a lower peak is less than one member: it is reached by whoever has a week off."""


class Trough(msgspec.Struct, frozen=True, omit_defaults=True):
    """One time below half of the peak: since when, how high the peak was, when three quarters of it were back."""

    since_day: int
    peak: float
    """Participants a week at the peak before, smoothed."""
    back_day: int | None = None


def troughs_after(history: History, known: Sequence[list[Trough]], weeks: int) -> list[list[Trough]]:
    """The troughs of each community as of the boundary, the last 12 of them; `known` are those of `weeks` weeks ago.

    A trough begins, and ends, where the level smoothed over 6 weeks shows it at the end of two weeks in a row. The peak
    is that of the year before.
    """
    level = _level(history)
    open_peaks = np.array([found[-1].peak if found and found[-1].back_day is None else np.nan for found in known])
    after = [list(found) for found in known]
    for week in range(weeks - 1, -1, -1):
        since_day = history.boundary_day - WEEK_DAYS * (week + 1)
        shown = np.maximum(level[:, week], level[:, week + 1])
        peak = np.nanmax(level[:, week:], axis=1, initial=0.0)
        begins = np.isnan(open_peaks) & (peak >= LOWEST_PEAK) & (shown <= TROUGH * peak)
        ends = np.minimum(level[:, week], level[:, week + 1]) >= BACK * open_peaks
        for place in np.flatnonzero(begins).tolist():
            after[place].append(Trough(since_day, round(float(peak[place]), 2)))
        for place in np.flatnonzero(ends).tolist():
            after[place][-1] = msgspec.structs.replace(after[place][-1], back_day=since_day)
        open_peaks = np.where(begins, peak, np.where(ends, np.nan, open_peaks))
    return [found[-TROUGHS_KEPT:] for found in after]


def _level(history: History) -> NDArray[np.float64]:
    """Weekly participants smoothed over 6 weeks, newest first, (C, W); NaN before a community is 6 weeks old."""
    weekly = history.participants_7_days[:, ::-WEEK_DAYS].astype(np.float64)
    level: NDArray[np.float64] = sliding_window_view(weekly, SMOOTHING_WEEKS, axis=1).sum(axis=2) / SMOOTHING_WEEKS
    age_weeks = (history.boundary_day - history.first_days + 1) // WEEK_DAYS
    level[np.arange(level.shape[1])[None, :] > (age_weeks - SMOOTHING_WEEKS)[:, None]] = np.nan
    return level
