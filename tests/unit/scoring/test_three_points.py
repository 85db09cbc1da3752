"""A peak of enthusiasm, a trough of disinterest, a rebound or none."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.history import WEEK_DAYS
from pipeline.model import PARTICIPATION
from pipeline.scoring.life import ESTABLISHED_ACTIVE_WEEKS, Life
from pipeline.scoring.three_points import (
    ThreePointCounts,
    ThreePoints,
    count_three_points,
    three_points,
    three_points_of,
)
from pipeline.scoring.trough_tracking import Trough
from tests.unit.sources.made_exports import read

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

DAY_SECONDS = 86_400
NOTHING = ThreePoints(None, None, None)


def weeks(*stretches: tuple[int, int]) -> NDArray[np.int64]:
    """Return so many weeks of so many participants, one stretch after the other."""
    return np.concatenate([np.full(count, level) for count, level in stretches])


def test_the_curve_of_the_seed_document() -> None:
    # week:          0 ..... 9   10 .... 29   30 ....
    # participants:    20             5          20
    # The mean of 6 weeks is 10 or less from week 13 on (2 of 20, 4 of 5) and 15 again in week 33.
    assert three_points(weeks((10, 20), (20, 5), (20, 20))) == ThreePoints(5, 13, 33)


def test_a_trough_without_a_way_back_has_no_rebound() -> None:
    assert three_points(weeks((10, 20), (40, 5))) == ThreePoints(5, 13, None)
    # Seven tenths of the peak are not three quarters.
    assert three_points(weeks((10, 20), (20, 5), (40, 14))) == ThreePoints(5, 13, None)


def test_a_community_that_holds_has_a_peak_only() -> None:
    assert three_points(weeks((10, 10), (10, 20), (30, 12))) == ThreePoints(15, None, None)


def test_the_peak_is_the_first_that_fell_not_the_highest_of_all() -> None:
    assert three_points(weeks((10, 8), (20, 2), (30, 40), (20, 2))) == ThreePoints(5, 13, 30)


@pytest.mark.parametrize("quiet_weeks", [1, 2])
def test_a_holiday_makes_no_trough(quiet_weeks: int) -> None:
    assert three_points(weeks((20, 20), (quiet_weeks, 0), (20, 20))) == ThreePoints(5, None, None)


def test_a_level_that_touches_half_for_a_week_is_no_trough() -> None:
    # participants:   20 ..  20   0   0   0   20   20   20        the mean is 10 in weeks 22 to 25
    #                 20 ..  20   0   0   0   21   20   20        it is 10 in week 22 alone
    assert three_points(weeks((20, 20), (3, 0), (20, 20))).trough_week == 22
    assert three_points(weeks((20, 20), (3, 0), (1, 21), (20, 20))).trough_week is None


def test_half_of_a_single_member_is_no_trough() -> None:
    assert three_points(weeks((20, 1), (40, 0))).trough_week is None
    assert three_points(weeks((20, 2), (40, 0))).trough_week == 22


def test_a_curve_too_short_or_without_anybody_has_no_point() -> None:
    assert three_points(weeks((5, 20))) == NOTHING
    assert three_points(weeks((6, 20))) == ThreePoints(5, None, None)
    assert three_points(weeks((40, 0))) == NOTHING
    assert three_points(np.array([], dtype=np.int64)) == NOTHING


def test_a_life_tells_its_first_trough_in_weeks_of_age() -> None:
    assert three_points_of(Life(1000)) == NOTHING
    assert three_points_of(Life(1000, troughs=[Trough(1072, 9.0)])) == ThreePoints(None, 10, None)
    twice = Life(1000, troughs=[Trough(1030, 1.5, 1050), Trough(1072, 9.0, 1160), Trough(1400, 9.0, 1500)])
    assert three_points_of(twice) == ThreePoints(None, 10, 22)


def test_points_are_counted_with_their_medians() -> None:
    curves = [
        ThreePoints(5, None, None),
        ThreePoints(5, 8, None),
        ThreePoints(5, 12, 30),
        ThreePoints(5, 25, 35),
        NOTHING,
    ]
    # Troughs begin in the 9th, 13th and 26th week: 13 weeks are 3.0 months.
    assert count_three_points(curves) == ThreePointCounts(5, 3, 2, 14.0, 3.0)
    assert count_three_points([]) == ThreePointCounts(0, 0, 0, None, None)


@settings(max_examples=60, deadline=None)
@given(curve=st.lists(st.integers(0, 60), max_size=120).map(np.array), times=st.integers(2, 5))
def test_points_follow_one_another_and_grow_with_nothing_but_time(curve: NDArray[np.int64], times: int) -> None:
    found = [week for week in three_points(curve) if week is not None]
    assert found == sorted(set(found))
    assert all(5 <= week < len(curve) for week in found)
    # A larger community of the same shape has the same points; a small one may have none.
    assert three_points(curve * times * 100) == three_points(curve * 100)


@settings(max_examples=60, deadline=None)
@given(curve=st.lists(st.integers(0, 60), min_size=30, max_size=120).map(np.array), known=st.integers(10, 29))
def test_a_trough_once_known_stays_whatever_follows(curve: NDArray[np.int64], known: int) -> None:
    early, later = three_points(curve[:known]), three_points(curve)
    assert early.trough_week in {None, later.trough_week}
    assert early.rebound_week in {None, later.rebound_week}


def curves_of(archive: Path) -> list[NDArray[np.int64]]:
    """Return distinct participants a week of each community, from its first activity to the end of the archive."""
    activities, _ = read("jsonl", archive)
    days = [int(activity.time.timestamp() // DAY_SECONDS) for activity in activities]
    members: dict[str, dict[int, set[str | None]]] = defaultdict(lambda: defaultdict(set))
    first: dict[str, int] = {}
    for activity, day in zip(activities, days, strict=True):
        week = (day - first.setdefault(activity.community, day)) // WEEK_DAYS
        if activity.kind in PARTICIPATION and not activity.bot and activity.timeprecision != "of_object":
            members[activity.community][week].add(activity.actor)
    return [
        np.array([len(seen.get(week, ())) for week in range((max(days) + 1 - first[community]) // WEEK_DAYS)])
        for community, seen in members.items()
    ]


@pytest.mark.parametrize(
    ("archive", "communities", "with_trough", "with_rebound"), [("ncar", 19, 12, 8), ("urho3d", 11, 11, 9)]
)
def test_most_real_communities_that_took_off_have_a_trough_and_many_come_back(
    data_folder: Path, archive: str, communities: int, with_trough: int, with_rebound: int
) -> None:
    curves = curves_of(data_folder / f"{archive}.jsonl.gz")
    took_off = [curve for curve in curves if np.count_nonzero(curve) >= ESTABLISHED_ACTIVE_WEEKS]
    counts = count_three_points(map(three_points, took_off))
    assert (counts.communities, counts.with_trough, counts.with_rebound) == (communities, with_trough, with_rebound)
    # The medians move with the day on which weeks begin.
    assert counts.month_of_trough is not None
    assert 2 <= counts.month_of_trough <= 7
    assert counts.weeks_to_rebound is not None
    assert 10 <= counts.weeks_to_rebound <= 30
