"""The network as a whole, drawn as days: who takes part, what arrives, and what is told when."""

from __future__ import annotations

import gzip
import json
from collections import Counter, defaultdict
from dataclasses import dataclass
from datetime import date, datetime
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.detection.holiday_calendar import EPOCH, Calendar
from pipeline.detection.network_drop import NetworkCause, NetworkStep, decide_network, text
from pipeline.detection.network_level import NetworkDropSettings, NetworkSeries, measure_silence
from pipeline.detection.verdict import Resolution
from pipeline.history import HISTORY_DAYS
from pipeline.model import PARTICIPATION, AlertState, Severity

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.detection.network_drop import NetworkDecision
    from pipeline.history import DetectorState

MONDAY = (date(2023, 2, 6) - EPOCH).days
"""45 weeks without the turn of the year follow."""
WEEK = 7
RAISED, UPDATED, RESOLVED = AlertState.RAISED, AlertState.UPDATED, AlertState.RESOLVED
SOURCE, PEOPLE = NetworkCause.SOURCE_STOPPED, NetworkCause.PEOPLE_STOPPED


class NoHolidays(Calendar):
    """A calendar that holds nothing back, not even the turn of the year."""

    def holds_back(self, day: int, holidays_a_week: int) -> bool:
        return day < 0 and holidays_a_week < 0


@dataclass
class Network:
    """`visitors` (days,) members who take part a day, `bots` (days,) other activities a day."""

    visitors: NDArray[np.int64]
    bots: NDArray[np.int64]

    @property
    def participants(self) -> NDArray[np.int64]:
        """Of 7 days: daily visitors over 1.65, as measured on the archives."""
        summed = np.convolve(self.visitors, np.ones(WEEK, dtype=np.int64))[: len(self.visitors)]
        return np.rint(summed / 1.65).astype(np.int64)

    @property
    def activities(self) -> NDArray[np.int64]:
        return 3 * self.visitors + self.bots


def days(*levels: tuple[int, int], weekend: float = 0.3, bots: int = 0) -> Network:
    """`days((100, 40), (10, 0))`: 100 days with 40 visitors on working days, then 10 days with none."""
    on_working_days = np.concatenate([np.full(count, level) for count, level in levels])
    weekday = np.arange(len(on_working_days)) % WEEK
    visitors = np.rint(np.where(weekday < 5, 1.0, weekend) * on_working_days).astype(np.int64)
    return Network(visitors, np.full(len(visitors), bots, dtype=np.int64))


def judge(
    participants: NDArray[np.int64],
    activities: NDArray[np.int64],
    first_day: int = MONDAY,
    calendar: Calendar | None = None,
) -> list[tuple[int, NetworkDecision]]:
    """(number of the day, decision) of each boundary; the state goes through JSON, as it is stored."""
    state: DetectorState = {}
    found: list[tuple[int, NetworkDecision]] = []
    for number in range(len(activities)):
        held = [np.pad(series, (HISTORY_DAYS, 0))[number + 1 :][:HISTORY_DAYS] for series in (participants, activities)]
        series = NetworkSeries(first_day + number, first_day, *held)
        decision = decide_network(series, json.loads(json.dumps(state)), calendar or Calendar())
        state = decision.state
        found.append((number, decision))
    return found


def told(network: Network, first_day: int = MONDAY, calendar: Calendar | None = None) -> list[tuple[int, NetworkStep]]:
    decisions = judge(network.participants, network.activities, first_day, calendar)
    return [(number, step) for number, decision in decisions for step in decision.steps]


def states(steps: Iterable[tuple[int, NetworkStep]]) -> list[tuple[int, AlertState, NetworkCause]]:
    return [(number, step.state, step.cause) for number, step in steps]


def test_an_import_that_stops_for_ten_days_is_told_within_three() -> None:
    # day 0 ##############################| 100 .......... 109 |############### 170
    network = days((100, 80), (10, 0), (60, 80), bots=30)
    network.bots[100:110] = 0
    steps = told(network)
    raised, *updates, resolved = steps
    assert states([raised]) == [(102, RAISED, SOURCE)]
    assert raised[1].since_day == MONDAY + 100
    assert raised[1].severity is Severity.CRITICAL
    assert [step.state for _, step in updates] == [UPDATED]
    # The first whole week with data ends on day 116.
    assert (resolved[0], resolved[1].reason) == (116, Resolution.RECOVERED)
    # What ends is what was told of, though by then people are all that could be lacking.
    ended = resolved[1]
    assert (ended.cause, ended.severity, ended.evidence["cause"]) == (SOURCE, Severity.CRITICAL, SOURCE.value)


def test_a_stopped_source_says_what_was_to_be_expected() -> None:
    network = days((98, 80), (10, 0), bots=30)
    network.bots[98:] = 0
    evidence = told(network)[0][1].evidence
    # Monday to Wednesday: 3 acts of each of 80 visitors, and 30 of bots
    assert evidence["days_without_activity"] == 3
    assert evidence["expected_activities"] == 3 * (3 * 80 + 30)
    assert evidence["baseline_weekly_participants"] == round((5 * 80 + 2 * 24) / 1.65)


