from __future__ import annotations

from dataclasses import replace
from datetime import date
from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import orjson
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.detection.detection_settings import DetectionSettings
from pipeline.detection.detector import decide
from pipeline.detection.holiday_calendar import Calendar
from pipeline.detection.verdict import Resolution, Verdict
from pipeline.history import HISTORY_DAYS
from pipeline.model import AlertState, Kind, Severity, Stage
from tests.unit.detection.timeline import FEBRUARY, history_at, judge, weeks

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.detection.verdict import Step
    from pipeline.history import DetectorState

ONSET = 12 * 7


def test_a_lasting_drop_is_watched_then_confirmed_then_settled_as_one_alert() -> None:
    # week  0 ........... 12 ............................ 34
    # level 20            6
    #                        ^ watch  ^ confirmed     ^ settled
    told, _ = judge(weeks((12, 20), (22, 6)))
    steps = [item.step for item in told]
    assert [(step.state, step.stage) for step in steps] == [
        (AlertState.RAISED, Stage.WATCH),
        (AlertState.UPDATED, Stage.CONFIRMED),
        (AlertState.RESOLVED, Stage.CONFIRMED),
    ]
    # Twenty a week are enough for one or two weeks to say something.
    assert ONSET + 5 <= told[0].day <= ONSET + 14
    assert told[1].day - told[0].day >= 7
    assert told[2].day - told[0].day == 16 * 7
    assert steps[-1].reason is Resolution.SETTLED
    assert {step.since_day for step in steps} == {steps[0].since_day}
    assert abs(steps[0].since_day - (FEBRUARY + ONSET)) <= 7


def test_the_evidence_of_a_drop_can_be_checked_by_its_reader() -> None:
    told, _ = judge(weeks((12, 20), (4, 5)))
    evidence = told[0].step.evidence
    assert evidence["baseline_weekly_participants"] == 20
    assert evidence["baseline_window_days"] == 56
    assert evidence["present_window_days"] in {21, 28}
    assert 5 <= evidence["present_weekly_participants"] <= 10
    assert evidence["present_to_baseline_ratio"] == evidence["present_weekly_participants"] / 20
    assert 0.25 <= evidence["activities_to_baseline_ratio"] < 1
    assert evidence["confidence"] == "medium"
    assert told[0].step.severity is Severity.WARNING


def test_a_community_that_comes_back_ends_its_alert_as_recovered() -> None:
    # level 20 for 12 weeks, 5 for 6 weeks, 18 for 5 weeks
    told, days = judge(weeks((12, 20), (6, 5), (5, 18)))
    last = told[-1].step
    assert (last.state, last.reason) == (AlertState.RESOLVED, Resolution.RECOVERED)
    assert told[-1].day < (12 + 6 + 4) * 7
    assert sum(item.step.state is AlertState.RAISED for item in told) == 1
    assert days[-1][0].verdict is Verdict.HOLDING


def test_the_silence_of_a_sizeable_community_is_raised_after_its_seventh_quiet_day() -> None:
    # Participants of 7 days stay above 0 until the last act is 7 days old; here from day 84 on nobody is left.
    told, _ = judge(weeks((12, 30), (10, 0)))
    assert told[0].day == ONSET
    assert told[0].step.evidence["quiet_days"] == 7
    assert told[-1].step.reason is Resolution.DORMANT
    assert told[-1].step.evidence["quiet_days"] == 56


def test_a_small_community_needs_more_quiet_days_than_a_large_one() -> None:
    small, _ = judge(weeks((12, 8), (6, 0)))
    large, _ = judge(weeks((12, 40), (6, 0)))
    assert small[0].day > large[0].day


def test_a_drop_must_show_on_three_boundaries_in_a_row() -> None:
    series = weeks((12, 20), (6, 5))
    at_once, _ = judge(series, settings=DetectionSettings(days_in_a_row=1))
    patient, _ = judge(series, settings=DetectionSettings(days_in_a_row=3))
    assert patient[0].day == at_once[0].day + 2


def test_the_baseline_stays_frozen_while_the_alert_is_open() -> None:
    told, days = judge(weeks((12, 20), (14, 6)))
    baselines = {decisions[0].state["alert"]["baseline"] for decisions in days[told[0].day :]}
    assert baselines == {20.0}
    assert days[-1][0].momentum == 0.3


def test_a_community_younger_than_nine_weeks_is_not_judged() -> None:
    told, days = judge(weeks((5, 30), (3, 0)))
    assert told == []
    assert {decisions[0].verdict for decisions in days} == {Verdict.LEARNING}
    assert all(decisions[0].momentum is None for decisions in days)


