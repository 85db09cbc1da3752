"""Rolling windows as arithmetic on arrays of days: pure, the same for both stores."""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from pipeline.history import HISTORY_DAYS, WINDOW_DAYS, WINDOW_HOURS, History
from pipeline.windows.columns import (
    ACTIVE_ARRIVALS,
    ACTIVE_STAYS,
    BOT,
    HOUR_ACTIVE,
    HOUR_ARRIVALS,
    HOUR_STAYS,
    KIND_COLUMN,
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


class NetworkColumns(NamedTuple):
    """Summed over a whole network, (N,) each: arrivals and stays of participants, activities of all kinds and bots.

    They begin with the same day as the columns of communities that were read for the same boundaries, and end at or
    after the newest activity of the network.
    """

    participant_arrivals: Counts
    participant_stays: Counts
    activities: Counts


class Columns(Protocol):
    """Counts of C communities over L days (or hours), by column."""

    @property
    def numbers(self) -> frozenset[int]:
        """Columns that anybody counted."""

    def series(self, column: int) -> NDArray[np.integer[Any]]:
        """(C, L), zeros where nothing was counted; of any type of integer, be it unsigned: sum them as `np.int64`."""

    def distinct(self, arrivals: int, stays: int, width: int) -> Counts:
        """(C, L), see `distinct`, of these two columns; integers of 32 bits where that is exact."""

    def totals(self, column: int, start: int, stop: int) -> Counts:
        """Sums over places `start` … `stop` - 1, (C,)."""


class DenseColumns:
    """Columns that lie in memory as arrays, (C, L) each."""

    def __init__(self, columns: dict[int, Counts], shape: tuple[int, int]) -> None:
        self._columns = columns
        self._shape = shape

    @property
    def numbers(self) -> frozenset[int]:
        """See `Columns`."""
        return frozenset(self._columns)

    def series(self, column: int) -> Counts:
        """See `Columns`."""
        found = self._columns.get(column)
        return np.zeros(self._shape, dtype=np.int64) if found is None else found

    def distinct(self, arrivals: int, stays: int, width: int) -> Counts:
        """See `Columns`."""
        return distinct(self.series(arrivals), self.series(stays), width)

    def totals(self, column: int, start: int, stop: int) -> Counts:
        """See `Columns`."""
        totals: Counts = self.series(column)[:, start:stop].sum(axis=1)
        return totals


@dataclass(frozen=True, slots=True)
class DayColumns:
    """What the C communities of one network counted on L = `days` days from `first_day` on.

    The last day is at or after the newest activity of every community.
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
    columns: Columns
    network_columns: NetworkColumns


class Windows:
    """The windows of a group of communities, readable as of any boundary they remember."""

    def __init__(self, source: DayColumns) -> None:
        columns = source.columns
        self._source = source
        self._activities = {
            kind: columns.series(column) for kind, column in KIND_COLUMN.items() if column in columns.numbers
        }
        self._bots = columns.series(BOT)
        self._participants = columns.distinct(PARTICIPANT_ARRIVALS, PARTICIPANT_STAYS, PARTICIPANT_WINDOW_DAYS)
        self._active_7_days = columns.distinct(ACTIVE_ARRIVALS[7], ACTIVE_STAYS[7], 7)
        network = source.network_columns
        self._network_participants = distinct(
            network.participant_arrivals, network.participant_stays, PARTICIPANT_WINDOW_DAYS
        )

    def _active(self, days: int, end: int) -> Counts:
        """Distinct active members in the `days` days before position `end`: those not gone since, without the new."""
        columns, newest = self._source.columns, self._source.days
        stayed = columns.totals(ACTIVE_STAYS[days], end - days, newest)
        return stayed - columns.totals(ACTIVE_ARRIVALS[days], end, newest)

    def as_of(self, boundary_day: int) -> History:
        """The history that ends with `boundary_day`: arrays are slices, nothing dated later is in them."""
        source = self._source
        end = boundary_day - source.first_day + 1
        start = end - HISTORY_DAYS
        if end < READ_BACK_DAYS or end > source.days:
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
            activities={kind: counts[:, span] for kind, counts in self._activities.items()},
            bot_activities=self._bots[:, span],
            active_members={days: self._active(days, end) for days in WINDOW_DAYS},
            active_members_7_days=self._active_7_days[:, span],
            participants_7_days=self._participants[:, span],
            network_participants=self._network_participants[span],
            network_activities=source.network_columns.activities[span],
        )


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
