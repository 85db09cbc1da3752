"""What is told of those who carry a community, week by week."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

import pytest
from hypothesis import assume, given
from hypothesis import strategies as st

from pipeline.history import MemberDay, Members
from pipeline.scoring.champion_notices import review
from pipeline.scoring.champion_texts import ChampionNotice, ChampionNoticeKind, text

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.history import MemberHistories
    from pipeline.scoring.champion_notices import ChampionState

BEGIN = 20_000
WEEK = 7
SILENT = ChampionNoticeKind.CHAMPION_SILENT
SOLE = ChampionNoticeKind.SOLE_CONTRIBUTOR
NEW = ChampionNoticeKind.NEW_CHAMPION


def weekly(weeks: Iterable[int], count: int) -> list[MemberDay]:
    """`count` contributions on the first day of each of the weeks."""
    return [MemberDay(BEGIN + WEEK * week, count, 0, participated=True) for week in weeks]


def others(weeks: Iterable[int], members: int = 5, count: int = 1) -> MemberHistories:
    numbers = list(weeks)
    return {f"other-{place}": weekly(numbers, count) for place in range(members)}


def as_of(members: MemberHistories, day: int) -> MemberHistories:
    """What the windows hand out: days up to the boundary, of those who have any."""
    seen = {name: [one for one in days if one.day <= day] for name, days in members.items()}
    return {name: days for name, days in seen.items() if days}


def told(members: MemberHistories, first_week: int, last_week: int) -> list[tuple[int, ChampionNotice]]:
    """(week, notice) of a review at the end of each week; the state goes through JSON, as it is stored.

    The community was founded in week 0.
    """
    state: ChampionState = {}
    found: list[tuple[int, ChampionNotice]] = []
    for week in range(first_week, last_week):
        day = BEGIN + WEEK * week + WEEK - 1
        notices, state = review(Members.of(as_of(members, day)), BEGIN, day, json.loads(json.dumps(state)))
        found.extend((week, notice) for notice in notices)
    return found


def of_kind(kind: ChampionNoticeKind, found: list[tuple[int, ChampionNotice]]) -> list[tuple[int, str]]:
    return [(week, notice.champion) for week, notice in found if notice.kind is kind]


def test_a_champion_who_falls_silent_is_told_of_once_three_weeks_later() -> None:
    # champion |##############################........| weeks 0 to 29, 4 a week
    # others   |######################################| 5 of them, 1 a week each
    found = told({"champion": weekly(range(30), 4), **others(range(50))}, 10, 50)
    # The last contribution is on the first day of week 29: 27 days later, at the end of week 32, 21 days have passed.
    assert of_kind(SILENT, found) == [(32, "champion")]
    notice = next(notice for _, notice in found if notice.kind is SILENT)
    assert notice.since_day == BEGIN + WEEK * 29 + 1
    assert notice.evidence["champion_place"] == 1
    assert notice.evidence["share_of_contributions"] == pytest.approx(4 / 9, abs=0.001)
    assert notice.evidence["silent_days"] == 27
    assert notice.evidence["other_contributors_21_days"] == 5


def test_a_silence_after_a_return_is_told_of_again() -> None:
    # champion |#### 0-29 ####....#### 34-60 ####.....|
    found = told({"champion": weekly([*range(30), *range(34, 61)], 4), **others(range(75))}, 10, 75)
    assert of_kind(SILENT, found) == [(32, "champion"), (63, "champion")]


def test_who_comes_every_other_week_is_missed_only_after_a_longer_silence() -> None:
    # 7 of 13 weeks: three weeks of silence happen by chance in one case of ten
    every_other = {"champion": weekly(range(0, 31, 2), 9), **others(range(50))}
    assert of_kind(SILENT, told(every_other, 10, 50)) == [(35, "champion")]


def test_who_came_for_one_discussion_is_not_missed() -> None:
    # champion by 40 contributions in one week, then gone
    assert of_kind(SILENT, told({"guest": weekly([20], 40), **others(range(40))}, 10, 40)) == []


def test_one_of_many_champions_is_not_missed() -> None:
    # 13 members carry it; the first among them made 4 of 40 contributions
    members = {"leaves": weekly(range(30), 4), **others(range(50), members=12, count=3)}
    assert of_kind(SILENT, told(members, 10, 50)) == []


def test_where_all_fall_silent_nobody_is_missed() -> None:
    assert told({"champion": weekly(range(30), 4), **others(range(30))}, 10, 50) == []


def test_a_tiny_community_is_not_told_of() -> None:
    members = {"champion": weekly(range(30), 9), **others(range(60), members=3)}
    assert told(members, 10, 60) == []


def test_a_member_who_makes_most_is_told_of_once() -> None:
    # champion 1 a week until week 19, 12 a week from week 20; 5 others 1 a week
    members = {"champion": [*weekly(range(20), 1), *weekly(range(20, 50), 12)], **others(range(50))}
    found = told(members, 15, 50)
    # week 27: 8 weeks at 12 and 5 at 1 are 101 of 166; a week earlier it was 90 of 155
    assert of_kind(SOLE, found) == [(27, "champion")]
    notice = next(notice for _, notice in found if notice.kind is SOLE)
    assert notice.evidence["share_of_contributions"] == pytest.approx(101 / 166, abs=0.001)


def test_a_sole_contributor_is_told_of_again_only_after_the_share_was_below_half() -> None:
    def swinging(low: int) -> MemberHistories:
        parts = [(range(20), 1), (range(20, 50), 10), (range(50, 70), low), (range(70, 100), 10)]
        return {"champion": [day for weeks, count in parts for day in weekly(weeks, count)], **others(range(100))}

    # 6 of 11 is .55: not told again after it; 2 of 7 is .29: told again
    assert len(of_kind(SOLE, told(swinging(6), 15, 100))) == 1
    assert len(of_kind(SOLE, told(swinging(2), 15, 100))) == 2


def test_a_newcomer_who_becomes_a_champion_is_told_of_once() -> None:
    # newcomer |....................###################| from week 30 on, 6 a week against 5 of five others
    found = told({"newcomer": weekly(range(30, 80), 6), **others(range(80))}, 10, 80)
    assert [name for _, name in of_kind(NEW, found)] == ["newcomer"]
    week, notice = next((week, notice) for week, notice in found if notice.kind is NEW)
    # Four weeks make it a habit; 24 of 89 contributions are among the first half.
    assert week == 33
    assert notice.since_day == BEGIN + WEEK * 30


def test_nobody_is_new_among_the_founders() -> None:
    # all came in the first 12 weeks; one of them takes over in week 20
    founder = [*weekly([10], 1), *weekly(range(20, 50), 6)]
    assert of_kind(NEW, told({"founder": founder, **others(range(50))}, 5, 50)) == []


def test_a_newcomer_is_new_where_all_the_founders_are_forgotten() -> None:
    # founders until week 19, of whom nothing is read any more | newcomer and five others from week 60 on
    found = told({"newcomer": weekly(range(60, 80), 6), **others(range(60, 80))}, 60, 80)
    assert of_kind(NEW, found) == [(63, "newcomer")]


def test_the_first_review_does_not_tell_what_is_long_past() -> None:
    members = {
        "gone": weekly(range(30), 8),
        "newcomer": weekly(range(22, 60), 20),
        **others(range(60)),
    }
    from_the_start = told(members, 10, 60)
    assert {notice.kind for _, notice in from_the_start} == {SILENT, SOLE, NEW}
    late = told(members, 35, 60)
    assert late == []
    # One who begins to look in the very week tells the same as one who looked all the time.
    assert of_kind(SILENT, told(members, 32, 33)) == of_kind(SILENT, from_the_start)


def test_texts_name_the_member_and_what_to_do() -> None:
    silent = told({"gone": weekly(range(30), 8), **others(range(60))}, 10, 60)
    new = told({"newcomer": weekly(range(30, 80), 6), **others(range(80))}, 10, 80)
    texts = {notice.kind: text(notice) for _, notice in silent + new}
    assert "gone (place 1 of 1, 62% of the contributions of 91 days)" in texts[SILENT]
    assert "does not foretell" in texts[SILENT]
    assert "newcomer, first seen 2025-05-02" in texts[NEW]
    sole = told({"star": [*weekly(range(20), 1), *weekly(range(20, 50), 12)], **others(range(50))}, 15, 50)
    assert "star made 6" in text(sole[0][1])


def test_members_who_came_only_after_the_boundary_count_for_nothing() -> None:
    # A late activity may bring a member whose days all lie ahead of the boundary: the windows hand out an empty list.
    members = {"star": weekly(range(20), 12), **others(range(20))}
    day = BEGIN + 20 * WEEK - 1
    found, plain = (review(Members.of(each), BEGIN, day, {}) for each in ({**members, "later": []}, members))
    assert found == plain


@st.composite
def communities(draw: st.DrawFn) -> MemberHistories:
    """A year of up to eight members who come in drawn weeks."""
    weeks = st.lists(st.integers(0, 55), min_size=1, unique=True).map(sorted)
    drawn = draw(st.lists(st.tuples(weeks, st.integers(1, 500)), min_size=5, max_size=8))
    return {f"m{place}": weekly(weeks, count) for place, (weeks, count) in enumerate(drawn)}


def has_ties(members: MemberHistories) -> bool:
    """Whether two members made equally many contributions in any 91 days that a review looks at."""
    for week in range(60):
        day = BEGIN + WEEK * week + WEEK - 1
        made = [made for made in Members.of(members).contributions(day - 91, day).tolist() if made]
        if len(made) != len(set(made)):
            return True
    return False


@given(communities(), st.permutations(range(8)))
def test_other_names_in_another_order_name_the_same_members(members: MemberHistories, order: list[int]) -> None:
    assume(not has_ties(members))  # of equals one has to be taken
    renamed = {f"m{place}": f"z{order[place]}" for place in range(len(members))}
    shuffled = {renamed[name]: members[name] for name in sorted(members, key=lambda name: renamed[name])}
    expected = [(week, notice.kind, renamed[notice.champion]) for week, notice in told(members, 12, 60)]
    found = [(week, notice.kind, notice.champion) for week, notice in told(shuffled, 12, 60)]
    assert sorted(found) == sorted(expected)


@given(communities(), st.integers(1, 100))
def test_who_acts_every_week_is_never_silent(members: MemberHistories, count: int) -> None:
    found = told({**members, "always": weekly(range(60), count)}, 10, 60)
    assert "always" not in {name for _, name in of_kind(SILENT, found)}


@given(communities())
def test_evidence_names_no_other_member(members: MemberHistories) -> None:
    for _, notice in told(members, 12, 60):
        assert notice.evidence["champion"] == notice.champion
        rest = json.dumps({key: value for key, value in notice.evidence.items() if key != "champion"})
        assert not any(f'"{name}"' in rest for name in members)
