from __future__ import annotations

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.scoring.concentration import (
    DepartmentMix,
    concentration,
    cross_department_share,
    is_transverse,
    transverse_at_the_top,
)

counts = st.lists(st.integers(0, 10_000), min_size=1, max_size=50).filter(any)


def test_equal_communities_have_a_gini_of_zero() -> None:
    found = concentration(np.array([40] * 20))
    assert found is not None
    assert (found.gini, found.top_tenth_share, found.top_share) == (0.0, 0.1, 0.05)
    assert (found.communities, found.activities) == (20, 800)


def test_one_that_does_everything_has_a_gini_of_one_less_its_part() -> None:
    found = concentration(np.array([0] * 9 + [70]))
    assert found is not None
    assert (found.gini, found.top_tenth_share, found.top_share) == (0.9, 1.0, 1.0)


def test_a_gini_worked_out_by_hand() -> None:
    # Mean absolute difference of 1, 2, 3, 4 over all 16 pairs is 20 / 16; half of it over the mean of 2.5.
    found = concentration(np.array([3, 1, 4, 2]))
    assert found is not None
    assert found.gini == 0.25


def test_the_top_tenth_is_rounded_up() -> None:
    found = concentration(np.array([50, 30] + [2] * 10))
    assert found is not None
    assert (found.top_tenth_share, found.top_share) == (0.8, 0.5)


def test_silence_has_no_concentration() -> None:
    assert concentration(np.zeros(3, dtype=np.int64)) is None
    assert concentration(np.zeros(0, dtype=np.int64)) is None


@given(counts, st.randoms(use_true_random=False))
def test_the_order_of_communities_does_not_matter(activities: list[int], random: object) -> None:
    shuffled = list(activities)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    assert concentration(np.array(shuffled)) == concentration(np.array(activities))


@given(counts, st.integers(1, 50))
def test_the_gini_lies_between_0_and_1_and_does_not_depend_on_the_scale(activities: list[int], factor: int) -> None:
    found, larger = concentration(np.array(activities)), concentration(np.array(activities) * factor)
    assert found is not None
    assert larger is not None
    assert 0 <= found.gini < 1
    assert larger.gini == pytest.approx(found.gini, abs=1e-6)
    assert found.top_share <= found.top_tenth_share <= 1


@given(counts)
def test_activity_taken_from_the_least_for_the_most_raises_the_gini(activities: list[int]) -> None:
    least, most = int(np.argmin(activities)), int(np.argmax(activities))
    assume(least != most and activities[least] > 0)
    moved = list(activities)
    moved[least], moved[most] = 0, moved[most] + moved[least]
    before, after = concentration(np.array(activities)), concentration(np.array(moved))
    assert before is not None
    assert after is not None
    assert after.gini >= before.gini


def test_two_of_each_department_differ_in_two_pairs_of_three() -> None:
    assert cross_department_share({"sales": 2, "plant": 2}) == DepartmentMix(4, 0.6667)


def test_one_department_is_not_transverse_and_one_each_is_wholly() -> None:
    assert cross_department_share({"sales": 30}) == DepartmentMix(30, 0.0)
    assert cross_department_share(dict.fromkeys("abcde", 1)) == DepartmentMix(5, 1.0)


@pytest.mark.parametrize("departments", [{}, {"sales": 1}])
def test_fewer_than_two_known_make_no_pair(departments: dict[str, int]) -> None:
    assert cross_department_share(departments).share is None


@given(st.dictionaries(st.text(max_size=3), st.integers(0, 40), max_size=8))
def test_the_share_equals_that_of_all_pairs(departments: dict[str, int]) -> None:
    people = [name for name, count in departments.items() for _ in range(count)][:60]
    mix = cross_department_share({name: people.count(name) for name in set(people)})
    pairs = [(one, other) for place, one in enumerate(people) for other in people[:place]]
    if pairs:
        assert mix.share == pytest.approx(sum(one != other for one, other in pairs) / len(pairs), abs=1e-4)


def test_few_known_members_make_no_community_transverse() -> None:
    assert not is_transverse(DepartmentMix(4, 1.0))
    assert is_transverse(DepartmentMix(5, 0.5))
    assert not is_transverse(DepartmentMix(5, 0.4))


def test_of_the_most_active_tenth_the_transverse_are_told_most_active_first() -> None:
    activities = np.array([1] * 16 + [500, 900])
    mixes = [DepartmentMix(9, 0.9)] * 18
    assert transverse_at_the_top(activities, mixes) == [17, 16]
    assert transverse_at_the_top(activities, [*mixes[:-1], DepartmentMix(9, 0.1)]) == [16]


def test_a_silent_community_is_not_at_the_top() -> None:
    assert transverse_at_the_top(np.array([0, 0]), [DepartmentMix(9, 0.9)] * 2) == []
