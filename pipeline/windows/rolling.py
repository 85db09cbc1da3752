"""Rolling windows as arithmetic on arrays of days: pure, the same for both stores."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple, Protocol

import numpy as np

from pipeline.history import HISTORY_DAYS, WINDOW_DAYS, History
from pipeline.windows.columns import (
    ACTIVE_ARRIVALS,
    ACTIVE_STAYS,
    BOT,
    HOUR_ACTIVE,
    HOUR_ARRIVALS,
    HOUR_STAYS,
    KIND_COLUMN,
    PARTICIPANT_ARRIVALS,
    PARTICIPANT_STAYS,
    PARTICIPANT_WINDOW_DAYS,
)

if TYPE_CHECKING:
    from numpy.typing import NDArray

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


def distinct(arrivals: Counts, stays: Counts, width: int) -> Counts:
    """Distinct members in the `width` days up to each day; shape (…, L) in, the same out.

    The last position must be at or after the last activity. Positions 0 … width - 2 see only part of their window.
    """
    come, stay = np.cumsum(arrivals, axis=-1), np.cumsum(stays, axis=-1)
    gone = np.zeros_like(stay)
    gone[..., width:] = stay[..., :-width]
    result: Counts = come - gone - (come[..., -1:] - stay[..., -1:])
    return result


class NetworkColumns(NamedTuple):
    """Summed over a whole network, (L,) each: arrivals and stays of participants, activities of all kinds and bots."""

    participant_arrivals: Counts
    participant_stays: Counts
    activities: Counts


@dataclass(frozen=True, slots=True)
class DayColumns:
    """Decoded rings of the C communities of one network: `columns[c]` is (C, L), days `first_day` … `first_day`+L-1.

    The last day is at or after the newest activity of every community; columns nobody counted are absent.
    `shards` is the shard of each community, `lines` its line where one is known. `network_columns` are of the whole
    network, communities of other shards included.
    """

    network: str
    communities: tuple[str, ...]
    names: tuple[str | None, ...]
    lines: tuple[str | None, ...]
    shards: tuple[int, ...]
    first_days: Counts
    first_day: int
    days: int
    columns: dict[int, Counts]
    network_columns: NetworkColumns


class Windows:
    """The windows of a group of communities, readable as of any boundary they remember."""

    def __init__(self, source: DayColumns) -> None:
        self._source = source
        self._zeros: Counts = np.zeros((len(source.communities), source.days), dtype=np.int64)
        self._participants = distinct(
            self._column(PARTICIPANT_ARRIVALS), self._column(PARTICIPANT_STAYS), PARTICIPANT_WINDOW_DAYS
        )
        self._active = {
            days: distinct(self._column(ACTIVE_ARRIVALS[days]), self._column(ACTIVE_STAYS[days]), days)
            for days in WINDOW_DAYS
        }
        network = source.network_columns
        self._network_participants = distinct(
            network.participant_arrivals, network.participant_stays, PARTICIPANT_WINDOW_DAYS
        )

    def _column(self, number: int) -> Counts:
        return self._source.columns.get(number, self._zeros)

    def as_of(self, boundary_day: int) -> History:
        """The history that ends with `boundary_day`: arrays are slices, nothing dated later is in them."""
        source = self._source
        end = boundary_day - source.first_day + 1
        start = end - HISTORY_DAYS
        if start < 0 or end > source.days:
            message = f"day {boundary_day} is outside of the days read ({source.first_day}, {source.days} days)"
            raise ValueError(message)
        span = slice(start, end)
        return History(
            network=source.network,
            communities=source.communities,
            names=source.names,
            lines=source.lines,
            boundary_day=boundary_day,
            first_days=source.first_days,
            activities={
                kind: source.columns[column][:, span]
                for kind, column in KIND_COLUMN.items()
                if column in source.columns
            },
            bot_activities=self._column(BOT)[:, span],
            active_members={days: series[:, end - 1] for days, series in self._active.items()},
            active_members_7_days=self._active[7][:, span],
            participants_7_days=self._participants[:, span],
            network_participants=self._network_participants[span],
            network_activities=source.network_columns.activities[span],
        )


def hours_as_of(columns: dict[int, Counts], end: int, width: int) -> tuple[dict[int, Counts], Counts]:
    """Activities by kind column and distinct active members in the `width` (1 or 24) hours before position `end`.

    `columns[c]` is (C, L), hours in order, the last at or after the newest activity; what is at or
    after `end` is not counted.
    """
    sums = {number: column[:, end - width : end].sum(axis=1) for number, column in columns.items() if number <= BOT}
    if HOUR_ACTIVE not in columns:
        return sums, np.zeros(next(iter(columns.values())).shape[0] if columns else 0, dtype=np.int64)
    if width == 1:
        return sums, columns[HOUR_ACTIVE][:, end - 1]
    return sums, distinct(columns[HOUR_ARRIVALS], columns[HOUR_STAYS], width)[:, end - 1]