def test_people_who_stop_while_bots_go_on_are_told_as_people() -> None:
    # day 0 ##############################| 98 ::::::::: bots only :::::::
    steps = told(days((98, 80), (40, 4), bots=30))
    assert steps[0][1].cause is PEOPLE
    assert steps[0][1].severity is Severity.WARNING
    assert 98 + 3 <= steps[0][0] <= 98 + 7
    assert MONDAY + 98 <= steps[0][1].since_day <= MONDAY + 103
    assert all(step.cause is PEOPLE for _, step in steps)


def test_bots_that_stop_later_turn_the_cause_and_raise_the_severity() -> None:
    network = days((98, 80), (60, 0), bots=30)
    network.bots[130:] = 0
    steps = told(network)
    assert steps[0][1].cause is PEOPLE
    turned = next(step for _, step in steps if step.cause is SOURCE)
    assert (turned.state, turned.severity) == (UPDATED, Severity.CRITICAL)
    assert turned.since_day == steps[0][1].since_day


def test_christmas_raises_nothing() -> None:
    # two weeks at a fifth from Monday 25 December 2023 on
    until = (date(2023, 12, 25) - EPOCH).days - MONDAY
    network = days((until, 80), (14, 16), (60, 80), bots=30)
    decisions = judge(network.participants, network.activities)
    assert [step for _, decision in decisions for step in decision.steps] == []
    assert any(decision.cause is NetworkCause.HOLIDAY for _, decision in decisions)
    # The same weeks in a year without holidays are told.
    assert states(told(network, calendar=NoHolidays()))[0][1:] == (RAISED, PEOPLE)


def test_a_source_that_stops_at_christmas_is_told_after_it_with_what_held_it() -> None:
    until = (date(2023, 12, 27) - EPOCH).days - MONDAY
    steps = told(days((until, 80), (60, 0)))
    number, step = steps[0]
    assert EPOCH.fromordinal(EPOCH.toordinal() + MONDAY + number) == date(2024, 1, 14)
    assert (step.cause, step.since_day) == (SOURCE, MONDAY + until)
    assert step.evidence["held_back_by_holiday_days"] >= 10
    assert "calendar held this back" in text(step)


@pytest.mark.parametrize("quiet", [2, 7, 30, 90])
def test_a_small_network_may_be_quiet(quiet: int) -> None:
    # one activity on each working day, then none for a weekend, a week, a month, a quarter
    small = Network(days((150, 1), (quiet, 0), (60, 1), weekend=0).visitors, np.zeros(210 + quiet, dtype=np.int64))
    small.visitors[:] = np.minimum(small.visitors, 1)
    assert [decision.steps for _, decision in judge(small.participants, small.visitors) if decision.steps] == []


def test_the_weekends_of_a_laboratory_raise_nothing() -> None:
    for weekend in (0.1, 0.0):
        assert told(days((200, 60), weekend=weekend)) == []


def test_a_long_weekend_of_a_laboratory_raises_nothing() -> None:
    # Friday to Monday without anybody, 30 people on other days
    network = days((200, 30), weekend=0.0)
    network.visitors[102:106] = 0
    assert told(network) == []


def test_public_holidays_are_expected_to_be_as_quiet_as_the_quietest_weekday() -> None:
    # Good Friday 7 April to Easter Monday 10 April 2023 without anything, in a company of which nobody works on Sundays
    easter_monday = (date(2023, 4, 10) - EPOCH).days
    lived = days((easter_monday - MONDAY - 3, 1000), (4, 0), weekend=0.0).activities
    settings = NetworkDropSettings()
    somewhere = measure_silence(lived, easter_monday, Calendar(), settings)
    germany = measure_silence(lived, easter_monday, Calendar.for_network("DE"), settings)
    assert (somewhere.days, somewhere.expected_activities) == (4, 6000)
    assert somewhere.score >= settings.silence_score
    assert (germany.days, germany.expected_activities, germany.score) == (4, 0, 0)


def test_a_slow_fade_over_a_year_raises_nothing() -> None:
    fading = np.rint(np.linspace(100, 25, 300)).astype(np.int64)
    assert told(Network(fading, np.full(300, 5, dtype=np.int64)), calendar=NoHolidays()) == []


def test_a_lower_level_that_lasts_is_settled_and_not_raised_again() -> None:
    # 98 days at 80, 150 days at 24
    steps = told(days((98, 80), (150, 24), bots=5))
    assert [(step.state, step.reason) for _, step in steps if step.state is not UPDATED] == [
        (RAISED, None),
        (RESOLVED, Resolution.SETTLED),
    ]
    assert steps[-1][0] - steps[0][0] == 8 * WEEK
    assert "stayed low for 8 weeks" in text(steps[-1][1])


def test_a_source_that_never_comes_back_is_settled_once() -> None:
    steps = told(days((98, 80), (190, 0)))
    assert [step.reason for _, step in steps if step.state is not UPDATED] == [None, Resolution.SETTLED]


