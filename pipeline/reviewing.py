"""The champions of communities, looked at every second week: who carries a community, and who has fallen silent."""

from __future__ import annotations

from typing import TYPE_CHECKING
from zlib import crc32

import msgspec
import numpy as np

from pipeline.member_reading import members_of
from pipeline.scoring.champion_notices import review
from pipeline.scoring.engagement import ACTIVE_YEAR_DAYS, INDEX_WINDOW_DAYS
from pipeline.telling import champion_notice

if TYPE_CHECKING:
    from pipeline.history import History
    from pipeline.judging_work import Work
    from pipeline.telling import Boundary
    from pipeline.windows.store import WindowStore

REVIEW_DAYS = 14
"""The champions of a community are looked at every second week, on a day that its id gives: that costs."""
MOST_REVIEWED_MEMBERS = 5_000
"""Active in a year. Judging must not wait for the members of larger communities, whom nobody carries alone anyway."""


async def review_champions(windows: WindowStore, boundary: Boundary, work: Work, smallest_group: int) -> None:
    """Review the communities that are due, and put what is new into the steps of `work`.

    No community with fewer than `smallest_group` members active in a month is looked at.

    Raises:
        RetryLater: the members could not be read; nothing is kept of this boundary.
    """
    history, champions = boundary.history, work.remembered.champions
    async for row, members in members_of(windows, history, _due(history, smallest_group)):
        known = champions.get(row)
        before = {} if known is None else msgspec.msgpack.decode(known)
        notices, state = review(members, int(history.first_days[row]), history.boundary_day, before)
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
