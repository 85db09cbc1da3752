"""Rolling windows as arithmetic on arrays of days: pure, the same for both stores."""

from __future__ import annotations

from bisect import bisect_left
from typing import TYPE_CHECKING, Any, Protocol

import numpy as np

from pipeline.history import HISTORY_DAYS, WEEK_DAYS, WINDOW_DAYS
from pipeline.windows.columns import (
    ACTIVE_ARRIVALS,
    ACTIVE_STAYS,
    PARTICIPANT_ARRIVALS,
    PARTICIPANT_STAYS,
    PARTICIPANT_WINDOW_DAYS,
)

if TYPE_CHECKING:
    from numpy.typing import DTypeLike, NDArray

    Counts = NDArray[np.int64]


class Bump(Protocol):
    """Adds `amount` to one column of one day."""

    def __call__(self, position: int, column: int, amount: int) -> None:
        """Add."""


def insert_active(positions: list[int], new: int, windows: tuple[tuple[int, int, int], ...], bump: Bump) -> None:
    """Put a member's newly active day among its others and move what it changes in the rings.

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


READ_BACK_DAYS = HISTORY_DAYS + PARTICIPANT_WINDOW_DAYS - 1
"""Days read before the first boundary and with it: the first day of its history needs the week up to it, whether other
boundaries are read with it or not. A year's window needs the stays of all its days, which are fewer."""
DAY_WINDOWS = tuple((days, ACTIVE_ARRIVALS[days], ACTIVE_STAYS[days]) for days in WINDOW_DAYS)
PARTICIPANT_WINDOWS = ((PARTICIPANT_WINDOW_DAYS, PARTICIPANT_ARRIVALS, PARTICIPANT_STAYS),)


def distinct(
    arrivals: NDArray[np.integer[Any]], stays: NDArray[np.integer[Any]], width: int, dtype: DTypeLike = np.int64
) -> Counts:
    """Distinct members in the `width` days up to each day; shape (…, L) in, the same out, as signed integers.

    The last position must be at or after the last activity. Positions 0 … width - 2 see only part of their window.
    """
    # Backwards from the last day: who has stayed within its window is there, and to go back by a day is to lose those
    # who arrived on the day after, and to find those who had left. Laid out newest first, since NumPy sums up an array
    # that is read backwards three times as slowly.
    newest_arrivals, newest_stays = arrivals[..., ::-1], stays[..., ::-1]
    change = np.zeros(arrivals.shape, dtype=dtype)
    change[..., 0] = newest_stays[..., :width].sum(axis=-1)
    change[..., 1 : 1 - width or None] = newest_stays[..., width:]
    change[..., 1:] -= newest_arrivals[..., :-1]
    np.cumsum(change, axis=-1, out=change)
    return change[..., ::-1]


def sums_of_weeks(counts: NDArray[np.integer[Any]], stop: int, weeks: int, dtype: DTypeLike = np.int64) -> Counts:
    """Sums over the `weeks` whole weeks before place `stop`, oldest first: (C, L) -> (C, weeks)."""
    start = stop - WEEK_DAYS * weeks
    days = np.ascontiguousarray(counts[:, start:stop])
    # Seven strided additions: numpy's own sum over an axis of seven takes three times as long.
    total = days[:, ::WEEK_DAYS].astype(dtype)
    for day in range(1, WEEK_DAYS):
        total += days[:, day::WEEK_DAYS]
    return total
