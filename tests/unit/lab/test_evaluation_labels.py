"""From activities to labels: who is counted on which day, and what the segmenters agree on."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError, SettingsError
from pipeline.lab.evaluation.consensus import Votes, consensus
from pipeline.lab.evaluation.labels import label, read_labels
from pipeline.lab.evaluation.series import Series, SeriesCollector
from pipeline.model import Activity, Kind, TimePrecision

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

UTC = ZoneInfo("UTC")
MONDAY = datetime(2026, 3, 2, 9, tzinfo=timezone.utc)
FIRST_DAY = 20_514
"""That Monday, counted from 1970-01-01."""


def act(day: int, actor: str | None = "u1", *, community: str = "c1", hour: int = 0, **fields: Any) -> Activity:
    """An activity at 9 o'clock on a day after the Monday."""
    given = {"kind": Kind.POST, "network": "acme", **fields}
    time = MONDAY + timedelta(days=day, hours=hour)
    return Activity(id=f"{day}-{actor}", time=time, community=community, actor=actor, **given)


def series_of(activities: Iterable[Activity], zone: ZoneInfo = UTC) -> Series:
    collector = SeriesCollector("file", lambda _: zone)
    for _ in collector.watch(activities):
        pass
    return collector.series()


def levels(*weekly: tuple[int, int]) -> Series:
    """A community of (members, weeks) one after the other; everybody is there on Mondays."""
    members = [count for count, weeks in weekly for _ in range(weeks)]
    return series_of(act(7 * week, f"u{u}") for week, count in enumerate(members) for u in range(count))


def test_a_member_counts_once_a_day_and_for_seven_days() -> None:
    # day 0     1     2  ...  8
    #  u1 u1   u2          u1
    series = series_of([act(0), act(0, hour=2), act(1, "u2"), act(8)])
    assert (series.first_day, series.communities) == (FIRST_DAY, ("c1",))
    assert series.daily.tolist() == [[1, 1, 0, 0, 0, 0, 0, 0, 1]]
    assert series.weekly.tolist() == [[1, 2, 2, 2, 2, 2, 2, 1, 1]]


@given(st.sets(st.tuples(st.integers(0, 40), st.sampled_from("abcd")), min_size=1))
def test_weekly_members_are_the_distinct_ones_of_seven_days(acts: set[tuple[int, str]]) -> None:
    series = series_of(act(day, actor) for day, actor in acts)
    begin = series.first_day - FIRST_DAY
    for day in range(series.days):
        seen = {actor for at, actor in acts if day - 6 <= at - begin <= day}
        assert series.weekly[0, day] == len(seen)


def test_only_dated_participation_of_people_counts() -> None:
    others = [
        act(1, "u2", kind=Kind.JOIN),
        act(1, "u3", kind=Kind.VIEW),
        act(1, "u4", kind=Kind.REACTION, timeprecision=TimePrecision.OF_OBJECT),
        act(1, "robot", bot=True),
        # Marked on two of three activities: a bot throughout.
        act(1, "half", bot=True),
        act(1, "half", bot=True, kind=Kind.JOIN),
        act(1, "half"),
        act(1, None),
        act(1, "robot", community="bots", bot=True),
    ]
    series = series_of([act(0), *others, act(2)])
    assert series.communities == ("c1",)
    assert series.daily.tolist() == [[1, 0, 1]]


def test_days_are_those_of_the_networks_time_zone() -> None:
    # 09:00 UTC on Monday is 22:00 in Auckland, 12:00 UTC is past midnight there.
    assert series_of([act(0), act(0, hour=3)], ZoneInfo("Pacific/Auckland")).daily.tolist() == [[1, 1]]


def test_one_file_is_one_network() -> None:
    with pytest.raises(InputError, match="file holds the networks 'acme' and 'other'"):
        series_of([act(0), act(1, network="other")])


@pytest.mark.parametrize("activities", [[], [act(0, bot=True)], [act(0, kind=Kind.JOIN)]])
def test_a_past_without_participation_is_said_so(activities: list[Activity]) -> None:
    with pytest.raises(InputError, match="nothing to evaluate"):
        series_of(activities)


