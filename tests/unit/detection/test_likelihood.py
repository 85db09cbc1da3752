from __future__ import annotations

import math

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from pipeline.detection.likelihood import drop_score


def score(before: float, now: float, weeks: int = 4) -> float:
    return float(drop_score(np.array([before]), 8, np.array([now]), weeks, 8.0)[0])


def test_the_score_agrees_with_the_likelihood_ratio_worked_out_by_hand() -> None:
    # 8 weeks at 10, 4 weeks at 4, together 8; size max(8, 10) = 10
    def log_likelihood(mean: float, rate: float) -> float:
        return mean * math.log(rate) - (mean + 10) * math.log(rate + 10)

    ratio = 8 * (log_likelihood(10, 10) - log_likelihood(10, 8)) + 4 * (log_likelihood(4, 4) - log_likelihood(4, 8))
    assert math.isclose(score(10, 4), math.sqrt(2 * ratio), abs_tol=1e-6)


@given(before=st.floats(1, 300), now=st.floats(0, 300))
def test_a_drop_is_positive_a_rise_negative_and_more_weeks_say_more(before: float, now: float) -> None:
    assert math.copysign(1, before - now) * score(before, now) >= 0
    assert abs(score(before, now, 8)) >= abs(score(before, now, 3))


def test_the_same_level_scores_nothing() -> None:
    assert score(12, 12) == 0
