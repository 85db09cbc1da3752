from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detection.budget import (
    DEFAULT_FALSE_ALARMS_PER_COMMUNITY_YEAR,
    ScoreThresholds,
    measured,
    score_thresholds,
    with_thresholds,
)
from pipeline.detection.detection_settings import DetectionSettings
from pipeline.errors import SettingsError
from pipeline.lab.detection_bench.calibration import stationary_network
from pipeline.lab.detection_bench.watching import count_raised, years

if TYPE_CHECKING:
    from pipeline.lab.detection_bench.simulated import Simulated

LEAST = measured()[0].false_alarms_per_community_year
MOST = measured()[-1].false_alarms_per_community_year
BUDGETS = st.floats(LEAST, MOST)


@pytest.fixture(scope="module")
def network() -> Simulated:
    """Of another seed than the table was measured on."""
    return stationary_network(300, seed=20_231)


@given(budget=BUDGETS, smaller=BUDGETS)
def test_a_smaller_budget_never_lowers_a_threshold(budget: float, smaller: float) -> None:
    smaller, budget = sorted((smaller, budget))
    strict, lax = score_thresholds(smaller), score_thresholds(budget)
    assert all(getattr(strict, name) >= getattr(lax, name) for name in ScoreThresholds.__struct_fields__)


def test_ten_times_the_budget_lowers_every_threshold() -> None:
    strict, lax = score_thresholds(0.02), score_thresholds(0.2)
    assert all(getattr(strict, name) > getattr(lax, name) for name in ScoreThresholds.__struct_fields__)


def test_the_budget_of_a_row_gives_the_thresholds_of_the_row() -> None:
    for row in measured():
        found = score_thresholds(row.false_alarms_per_community_year)
        assert found.likelihood_score == pytest.approx(row.thresholds.likelihood_score)
        assert found.silence_score == pytest.approx(row.thresholds.silence_score)
        assert found.fast_score == pytest.approx(row.thresholds.fast_score)


@pytest.mark.parametrize("budget", [0.05, DEFAULT_FALSE_ALARMS_PER_COMMUNITY_YEAR, 0.3])
def test_networks_in_which_nothing_changes_stay_within_the_budget(network: Simulated, budget: float) -> None:
    settings = with_thresholds(DetectionSettings(), score_thresholds(budget))
    alarms, exposed = count_raised(network, settings), years(network)
    # Chance alone gives two standard errors more once in forty runs; the seed is fixed.
    assert alarms <= budget * exposed + 2 * (budget * exposed) ** 0.5
    assert alarms > 0


@pytest.mark.parametrize("budget", [0.0, -1.0, LEAST / 2, MOST * 2, float("nan"), float("inf")])
def test_a_budget_nobody_measured_is_refused_with_the_range(budget: float) -> None:
    with pytest.raises(SettingsError, match=rf"between {LEAST:g} and {MOST:g}"):
        score_thresholds(budget)