def test_a_lasting_fall_is_a_strong_decline_at_its_day() -> None:
    own = label(levels((12, 30), (3, 30))).communities["c1"]
    (onset,) = own.strong
    assert onset == pytest.approx(7 * 30, abs=7)
    assert own.neutral == ()
    assert own.level_before == pytest.approx((12.0,), abs=0.1)
    assert own.years == pytest.approx(60 / 52, abs=0.03)


@pytest.mark.parametrize(
    ("weekly", "why"),
    [
        ([(12, 60)], "nothing fell"),
        ([(12, 30), (7, 30)], "more than half is left"),
        ([(12, 28), (2, 4), (12, 28)], "it was over in a month"),
        ([(2, 30), (1, 30)], "fewer than three were there"),
        ([(3, 30), (12, 30)], "it rose"),
    ],
)
def test_other_courses_are_no_strong_decline(weekly: list[tuple[int, int]], why: str) -> None:
    assert label(levels(*weekly)).communities["c1"].strong == (), why


def test_a_reduction_is_neutral() -> None:
    own = label(levels((12, 30), (7, 30))).communities["c1"]
    assert any(abs(day - 210) <= 14 for day in own.neutral)


def test_watched_years_are_those_at_a_level_of_three() -> None:
    own = label(levels((6, 26), (1, 26))).communities["c1"]
    assert own.watched_years == pytest.approx(0.5, abs=0.1)


def test_communities_of_fewer_than_twelve_active_weeks_are_left_out() -> None:
    assert label(levels((12, 11))).communities == {}
    assert set(label(levels((12, 13))).communities) == {"c1"}


def test_labels_do_not_depend_on_what_else_is_labelled(monkeypatch: pytest.MonkeyPatch) -> None:
    dice = np.random.default_rng(1)
    weekly: NDArray[np.int64] = dice.poisson(np.repeat([[15.0, 4.0], [5.0, 6.0], [20.0, 9.0]], 200, axis=1))
    series = Series("file", "acme", UTC, FIRST_DAY, ("a", "b", "c"), weekly, weekly)
    together = label(series)
    assert together.communities["a"].strong
    monkeypatch.setattr("pipeline.lab.evaluation.labels.COMMUNITIES_AT_ONCE", 1)
    assert label(series) == together


def agreeing(strong: int, mild: int, *, day: int = 100) -> list[Votes]:
    """So many segmenters of 42 mark a day as strong, so many as mild."""
    none = 42 - strong - mild
    return [Votes([day], [])] * strong + [Votes([], [day])] * mild + [Votes([], [])] * none


@pytest.mark.parametrize(
    ("strong", "mild", "found"),
    [(28, 0, ([100.0], [])), (27, 15, ([], [100])), (7, 0, ([], [100])), (0, 7, ([], [100])), (3, 3, ([], []))],
)
def test_two_thirds_make_a_decline_strong_and_a_sixth_makes_a_place_neutral(
    strong: int, mild: int, found: tuple[list[float], list[int]]
) -> None:
    assert consensus(agreeing(strong, mild)) == found


def test_votes_within_a_fortnight_are_of_one_decline_at_their_median() -> None:
    # 14 say 100, 14 say 107, 14 say 114: one decline at 107; 42 say 200: another.
    votes = [Votes([day, 200], []) for day in (100, 107, 114) for _ in range(14)]
    assert consensus(votes) == ([107.0, 200.0], [])


def test_neutral_places_keep_three_weeks_from_a_strong_one_and_three_days_from_each_other() -> None:
    votes = [Votes([100], [121, 122, 125, 126]) for _ in range(42)]
    assert consensus(votes) == ([100.0], [125])


def test_labels_are_read_back_only_for_their_own_past(tmp_path: Path) -> None:
    path = tmp_path / "labels.json"
    own, other = levels((12, 30), (3, 30)), levels((12, 30), (3, 31))
    path.write_bytes(msgspec.json.encode(label(own)))
    assert read_labels(path, own) == label(own)
    with pytest.raises(SettingsError, match="does not fit file"):
        read_labels(path, other)
    path.write_text('{"archive": 1}')
    with pytest.raises(InputError, match="holds no labels"):
        read_labels(path, own)
    with pytest.raises(InputError, match="cannot be read"):
        read_labels(tmp_path / "nowhere.json", own)
