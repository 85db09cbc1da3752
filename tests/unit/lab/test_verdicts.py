"""Timelines: `|` is the onset of a decline, `^` a raised alert, days count from the onset."""

from __future__ import annotations

from datetime import date, timedelta

import pytest

from pipeline.lab.company_plan import Decline
from pipeline.lab.verdicts import compare
from pipeline.model import AlertKind, AlertState, AlertTransition, Severity, Stage

ONSET = date(2026, 3, 2)
DECLINE = Decline(community="c04", name="Lean circle", since=ONSET, to_share=0.3, why="its champions left")


def step(
    day: int,
    state: AlertState = AlertState.RAISED,
    stage: Stage = Stage.WATCH,
    *,
    community: str = "c04",
    id: str = "momentum-1",  # noqa: A002 - the name of the field
) -> AlertTransition:
    at = ONSET + timedelta(days=day)
    return AlertTransition(
        id=id,
        network="acme",
        community=community,
        alert=AlertKind.MOMENTUM,
        stage=stage,
        state=state,
        at=f"{at}T23:00:00Z",
        since=f"{ONSET}T23:00:00Z",
        severity=Severity.WARNING,
        evidence={},
    )


@pytest.mark.parametrize(("day", "hit"), [(-15, False), (-14, True), (0, True), (56, True), (57, False)])
def test_a_raise_counts_from_14_days_before_to_56_days_after_the_onset(day: int, hit: bool) -> None:  # noqa: FBT001
    # -15 ✗   -14 ^ ........ | ................................ ^ 56   57 ✗
    comparison = compare([DECLINE], [step(day)])

    assert [found.delay_days for found in comparison.found] == ([day] if hit else [])
    assert comparison.missed == ([] if hit else [DECLINE])
    assert len(comparison.for_nothing) == (0 if hit else 1)


def test_found_tells_when_it_was_raised_and_when_confirmed() -> None:
    # | ......... ^ 12 watch ...... 19 confirmed ...... 26 still confirmed
    steps = [
        step(12),
        step(19, AlertState.UPDATED, Stage.CONFIRMED),
        step(26, AlertState.UPDATED, Stage.CONFIRMED),
    ]

    (found,) = compare([DECLINE], steps).found

    assert found.raised_on == ONSET + timedelta(days=12)
    assert found.delay_days == 12
    assert found.confirmed_on == ONSET + timedelta(days=19)


def test_an_alert_resolved_while_it_was_watched_is_not_confirmed() -> None:
    # | ......... ^ 12 watch ...... 19 resolved
    (found,) = compare([DECLINE], [step(12), step(19, AlertState.RESOLVED)]).found

    assert found.confirmed_on is None


def test_the_first_of_two_raises_counts_and_the_second_is_not_for_nothing() -> None:
    # | .. ^ 10 .. resolved 20 .. ^ 30
    steps = [step(30, id="momentum-2"), step(10), step(20, AlertState.RESOLVED)]

    comparison = compare([DECLINE], steps)

    assert [found.delay_days for found in comparison.found] == [10]
    assert comparison.for_nothing == []


def test_a_raise_in_another_community_is_for_nothing_and_the_decline_is_missed() -> None:
    # c04 | ..............
    # c05 | .... ^ 5
    elsewhere = step(5, community="c05")

    comparison = compare([DECLINE], [elsewhere])

    assert comparison.missed == [DECLINE]
    assert comparison.for_nothing == [elsewhere]


def test_updates_and_resolutions_alone_find_nothing() -> None:
    steps = [step(5, AlertState.UPDATED, Stage.CONFIRMED), step(9, AlertState.RESOLVED)]

    comparison = compare([DECLINE], steps)

    assert comparison.missed == [DECLINE]
    assert comparison.for_nothing == []


def test_two_declines_of_one_community_are_matched_each_with_its_own_raise() -> None:
    # | .. ^ 20 .................................. | 200 ... ^ 213
    later = Decline(
        community="c04", name="Lean circle", since=ONSET + timedelta(days=200), to_share=0.0, why="the project ended"
    )

    comparison = compare([DECLINE, later], [step(20), step(213, id="momentum-2")])

    assert [(found.decline, found.delay_days) for found in comparison.found] == [(DECLINE, 20), (later, 13)]
