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
    from numpy.typing import NDArray

    from pipeline.windows.rolling import Counts


class NetworkColumns(NamedTuple):
    """Summed over a whole network, (N,) each: arrivals and stays of participants, activities of all kinds and bots.

    They begin with the same day as the columns of communities that were read for the same boundaries, and end at or
    after the newest activity of the network.
    """

    participant_arrivals: Counts
    participant_stays: Counts
    activities: Counts


class Columns(Protocol):
    """Counts of C communities over L days, by column."""

    @property
    def numbers(self) -> frozenset[int]:
        """Columns that anybody counted."""

    def series(self, column: int) -> NDArray[np.integer[Any]]:
        """(C, L), zeros where nothing was counted; of any type of integer, be it unsigned: sum them as `np.int64`."""

    def distinct(self, arrivals: int, stays: int, width: int) -> Counts:
        """(C, L), see `distinct`, of these two columns; integers of 32 bits where that is exact."""

    def totals(self, column: int, start: int, stop: int) -> Counts:
        """Sums over places `start` … `stop` - 1, (C,)."""

    def weeks(self, column: int, stop: int, weeks: int) -> Counts:
        """(C, weeks), see `sums_of_weeks`; integers of 32 bits where that is exact."""


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

    def weeks(self, column: int, stop: int, weeks: int) -> Counts:
        """See `Columns`."""
        return sums_of_weeks(self.series(column), stop, weeks)


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
        network = source.network_columns
        self._network_participants = distinct(
            network.participant_arrivals, network.participant_stays, PARTICIPANT_WINDOW_DAYS
        )

    def _active(self, days: int, end: int) -> Counts:
        """Distinct active members in the `days` days before position `end`: those not gone since, without the new."""
        columns, newest = self._source.columns, self._source.days
        stayed = columns.totals(ACTIVE_STAYS[days], end - days, newest)
        return stayed - columns.totals(ACTIVE_ARRIVALS[days], end, newest)

    def _weekly_active(self, end: int, weeks: int) -> Counts:
        """Distinct active members in each of the weeks before position `end`, oldest first, (C, weeks)."""
        columns = self._source.columns
        arrivals = columns.weeks(ACTIVE_ARRIVALS[WEEK_DAYS], end, weeks)
        weekly = distinct(arrivals, columns.weeks(ACTIVE_STAYS[WEEK_DAYS], end, weeks), 1, arrivals.dtype)
        # In weeks these are windows of one, which know nothing of who was there after them.
        weekly += (self._active(WEEK_DAYS, end) - weekly[:, -1])[:, None].astype(weekly.dtype)
        return weekly

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
            weekly_active_members=partial(self._weekly_active, end),
            participants_7_days=self._participants[:, span],
            network_participants=self._network_participants[span],
            network_activities=source.network_columns.activities[span],
        )
