"""Quadrants, champions and regulars: what is read from the days of single members."""

from __future__ import annotations

from typing import TYPE_CHECKING, TypeVar

from hypothesis import given
from hypothesis import strategies as st

from pipeline.history import MemberDay, Members
from pipeline.model import Quadrant
from pipeline.scoring import champions as measures
from pipeline.scoring import quadrants as places

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.history import MemberHistories

TODAY = 20_000
T = TypeVar("T")


def of_histories(measure: Callable[[Members, int], T]) -> Callable[[MemberHistories, int], T]:
    return lambda histories, day: measure(Members.of(histories), day)


champions = of_histories(measures.champions)
silent_champions = of_histories(measures.silent_champions)
lost_regulars = of_histories(measures.lost_regulars)
reactivated = of_histories(measures.reactivated)
quadrants = of_histories(places.quadrants)


def wrote(*days_ago_and_counts: tuple[int, int]) -> list[MemberDay]:
    """`wrote((200, 4), (3, 1))`: 4 contributions 200 days ago, 1 three days ago."""
    return [MemberDay(TODAY - ago, count, 0, participated=True) for ago, count in days_ago_and_counts]


def did(conversational: int, relational: int, days_ago: int = 0) -> list[MemberDay]:
    return [MemberDay(TODAY - days_ago, conversational, relational, participated=True)]


def test_one_act_a_week_on_an_axis_is_high() -> None:
    members = {"a": did(3, 3), "b": did(4, 3), "c": did(3, 4), "d": did(4, 4), "e": did(0, 0)}
    assert quadrants(members, TODAY) == {
        Quadrant.PRESENT: 2,
        Quadrant.CONVERSING: 1,
        Quadrant.SOCIABLE: 1,
        Quadrant.ENGAGED: 1,
    }


def test_who_was_not_there_within_the_window_is_in_no_quadrant() -> None:
    members = {"inside": did(9, 9, days_ago=27), "outside": did(9, 9, days_ago=28)}
    assert sum(quadrants(members, TODAY).values()) == 1
    assert quadrants({}, TODAY) == dict.fromkeys(Quadrant, 0)


def test_champions_are_the_fewest_who_make_half() -> None:
    # 5 + 3 of 15 are half; 5 alone are not
    found = champions({"d": wrote((1, 5)), "a": wrote((2, 3)), "b": wrote((3, 3)), "c": wrote((4, 4))}, TODAY)
    assert [(champion.pseudonym, champion.contributions) for champion in found] == [("d", 5), ("c", 4)]
    assert found[0].share == round(5 / 15, 4)


def test_equal_champions_are_ordered_by_pseudonym() -> None:
    found = champions({"c": wrote((1, 2)), "a": wrote((1, 2)), "b": wrote((1, 2)), "d": wrote((1, 2))}, TODAY)
    assert [champion.pseudonym for champion in found] == ["a", "b"]


def test_a_community_without_contributions_has_no_champion() -> None:
    assert champions({"a": did(0, 50), "b": wrote((91, 9))}, TODAY) == []


def test_a_champion_is_silent_while_others_go_on() -> None:
    # champion |##########.....................| silent for 21 days, the other still writes
    members = {"champion": wrote((60, 20), (21, 5)), "other": wrote((60, 3), (2, 1))}
    assert [champion.pseudonym for champion in silent_champions(members, TODAY)] == ["champion"]
    members["champion"] = wrote((60, 20), (20, 1))
    assert silent_champions(members, TODAY) == []


def test_where_everybody_is_silent_no_champion_is_missed_in_particular() -> None:
    assert silent_champions({"champion": wrote((60, 20)), "other": wrote((60, 3))}, TODAY) == []


def test_a_regular_is_lost_after_90_days_without_a_contribution() -> None:
    # |-- days 179 to 90 back: 4 contributions --|-- last 90 days: none --|
    assert lost_regulars({"a": wrote((179, 2), (90, 2))}, TODAY) == 1
    assert lost_regulars({"a": wrote((179, 2), (90, 2), (89, 1))}, TODAY) == 0
    assert lost_regulars({"a": wrote((179, 2), (90, 1))}, TODAY) == 0
    assert lost_regulars({"a": wrote((180, 4))}, TODAY) == 0


def test_a_lost_regular_who_writes_again_is_reactivated() -> None:
    assert reactivated({"a": wrote((200, 4), (10, 1))}, TODAY) == 1
    assert reactivated({"a": wrote((200, 4), (120, 1), (10, 1))}, TODAY) == 0
    assert reactivated({"a": wrote((200, 4))}, TODAY) == 0


@given(st.dictionaries(st.integers(0, 10**6), st.integers(0, 40), min_size=1, max_size=12))
def test_names_change_no_count(contributions: dict[int, int]) -> None:
    def named(prefix: str) -> MemberHistories:
        return {f"{prefix}{name}": wrote((5, count)) for name, count in contributions.items()}

    short, long = (champions(named(prefix), TODAY) for prefix in ("m", "a much longer pseudonym of "))
    assert [c.contributions for c in short] == [c.contributions for c in long]
    total = sum(contributions.values())
    assert 2 * sum(c.contributions for c in short) >= total
    assert 2 * sum(c.contributions for c in short[:-1]) < max(total, 1)
    assert quadrants(named("m"), TODAY) == quadrants(named("n"), TODAY)


def test_how_many_champions_are_silent_does_not_depend_on_their_pseudonyms() -> None:
    # Two carry the community as one: three acts each in May. One of them goes on in June, one does not.
    may, june = 20_000, 20_040
    stays = [MemberDay(may, 3, 0, participated=True), MemberDay(june, 1, 0, participated=True)]
    leaves = [MemberDay(may, 3, 0, participated=True)]
    assert silent_champions({"a": leaves, "b": stays}, june) == silent_champions({"a": stays, "b": leaves}, june) == []