def test_a_network_of_less_than_nine_weeks_is_not_judged() -> None:
    network = days((50, 80), (12, 0))
    decisions = judge(network.participants, network.activities)
    assert all(decision.level_ratio is None and not decision.steps for _, decision in decisions)


def test_one_day_on_which_an_archive_was_loaded_changes_nothing() -> None:
    network = days((98, 4), (10, 0), weekend=0)
    loaded = network.activities
    loaded[80] = 100_000
    plain, after_load = (
        measure_silence(activities, MONDAY, Calendar(), NetworkDropSettings())
        for activities in (network.activities, loaded)
    )
    assert plain == after_load
    # the weekend before belongs to it
    assert plain.days == 12


def test_texts_say_what_to_check_first() -> None:
    source = told(days((98, 80), (10, 0), (30, 80)))
    people = told(days((98, 80), (40, 4), bots=30))
    assert "Nothing at all has arrived for" in text(source[0][1])
    assert "importer" in text(source[0][1])
    assert text(source[-1][1]) == "The network is back: 272 participants a week instead of 272."
    assert "announcement" in text(people[0][1])


@pytest.mark.parametrize("empty", [[*range(100, 111)], [*range(100, 112), 116]])
def test_a_source_whose_week_is_not_whole_yet_is_told_of_as_back(empty: list[int]) -> None:
    # day 0 ##############################| 100 ........... |####(.)####### 170: told of again on day 116
    network = days((170, 80), bots=30)
    network.visitors[empty] = network.bots[empty] = 0
    *_, (day, update), _ = told(network)
    assert (day, update.state, update.cause) == (116, UPDATED, SOURCE)
    assert text(update).startswith("Activities arrive again, though not yet for a whole week (")


@given(seed=st.integers(0, 2**32 - 1), mean=st.integers(25, 60))
@hypothesis_settings(max_examples=25)
def test_scaling_changes_no_stationary_network(seed: int, mean: int) -> None:
    # 130 days of chance around one level; of fewer visitors a tripled Poisson count is no longer one level
    chance = np.random.default_rng(seed)
    visitors = chance.poisson(np.where(np.arange(130) % WEEK < 5, mean, 0.3 * mean)).astype(np.int64)
    network = Network(visitors, np.zeros(130, dtype=np.int64))
    assert told(network) == []
    assert told(Network(3 * visitors, network.bots)) == []


@hypothesis_settings(max_examples=40)
@given(weeks=st.integers(-500, 500), level=st.integers(0, 40), length=st.integers(3, 30))
def test_other_weeks_shift_the_answer(weeks: int, level: int, length: int) -> None:
    network = days((90, 60), (length, level), (30, 60))
    here = told(network, calendar=NoHolidays())
    there = told(network, first_day=MONDAY + WEEK * weeks, calendar=NoHolidays())
    assert states(here) == states(there)
    assert [step.since_day + WEEK * weeks for _, step in here] == [step.since_day for _, step in there]
    assert [step.evidence for _, step in here] == [step.evidence for _, step in there]


def archive(path: Path) -> tuple[int, NDArray[np.int64], NDArray[np.int64]]:
    """First day, participants of 7 days, activities a day."""
    participated: defaultdict[tuple[str, str], set[int]] = defaultdict(set)
    arrived: Counter[int] = Counter()
    with gzip.open(path, "rt") as lines:
        for line in lines:
            act = json.loads(line)
            day = int(datetime.fromisoformat(act["time"].replace("Z", "+00:00")).timestamp() // 86400)
            arrived[day] += 1
            dated = act.get("timeprecision") != "of_object" and not act.get("bot")
            if dated and act.get("actor") and act["kind"] in PARTICIPATION:
                participated[act["community"], act["actor"]].update(range(day, day + WEEK))
    first, last = min(arrived), max(arrived)
    present = Counter(day for seen in participated.values() for day in seen)
    whole = range(first, last + 1)
    return first, np.array([present[day] for day in whole]), np.array([arrived[day] for day in whole])


@pytest.mark.slow
@pytest.mark.parametrize(
    ("name", "raised"),
    [
        ("houston", []),
        ("ncar", []),
        # Two to four weeks at half of the level each, all recovered: four in nine years.
        ("urho3d", ["2015-04-01", "2018-05-12", "2018-07-23", "2019-03-22"]),
        # Christmas is the only time below .6, and it is held back.
        ("rust", []),
    ],
)
def test_real_networks_are_told_of_rarely(name: str, raised: list[str], data_folder: Path) -> None:
    first, participants, activities = archive(data_folder / f"{name}.jsonl.gz")
    decisions = judge(participants, activities, first)
    found = [
        (str(EPOCH.fromordinal(EPOCH.toordinal() + first + number)), step.cause)
        for number, decision in decisions
        for step in decision.steps
        if step.state is RAISED
    ]
    assert found == [(day, PEOPLE) for day in raised]
