"""Rolling windows as arithmetic on arrays of days: pure, the same for both stores."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipeline.history import WEEK_DAYS, WINDOW_DAYS, WINDOW_HOURS
from pipeline.windows.columns import (
    ACTIVE_ARRIVALS,
    ACTIVE_STAYS,
    BOT,
    HOUR_ACTIVE,
    HOUR_ARRIVALS,
    HOUR_STAYS,
    KINDS,
    PARTICIPANT_ARRIVALS,
    PARTICIPANT_STAYS,
    PARTICIPANT_WINDOW_DAYS,
)
from pipeline.windows.store import HourWindow

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import DTypeLike, NDArray

    Counts = NDArray[np.int64]


class Bump(Protocol):
    """Adds `amount` to one column of one day (or hour)."""

    def __call__(self, position: int, column: int, amount: int) -> None:
        """Add."""


def insert_active(positions: list[int], new: int, windows: tuple[tuple[int, int, int], ...], bump: Bump) -> None:
    """Put a member's newly active day (or hour) among its others and move what it changes in the rings.

    `positions` is sorted and does not hold `new`; it is changed in place. `windows` is (width, arrivals column, stays
    column) a window. Two days a window are touched at most: `new` and one neighbour on each side.
    """
    place = bisect_left(positions, new)
    before = positions[place - 1] if place else None
    after = positions[place] if place < len(positions) else None
    positions.insert(place, new)
    for width, arrivals, stays in windows:
        far_before = before is None or new - before > width
        far_after = after is None or after - new > width
        was_apart = before is None or after is None or after - before > width
        if far_before:
            bump(new, arrivals, 1)
        if far_after:
            bump(new, stays, 1)
        if after is not None and not far_after and was_apart:
            bump(after, arrivals, -1)
        if before is not None and not far_before and was_apart:
            bump(before, stays, -1)


READ_BACK_DAYS = 366
"""Days read before the first boundary and with it: a year's window needs the stays of all its days."""
DAY_WINDOWS = tuple((days, ACTIVE_ARRIVALS[days], ACTIVE_STAYS[days]) for days in WINDOW_DAYS)
PARTICIPANT_WINDOWS = ((PARTICIPANT_WINDOW_DAYS, PARTICIPANT_ARRIVALS, PARTICIPANT_STAYS),)
DAY_WINDOW_HOURS = 24
HOUR_WINDOWS = ((DAY_WINDOW_HOURS, HOUR_ARRIVALS, HOUR_STAYS),)


def distinct(
    arrivals: NDArray[np.integer[Any]], stays: NDArray[np.integer[Any]], width: int, dtype: DTypeLike = np.int64
) -> Counts:
    """Distinct members in the `width` days up to each day; shape (…, L) in, the same out, as signed integers.

    The last position must be at or after the last activity. Positions 0 … width - 2 see only part of their window.
    """
    # Backwards from the last day: who has stayed within its window is there, and to go back by a day is to lose those
    # who arrived on the day after, and to find those who had left.
    change = np.empty(arrivals.shape, dtype=dtype)
    change[..., -1] = stays[..., -width:].sum(axis=-1)
    change[..., : width - 1] = 0
    change[..., width - 1 : -1] = stays[..., :-width]
    change[..., :-1] -= arrivals[..., 1:]
    backwards = change[..., ::-1]
    np.cumsum(backwards, axis=-1, out=backwards)
    return change


def sums_of_weeks(counts: NDArray[np.integer[Any]], stop: int, weeks: int, dtype: DTypeLike = np.int64) -> Counts:
    """Sums over the `weeks` whole weeks before place `stop`, oldest first: (C, L) -> (C, weeks)."""
    start = stop - WEEK_DAYS * weeks
    # Seven strided additions: numpy's own sum over an axis of seven takes three times as long.
    total = counts[:, start:stop:WEEK_DAYS].astype(dtype)
    for day in range(start + 1, start + WEEK_DAYS):
        total += counts[:, day:stop:WEEK_DAYS]
    return total


def hours_as_of(
    columns: Mapping[int, NDArray[np.integer[Any]]], end: int, width: int
) -> tuple[dict[int, Counts], Counts]:
    """Activities by kind column and distinct active members in the `width` (1 or 24) hours before position `end`.

    `columns[c]` is (C, L), hours in order, the last at or after the newest activity; what is at or
    after `end` is not counted.
    """
    sums: dict[int, Counts] = {
        number: column[:, end - width : end].sum(axis=1, dtype=np.int64)
        for number, column in columns.items()
        if number <= BOT
    }
    if HOUR_ACTIVE not in columns:
        return sums, np.zeros(next(iter(columns.values())).shape[0] if columns else 0, dtype=np.int64)
    if width == 1:
        return sums, columns[HOUR_ACTIVE][:, end - 1].astype(np.int64)
    return sums, distinct(columns[HOUR_ARRIVALS], columns[HOUR_STAYS], width)[:, end - 1]


def hour_windows(columns: Mapping[int, NDArray[np.integer[Any]]], end: int) -> dict[int, HourWindow]:
    """Hour columns of one community, (1, L) each -> the windows that end before position `end`."""
    windows = {}
    for width in WINDOW_HOURS:
        sums, active = hours_as_of(columns, end, width)
        activities = {KINDS[n].value: int(total[0]) for n, total in sums.items() if n < len(KINDS) and total[0]}
        windows[width] = HourWindow(activities, int(active[0]) if len(active) else 0)
    return windows