def test_a_community_of_three_is_said_to_be_too_small_rather_than_judged() -> None:
    told, days = judge(weeks((14, 3), (6, 0)))
    assert told == []
    assert days[13 * 7][0].verdict is Verdict.TOO_SMALL


def test_few_participants_make_an_alert_of_low_confidence_that_is_not_loud() -> None:
    told, _ = judge(weeks((12, 5), (5, 0)))
    assert told[0].step.evidence["confidence"] == "low"
    assert told[0].step.severity is Severity.INFO


def test_at_the_turn_of_the_year_a_decline_waits_until_14_january() -> None:
    # 18 September ...... 11 December: 20 -> 6 .... 20 December |held back| 13 January ...... February
    first_day = (date(2023, 9, 18) - date(1970, 1, 1)).days
    told, days = judge(weeks((12, 20), (10, 6)), first_day=first_day)
    verdicts = [decisions[0].verdict for decisions in days]
    assert Verdict.HELD_BACK in verdicts
    assert first_day + told[0].day == (date(2024, 1, 16) - date(1970, 1, 1)).days


def test_a_drop_of_the_whole_network_holds_all_communities_back() -> None:
    # Six communities fall together; two weeks later all are back.
    together = [weeks((14, level), (3, level // 5), (6, level)) for level in (10, 15, 20, 25, 30, 40)]
    told, days = judge(together)
    assert told == []
    assert any(decision.verdict is Verdict.HELD_BACK for decisions in days for decision in decisions)
    alone = [*(weeks((23, level)) for level in (10, 15, 20, 25, 30)), weeks((14, 40), (3, 8), (6, 40))]
    told, _ = judge(alone)
    assert {item.place for item in told} == {5}


def test_an_open_alert_is_told_of_when_something_changed_not_every_day() -> None:
    told, _ = judge(weeks((12, 30), (4, 12), (4, 5), (4, 11), (3, 12)))
    days = [item.day for item in told]
    assert len(days) <= 7
    assert all(later - sooner >= 7 for sooner, later in pairwise(days[1:]))


def test_after_an_alert_a_second_decline_has_another_since() -> None:
    told, _ = judge(weeks((12, 20), (6, 4), (12, 20), (8, 4)))
    raised = [item.step.since_day for item in told if item.step.state is AlertState.RAISED]
    assert len(raised) == 2
    assert raised[0] < raised[1]


@given(level=st.integers(0, 200))
@settings(max_examples=15)
def test_a_constant_community_never_alerts(level: int) -> None:
    told, _ = judge(weeks((30, level)))
    assert told == []


@given(before=st.integers(4, 80), present=st.integers(0, 80), more=st.integers(0, 40))
@settings(max_examples=25)
def test_more_participants_never_raise_a_decline(before: int, present: int, more: int) -> None:
    less, _ = judge(weeks((12, before), (5, min(present, before))))
    greater, _ = judge(weeks((12, before), (5, min(present + more, before))))
    assert bool(less) or not greater


def lively(seed: int, count: int, days: int) -> NDArray[np.int64]:
    """Noisy communities of all sizes (count, days), every other one of which drops after 13 weeks."""
    chance = np.random.default_rng(seed)
    level: NDArray[np.float64] = chance.uniform(4, 60, (count, 1)) * np.ones(days)
    level[::2, 91:] *= chance.uniform(0, 0.4, (level[::2].shape[0], 1))
    return chance.poisson(level).astype(np.int64)


@given(seed=st.integers(0, 10_000))
@settings(max_examples=8)
def test_the_order_and_number_of_communities_judged_together_changes_no_decision(seed: int) -> None:
    series = lively(seed, 9, 140)
    network = series.sum(axis=0)
    order = np.random.default_rng(seed + 1).permutation(9)
    _, together = judge(series, network=network)
    _, permuted = judge(series[order], network=network)
    _, alone = judge(series[4:5], network=network)
    assert any(decision.steps for decisions in together for decision in decisions)
    for day, decisions in enumerate(together):
        assert [decisions[place] for place in order] == permuted[day]
        assert decisions[4] == alone[day][0]


@given(seed=st.integers(0, 10_000))
@settings(max_examples=5)
def test_states_pass_through_json_unchanged_and_decide_the_same(seed: int) -> None:
    series = lively(seed, 6, 150)
    _, expected = judge(series)
    states: list[DetectorState] = [{} for _ in series]
    for day, decisions in enumerate(expected):
        states = orjson.loads(orjson.dumps(states))
        found = list(decide(history_at(series, day, FEBRUARY), states, Calendar(), DetectionSettings()))
        assert found == decisions
        assert all(orjson.loads(orjson.dumps(step.evidence)) == step.evidence for d in found for step in d.steps)
        states = [decision.state for decision in found]
        assert orjson.loads(orjson.dumps(states)) == states


@settings(max_examples=15, deadline=None)
@given(seed=st.integers(0, 10_000), factor=st.sampled_from([2, 3, 5]))
def test_more_of_everything_changes_no_verdict_of_a_community_that_holds(seed: int, factor: int) -> None:
    # 30 weeks around one level; every count times 2, 3 or 5: relatively quieter, so still holding
    chance = np.random.default_rng(seed)
    series = np.repeat(chance.integers(18, 23, 30), 7)
    _, once = judge(series)
    _, scaled = judge(series * factor)
    verdicts = [[decision.verdict for (decision,) in days] for days in (once, scaled)]
    assert verdicts[0] == verdicts[1]
    assert verdicts[0][-1] is Verdict.HOLDING


def test_a_community_that_its_platform_archived_ends_its_alert_and_raises_no_other() -> None:
    # level 20 for 12 weeks, 5 for 6 weeks; archived in week 16, and nobody since
    series = weeks((12, 20), (4, 5), (20, 0))
    days, archive_day = len(series), 16 * 7
    states: list[DetectorState] = [{}]
    steps: list[tuple[int, Step]] = []
    for day in range(days):
        history = history_at(series[None, :], day, FEBRUARY)
        closings = np.zeros_like(history.activities[Kind.POST])
        if day >= archive_day:
            closings[0, -1 - (day - archive_day)] = 1
        history = replace(history, activities={**history.activities, Kind.COMMUNITY_ARCHIVED: closings})
        (decision,) = decide(history, states, Calendar(), DetectionSettings())
        states = [decision.state]
        steps.extend((day, step) for step in decision.steps)
    assert [step.state for _, step in steps if step.state is not AlertState.UPDATED] == [
        AlertState.RAISED,
        AlertState.RESOLVED,
    ]
    day, last = steps[-1]
    assert last.reason is Resolution.ARCHIVED
    assert day <= archive_day + 1


def test_while_nothing_arrives_from_a_network_no_community_is_told_of_and_after_it_is() -> None:
    series = weeks((12, 20), (8, 4))
    states: list[DetectorState] = [{}]
    raised: list[int] = []
    for day in range(len(series)):
        down = day < 16 * 7
        history = history_at(series[None, :], day, FEBRUARY)
        (decision,) = decide(history, states, Calendar(), DetectionSettings(), network_down=down)
        states = [decision.state]
        raised.extend(day for step in decision.steps if step.state is AlertState.RAISED)
    (day,) = raised
    assert 16 * 7 + 2 <= day <= 16 * 7 + 4


def test_a_large_community_is_told_of_within_days_and_a_small_one_is_not() -> None:
    # 60 and 9 a week for 14 weeks, then a third of it
    told, _ = judge([weeks((14, 60), (8, 20)), weeks((14, 9), (8, 3))])
    first = {place: min(item.day for item in told if item.place == place) - 14 * 7 for place in {i.place for i in told}}
    assert first[0] <= 9
    assert first[1] >= 13


def test_a_large_community_that_falls_silent_at_once_has_one_alert_that_begins_with_the_silence() -> None:
    # 200 of the network every day; 60 of them, each there every day, until day 118 and never again
    last_day, stop = 118, 160
    posts = np.where(np.arange(stop) <= last_day, 60, 0)
    weekly = np.where(np.arange(stop) < last_day + 7, 60, 0)
    states: list[DetectorState] = [{}]
    told: list[tuple[int, Step]] = []
    for day in range(stop):
        history = history_at(weekly[None, :], day, FEBRUARY, network=np.full(stop, 200))
        acts = np.pad(posts, (HISTORY_DAYS - 1, 0))[day : day + HISTORY_DAYS]
        (decision,) = decide(
            replace(history, activities={Kind.POST: acts[None, :]}), states, Calendar(), DetectionSettings()
        )
        states = [decision.state]
        told.extend((day, step) for step in decision.steps)
    (day, raised), *later = told
    assert (raised.state, day - last_day) == (AlertState.RAISED, raised.evidence["quiet_days"])
    assert raised.evidence["quiet_days"] < 7
    assert raised.since_day == FEBRUARY + last_day + 1
    assert {step.state for _, step in later} == {AlertState.UPDATED}
