"""The champions of communities, looked at every second week: who carries a community, and who has fallen silent."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING
from zlib import crc32

import msgspec
import numpy as np

from pipeline.scoring.champion_notices import review
from pipeline.scoring.engagement import ACTIVE_YEAR_DAYS, INDEX_WINDOW_DAYS
from pipeline.telling import champion_notice

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pipeline.history import History
    from pipeline.judging_work import Work
    from pipeline.telling import Boundary
    from pipeline.windows.store import WindowStore

REVIEW_DAYS = 14
"""The champions of a community are looked at every second week, on a day that its id gives: that costs."""
MOST_REVIEWED_MEMBERS = 5_000
"""Active in a year. Judging must not wait for the members of larger communities, whom nobody carries alone anyway."""
MEMBERS_AT_ONCE = 5_000
"""Of all communities that are looked at together: a few megabytes."""


async def review_champions(windows: WindowStore, boundary: Boundary, work: Work, smallest_group: int) -> None:
    """Review the communities that are due, and put what is new into the steps of `work`.

    No community with fewer than `smallest_group` members active in a month is looked at.

    Raises:
        RetryLater: the members could not be read; nothing is kept of this boundary.
    """
    history, champions = boundary.history, work.remembered.champions
    year = history.active_members[ACTIVE_YEAR_DAYS]
    for rows in _batches(_due(history, smallest_group), year):
        names = [history.communities[row] for row in rows]
        found = await windows.members(history.network, names, history.boundary_day)
        for row, members in zip(rows, found, strict=True):
            known = champions.get(row)
            before = {} if known is None else msgspec.msgpack.decode(known)
            notices, state = review(members, history.boundary_day, before)
            champions[row] = msgspec.Raw(msgspec.msgpack.encode(state))
            if notices:
                work.steps[row].extend(champion_notice(boundary, row, notice) for notice in notices)


def _due(history: History, smallest_group: int) -> list[int]:
    """Rows of the communities to look at on this day."""
    is_named = history.active_members[INDEX_WINDOW_DAYS] >= smallest_group
    is_readable = history.active_members[ACTIVE_YEAR_DAYS] <= MOST_REVIEWED_MEMBERS
    day, names = history.boundary_day, history.communities
    rows = np.flatnonzero(is_named & is_readable).tolist()
    return [row for row in rows if (crc32(names[row].encode()) + day) % REVIEW_DAYS == 0]


def _batches(rows: Sequence[int], members: NDArray[np.int64]) -> Iterator[list[int]]:
    """Communities of about `MEMBERS_AT_ONCE` members together, `members` (C,) being those of each."""
    batch = np.cumsum(members[rows]) // MEMBERS_AT_ONCE
    for _, some in groupby(zip(batch.tolist(), rows, strict=True), key=itemgetter(0)):
        yield [row for _, row in some]
