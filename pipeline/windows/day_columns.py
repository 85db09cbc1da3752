"""What a store hands over of many communities, and the windows read from it: pure, the same for both stores."""

from __future__ import annotations

from dataclasses import dataclass
from functools import partial
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

import numpy as np

from pipeline.history import HISTORY_DAYS, WEEK_DAYS, WINDOW_DAYS, History
from pipeline.windows.columns import (
    ACTIVE_ARRIVALS,
    ACTIVE_STAYS,
    BOT,
    KIND_COLUMN,
    PARTICIPANT_ARRIVALS,
    PARTICIPANT_STAYS,
    PARTICIPANT_WINDOW_DAYS,
)
from pipeline.windows.rolling import READ_BACK_DAYS, distinct, sums_of_weeks

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pipeline.windows.rolling import Counts

_SHORT_BYTES = 2
"""Sums over a year of counts so short fit into 32 bits: 400 times 65,535 is far from overflowing."""
_KEPT = (*KIND_COLUMN.values(), BOT, ACTIVE_ARRIVALS[WEEK_DAYS], ACTIVE_STAYS[WEEK_DAYS])
"""Columns whose days are asked for again, boundary by boundary or week by week."""


class NetworkColumns(NamedTuple):
    """Summed over a whole network, (N,) each: arrivals and stays of participants, activities of all kinds and bots.

    They begin with the same day as the columns of communities that were read for the same boundaries, and end at or
    after the newest activity of the network.
    """

    participant_arrivals: Counts
    participant_stays: Counts
    activities: Counts


class Block(Protocol):
    """Some of C communities with all their counts over L days."""

    @property
    def rows(self) -> NDArray[np.int64] | slice:
        """Where they stand among the C."""

    def column(self, number: int) -> NDArray[np.integer[Any]]:
        """(R, L), zeros where nothing was counted; of any type of integer, be it unsigned."""


class Columns(Protocol):
    """Counts of C communities over L days, by column."""

    @property
    def numbers(self) -> frozenset[int]:
        """Columns that anybody counted."""

    @property
    def dtype(self) -> np.dtype[np.integer[Any]]:
        """What every count fits into."""

    def blocks(self) -> Iterator[Block]:
        """All communities, some at a time: to look at a block once for everything is cheaper than to come back."""


class DenseColumns:
    """Columns that lie in memory as arrays, (C, L) each: one block."""

    dtype = np.dtype(np.int64)
    rows = slice(None)

    def __init__(self, columns: dict[int, Counts], shape: tuple[int, int]) -> None:
        self._columns = columns
        self._shape = shape

    @property
    def numbers(self) -> frozenset[int]:
        """See `Columns`."""
        return frozenset(self._columns)

    def blocks(self) -> Iterator[DenseColumns]:
        """See `Columns`."""
        yield self

    def column(self, number: int) -> Counts:
        """See `Block`."""
        found = self._columns.get(number)
        return np.zeros(self._shape, dtype=np.int64) if found is None else found


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
        columns, shape = source.columns, (len(source.communities), source.days)
        self._source = source
        self._counts = np.dtype(np.int32 if columns.dtype.itemsize <= _SHORT_BYTES else np.int64)
        counted = columns.numbers
        self._series = {number: np.zeros(shape, columns.dtype) for number in _KEPT if number in counted}
        self._participants: Counts = np.zeros(shape, self._counts)
        self._first_active: dict[int, Counts] = {days: np.zeros(shape[0], np.int64) for days in WINDOW_DAYS}
        later = (shape[0], source.days - READ_BACK_DAYS)
        self._later_active: dict[int, Counts] = {days: np.zeros(later, np.int64) for days in WINDOW_DAYS}
        for block in columns.blocks():
            self._take(block)
        network = source.network_columns
        self._network_participants = distinct(
            network.participant_arrivals, network.participant_stays, PARTICIPANT_WINDOW_DAYS
        )

    def _take(self, block: Block) -> None:
        rows, column = block.rows, block.column
        for number, series in self._series.items():
            series[rows] = column(number)
        arrivals, stays = column(PARTICIPANT_ARRIVALS), column(PARTICIPANT_STAYS)
        self._participants[rows] = distinct(arrivals, stays, PARTICIPANT_WINDOW_DAYS, self._counts)
        for days in WINDOW_DAYS:
            # As of the first boundary: those not gone since, without the new. Then what each day changes.
            new, gone = column(ACTIVE_ARRIVALS[days])[:, READ_BACK_DAYS:], column(ACTIVE_STAYS[days])
            gone = gone[:, READ_BACK_DAYS - days :]
            self._first_active[days][rows] = gone.sum(axis=1, dtype=np.int64) - new.sum(axis=1, dtype=np.int64)
            self._later_active[days][rows] = np.subtract(new, gone[:, : new.shape[1]], dtype=np.int64)

    def _active(self, days: int, end: int) -> Counts:
        """Distinct active members in the `days` days before position `end`."""
        later = self._later_active[days][:, : end - READ_BACK_DAYS]
        active: Counts = self._first_active[days] + later.sum(axis=1)
        return active

    def _weekly_active(self, end: int, weeks: int) -> Counts:
        """Distinct active members in each of the weeks before position `end`, oldest first, (C, weeks)."""
        arrivals, stays = (
            sums_of_weeks(self._of(number), end, weeks, self._counts)
            for number in (ACTIVE_ARRIVALS[WEEK_DAYS], ACTIVE_STAYS[WEEK_DAYS])
        )
        weekly = distinct(arrivals, stays, 1, self._counts)
        # In weeks these are windows of one, which know nothing of who was there after them.
        weekly += (self._active(WEEK_DAYS, end) - weekly[:, -1])[:, None].astype(self._counts)
        return weekly

    def _of(self, number: int) -> NDArray[np.integer[Any]]:
        """The series of a column, (C, L), zeros where nobody counted it."""
        found = self._series.get(number)
        return np.zeros(self._participants.shape, self._source.columns.dtype) if found is None else found

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
            activities={
                kind: self._series[number][:, span] for kind, number in KIND_COLUMN.items() if number in self._series
            },
            bot_activities=self._of(BOT)[:, span],
            active_members={days: self._active(days, end) for days in WINDOW_DAYS},
            weekly_active_members=partial(self._weekly_active, end),
            participants_7_days=self._participants[:, span],
            network_participants=self._network_participants[span],
            network_activities=source.network_columns.activities[span],
        )
