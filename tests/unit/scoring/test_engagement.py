from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.history import HISTORY_DAYS
from pipeline.model import Kind
from pipeline.scoring.engagement import engagement_index, share_of_active
from tests.unit.histories import plain_history

if TYPE_CHECKING:
    from pipeline.history import History

WEIGHTS = {"post": 4.0, "comment": 3.0, "share": 3.0, "edit": 1.0, "reaction": 1.0, "mention": 2.0, "follow": 1.0}


def history(acts: dict[Kind, list[int]], members: list[int], year: list[int] | None = None, ago: int = 0) -> History:
    """Communities whose acts all fell on one day, `ago` days before the boundary day."""
    count = len(members)
    activities = {kind: np.zeros((count, HISTORY_DAYS), dtype=np.int64) for kind in Kind}
    for kind, numbers in acts.items():
        activities[kind][:, HISTORY_DAYS - 1 - ago] = numbers
    nobody = np.zeros((count, HISTORY_DAYS), dtype=np.int64)
    distinct = {28: np.array(members), 365: np.array(year or members)}
    return replace(plain_history(nobody), activities=activities, active_members=distinct)


def test_the_worked_example_of_the_documentation() -> None:
    # 10 posts, 20 comments, 30 reactions and 5 mentions by 8 active members
    acts = {Kind.POST: [10], Kind.COMMENT: [20], Kind.REACTION: [30], Kind.MENTION: [5]}
    found = engagement_index(history(acts, [8]), WEIGHTS)
    assert found.conversational.tolist() == [(10 * 4 + 20 * 3) / 8]
    assert found.relational.tolist() == [(30 * 1 + 5 * 2) / 8]
    assert found.index.tolist() == [17.5]


def test_a_large_and_a_small_community_of_equally_busy_members_are_equal() -> None:
    found = engagement_index(history({Kind.POST: [10, 1000]}, [5, 500]), WEIGHTS)
    assert found.index[0] == found.index[1] == 8.0


def test_a_community_without_members_has_an_index_of_zero() -> None:
    found = engagement_index(history({}, [0]), WEIGHTS)
    assert (found.index.tolist(), found.conversational.tolist(), found.relational.tolist()) == ([0.0], [0.0], [0.0])


def test_the_window_is_the_28_days_that_end_at_the_boundary() -> None:
    assert engagement_index(history({Kind.POST: [2]}, [1], ago=27), WEIGHTS).index.tolist() == [8.0]
    assert engagement_index(history({Kind.POST: [2]}, [1], ago=28), WEIGHTS).index.tolist() == [0.0]


def test_views_leaves_and_kinds_without_weight_count_nothing() -> None:
    acts = {Kind.VIEW: [500], Kind.LEAVE: [3], Kind.INVITE: [7]}
    assert engagement_index(history(acts, [4]), {**WEIGHTS, "view": 1.0}).index.tolist() == [0.0]


@given(acts=st.lists(st.integers(0, 500), min_size=3, max_size=3), more=st.integers(0, 100), members=st.integers(1, 99))
def test_more_activity_of_the_same_members_never_lowers_the_index(acts: list[int], more: int, members: int) -> None:
    kinds = (Kind.POST, Kind.REACTION, Kind.SHARE)
    now = history({kind: [count] for kind, count in zip(kinds, acts, strict=True)}, [members])
    then = history({kind: [count + more] for kind, count in zip(kinds, acts, strict=True)}, [members])
    assert engagement_index(then, WEIGHTS).index[0] >= engagement_index(now, WEIGHTS).index[0]


def test_share_of_active_compares_the_month_with_the_year() -> None:
    assert share_of_active(history({}, [5, 0, 0], year=[20, 8, 0])).tolist() == [0.25, 0.0, 0.0]
