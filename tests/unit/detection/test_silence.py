"""Quiet days, and how improbable they are."""

from __future__ import annotations

import math
from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detection.candidates import find_candidates
from pipeline.detection.detection_settings import DetectionSettings
from pipeline.detection.levels import measure
from pipeline.detection.silence import quiet_days, silence_score
from pipeline.history import HISTORY_DAYS
from pipeline.model import Kind
from tests.unit.detection.timeline import FEBRUARY, history_at, weeks

if TYPE_CHECKING:
    from pipeline.history import History

WEEK = 7


def history_of(daily: list[int], level: int = 10) -> History:
    """One community with these posts a day up to the boundary, each by another member of `level` of them."""
    acts = np.pad(np.array(daily, dtype=np.int64), (HISTORY_DAYS, 0))[-HISTORY_DAYS:][None, :]
    weekly = np.array([[min(level, acts[0, max(0, day - WEEK + 1) : day + 1].sum()) for day in range(HISTORY_DAYS)]])
    history = history_at(np.zeros((1, 1), dtype=np.int64), 0, FEBRUARY)
    return replace(history, activities={Kind.POST: acts}, participants_7_days=weekly)


def score(history: History, baseline: float, days: int) -> float:
    return float(silence_score(history, np.array([baseline]), np.array([days]))[0])


@pytest.mark.parametrize("days", [0, 1, 3, 7, 20])
def test_quiet_days_are_counted_from_the_last_activity_on(days: int) -> None:
    # 4 posts a day for ten weeks │ nothing for `days` days
    assert quiet_days(history_of([4] * 70 + [0] * days)).tolist() == [days]


def test_a_reaction_that_carries_its_posts_time_does_not_hide_a_silence() -> None:
    # 5 weeks without a participant; a reaction given today stands on a day three weeks ago
    history = history_of([4] * 70 + [0] * 35)
    acts = history.activities[Kind.POST].copy()
    acts[0, -21] = 1
    assert quiet_days(replace(history, activities={Kind.REACTION: acts})).tolist() == [35]


def test_ten_quiet_days_of_a_community_alive_every_day_are_as_improbable_as_the_formula_says() -> None:
    # 10 a week make 10 * 1.65 / 7 a day, of size 1.5
    daily = 10 * 1.65 / 7
    assert math.isclose(score(history_of([4] * 84), 10.0, 10), 10 * 1.5 * math.log(1 + daily / 1.5), rel_tol=1e-5)


def test_the_silence_of_a_community_too_small_to_be_judged_is_told_where_it_has_an_alert() -> None:
    # two communities at 2 participants a week, both silent for the last week
    history = history_at(np.stack([weeks((20, 2), (1, 0))] * 2), 21 * WEEK - 1, FEBRUARY)
    watching = DetectionSettings()
    found = find_candidates(history, measure(history, watching), [1], watching)
    assert found.silence[0] == 0.0
    assert found.silence[1] > 1.0
    assert not found.silent.any()


def test_a_quiet_weekend_of_people_who_rest_says_little() -> None:
    # FEBRUARY is a Monday: 12 weeks of 5 working days, then Saturday and Sunday without anybody
    working = history_of(([8] * 5 + [0] * 2) * 12, level=30)
    every_day = history_of([8] * 84, level=30)
    assert score(working, 30.0, 2) < 0.5 * score(every_day, 30.0, 2)
    assert score(working, 30.0, 2) < 20 < score(every_day, 30.0, 6)


def test_two_days_without_anybody_anywhere_are_an_outage_and_not_a_silence_of_one_community() -> None:
    #  others: 300 activities a day │ 5 and 5 (bots) │      this one: 8 a day │ 0 0
    quiet = history_of([8] * 84 + [0, 0], level=60)
    out = np.full(HISTORY_DAYS, 308)
    out[-2:] = 5
    alive = np.full(HISTORY_DAYS, 308)
    alive[-2:] = 300
    assert score(replace(quiet, network_activities=alive), 60.0, 2) > 20
    assert score(replace(quiet, network_activities=out), 60.0, 2) < 2


@given(st.integers(1, 60), st.floats(3.5, 200))
def test_one_more_quiet_day_is_never_more_probable(days: int, baseline: float) -> None:
    history = history_of(([3, 1, 0, 2, 5, 0, 0]) * 12)
    assert score(history, baseline, days) >= score(history, baseline, days - 1) - 1e-6
