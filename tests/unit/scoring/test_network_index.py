from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.history import HISTORY_DAYS, WEEK_DAYS
from pipeline.model import Kind
from pipeline.scoring.network_index import network_index
from tests.unit.histories import BOUNDARY_DAY, plain_history

if TYPE_CHECKING:
    from pipeline.history import History

WEIGHTS = {"post": 4.0, "reaction": 1.0}


def history(posts: list[list[int]], weekly_members: list[list[int]], boundary_day: int = BOUNDARY_DAY) -> History:
    """Communities with the same number of posts and of weekly active members on each day of a span.

    Each row gives (oldest 28 days, 308 days between, last 28 days).
    """
    spans = (28, HISTORY_DAYS - 56, 28)
    weekly = np.repeat(np.array(weekly_members), [days // WEEK_DAYS for days in spans], axis=1)
    nobody = np.zeros((len(posts), HISTORY_DAYS), dtype=np.int64)
    return replace(
        plain_history(nobody, boundary_day),
        activities={Kind.POST: np.repeat(np.array(posts), spans, axis=1), Kind.VIEW: nobody + 1000},
        bot_activities=nobody + 1000,
        weekly_active_members=lambda weeks: weekly[:, -weeks:],
    )


def test_a_worked_example() -> None:
    # Two communities: 28 days of 1 + 3 posts by 10 + 30 members a week; a year ago 1 + 1 posts by as many.
    found = network_index(history([[1, 0, 1], [1, 0, 3]], [[10, 0, 10], [30, 0, 30]]), WEIGHTS)
    assert (found.index, found.index_before) == (28 * 4 * 4.0 / 40, 28 * 2 * 4.0 / 40)
    assert found.change == 1.0
    assert (found.weekly_memberships, found.weekly_memberships_before) == (40.0, 40.0)


def test_twice_the_members_who_do_twice_as_much_are_no_change() -> None:
    assert network_index(history([[5, 0, 10]], [[40, 0, 80]]), WEIGHTS).change == 0.0


def test_the_seeds_rise_of_18_percent_is_told() -> None:
    assert network_index(history([[50, 7, 59]], [[40, 40, 40]]), WEIGHTS).change == 0.18


def test_from_one_history_the_windows_are_48_weeks_apart() -> None:
    assert network_index(history([[1, 1, 1]], [[30, 30, 30]]), WEIGHTS).days_apart == 336


def test_with_the_history_of_28_days_before_they_are_a_year_of_weeks_apart() -> None:
    now = history([[9, 0, 6]], [[50, 0, 50]])
    earlier = history([[4, 0, 9]], [[50, 0, 50]], BOUNDARY_DAY - 28)
    found = network_index(now, WEIGHTS, earlier)
    assert (found.change, found.days_apart) == (0.5, 364)


@pytest.mark.parametrize(("members", "is_told"), [([20, 0, 20], True), ([19, 0, 90], False), ([90, 0, 19], False)])
def test_too_few_active_memberships_tell_no_change(members: list[int], *, is_told: bool) -> None:
    found = network_index(history([[1, 0, 2]], [members]), WEIGHTS)
    assert (found.change is not None) == is_told
    assert found.index is not None


def test_a_network_nobody_is_active_in_has_no_index() -> None:
    found = network_index(history([[0, 0, 0]], [[0, 0, 0]]), WEIGHTS)
    assert (found.index, found.index_before, found.change) == (None, None, None)


def test_active_members_who_do_nothing_that_counts_are_a_fall_by_all() -> None:
    assert network_index(history([[3, 0, 0]], [[30, 0, 30]]), WEIGHTS).change == -1.0


def test_a_network_younger_than_a_year_has_an_index_and_no_change() -> None:
    found = network_index(history([[0, 0, 2]], [[0, 0, 30]]), WEIGHTS)
    assert (found.index_before, found.change) == (None, None)
    assert found.index == pytest.approx(28 * 2 * 4.0 / 30, abs=1e-4)


@pytest.mark.parametrize(("days_before", "posts"), [(0, 1), (27, 1), (28, 0), (363, 0)])
def test_the_window_is_the_28_days_that_end_at_the_boundary(days_before: int, posts: int) -> None:
    past = history([[0, 0, 0]], [[1, 1, 1]])
    past.activities[Kind.POST][0, HISTORY_DAYS - 1 - days_before] = 1
    assert network_index(past, WEIGHTS).index == 4.0 * posts


@pytest.mark.parametrize(("weeks_before", "memberships"), [(0, 2.0), (1, 2.0), (3, 2.0), (4, 0.0), (51, 0.0)])
def test_members_are_counted_at_the_ends_of_the_four_weeks(weeks_before: int, memberships: float) -> None:
    past = history([[0, 0, 0]], [[0, 0, 0]])
    past.weekly_active_members(52)[0, -1 - weeks_before] = 8
    assert network_index(past, WEIGHTS).weekly_memberships == memberships


rows = st.lists(st.lists(st.integers(0, 90), min_size=3, max_size=3), min_size=2, max_size=2)


@given(posts=rows, members=rows)
def test_the_order_of_communities_does_not_matter(posts: list[list[int]], members: list[list[int]]) -> None:
    found = network_index(history(posts, members), WEIGHTS)
    assert network_index(history(posts[::-1], members[::-1]), WEIGHTS) == found
