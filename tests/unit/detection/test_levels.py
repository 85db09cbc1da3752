from __future__ import annotations

import numpy as np

from pipeline.detection.detection_settings import DetectionSettings
from pipeline.detection.levels import measure, trimmed_baseline
from tests.unit.detection.timeline import FEBRUARY, history_at, weeks


def test_a_week_in_which_the_others_fell_by_a_third_is_lifted_by_as_much() -> None:
    # The others: 90 for 12 weeks, then 60. The community itself stays at 20.
    others, steady = weeks((12, 90), (1, 60)), weeks((13, 20))
    history = history_at(steady[None, :], 13 * 7 - 1, FEBRUARY, others + steady)
    levels = measure(history, DetectionSettings())
    assert levels.index.tolist() == [60 / 90]
    assert levels.weeks[0, :3].tolist() == [30.0, 20.0, 20.0]


def test_a_network_of_few_participants_has_no_level_of_its_own() -> None:
    steady = weeks((13, 5))
    history = history_at(steady[None, :], 13 * 7 - 1, FEBRUARY, steady + weeks((12, 19), (1, 0)))
    assert measure(history, DetectionSettings()).index.tolist() == [1.0]


def test_the_baseline_is_the_mean_of_the_middle_half_so_one_feast_changes_nothing() -> None:
    # Oldest first: 8 weeks at 10 with one feast of 90 and one empty week, then 3 weeks at 4.
    series = weeks((2, 10), (1, 90), (3, 10), (1, 0), (1, 10), (3, 4))
    levels = measure(history_at(series[None, :], len(series) - 1, FEBRUARY), DetectionSettings())
    baseline, count = trimmed_baseline(levels, 3, 8)
    assert (baseline.tolist(), count.tolist()) == ([10.0], [8])


def test_with_fewer_than_six_weeks_there_is_no_baseline() -> None:
    series = weeks((8, 10))
    levels = measure(history_at(series[None, :], len(series) - 1, FEBRUARY), DetectionSettings())
    assert trimmed_baseline(levels, 3, 8)[1].tolist() == [0]


def test_a_restless_community_is_rougher_than_a_steady_one() -> None:
    steady = weeks((30, 20))
    restless = np.concatenate([weeks((1, 2), (1, 60)) for _ in range(15)])
    together = np.stack([steady, restless])
    levels = measure(history_at(together, len(steady) - 1, FEBRUARY, np.full(len(steady), 62)), DetectionSettings())
    assert levels.roughness[0] == 1.0
    assert levels.roughness[1] > 5
