"""Members of many communities, read some thousands at a time."""

from __future__ import annotations

import asyncio
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.history import MemberDay, Members
from pipeline.member_reading import MEMBERS_AT_ONCE, members_of
from tests.unit.histories import plain_history

if TYPE_CHECKING:
    from collections.abc import Sequence


DAY = 20_000


class OneMemberEach:
    """Windows in which the only member of a community has the community's name."""

    def __init__(self) -> None:
        self.asked: list[list[str]] = []

    async def members(self, network: str, communities: Sequence[str], boundary_day: int) -> list[Members]:
        assert (network, boundary_day) == (HISTORY.network, DAY)
        self.asked.append(list(communities))
        return [Members.of({name: [MemberDay(DAY, 1, 0, participated=True)]}) for name in communities]


HISTORY = plain_history(np.ones((6, 364), dtype=np.int64), DAY)


def read(windows: OneMemberEach, rows: Sequence[int], sizes: Sequence[int]) -> list[tuple[int, list[str]]]:
    """Rows and pseudonyms, of communities with so many members active in a year."""
    history = replace(HISTORY, active_members={365: np.array(sizes)})

    async def found() -> list[tuple[int, list[str]]]:
        # Members are all that is asked of windows here.
        asked = members_of(windows, history, rows)  # type: ignore[arg-type]
        return [(row, members.pseudonyms) async for row, members in asked]

    return asyncio.run(found())


@given(st.permutations(range(6)), st.lists(st.integers(1, 2 * MEMBERS_AT_ONCE), min_size=6, max_size=6))
def test_every_community_gets_its_own_members_a_few_thousand_at_a_time(rows: list[int], sizes: list[int]) -> None:
    windows = OneMemberEach()
    assert read(windows, rows, sizes) == [(row, [HISTORY.communities[row]]) for row in rows]
    for names in windows.asked:
        size = [sizes[HISTORY.communities.index(name)] for name in names]
        assert sum(size[1:]) <= MEMBERS_AT_ONCE


def test_nobody_is_asked_for_where_no_community_is_wanted() -> None:
    windows = OneMemberEach()
    assert read(windows, [], [1] * 6) == []
    assert windows.asked == []
