"""How improbable a drop is: tests on over-dispersed counts."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

DECIMALS = 6
"""Scores are rounded, so that the last bit of a vectorised logarithm decides nothing."""
TINY = 1e-12
DAILY_VISITS = 1.65
"""Daily participants summed over a week are 1.4 to 1.9 times the distinct ones."""
DAILY_SIZE_LEVELS = (6.0, 12.0, 25.0, 50.0)
DAILY_SIZES = (0.75, 1.5, 4.0, 8.0, 21.0)
"""Negative-binomial size of daily participants by weekly level, as measured on the archives."""


def drop_score(
    before: NDArray[np.float64],
    before_weeks: NDArray[np.int64] | int,
    now: NDArray[np.float64],
    now_weeks: NDArray[np.int64] | int,
    smallest_size: float | NDArray[np.float64],
) -> NDArray[np.float64]:
    """Signed root of the two-sample likelihood ratio of negative-binomial counts; positive where `now` is lower.

    `before` and `now` are means over that many weeks, all (C,). The variance is mean + mean^2 / size, with
    `smallest_size` raised to the level itself where that is larger.
    """
    # At 30 participants and more the variance was measured at 1 to 1.6 times the mean: no more than twice is allowed.
    size = np.maximum(smallest_size, before)
    together = (before * before_weeks + now * now_weeks) / np.maximum(before_weeks + now_weeks, 1)
    ratio = before_weeks * (_log_likelihood(before, before, size) - _log_likelihood(before, together, size))
    ratio = ratio + now_weeks * (_log_likelihood(now, now, size) - _log_likelihood(now, together, size))
    score: NDArray[np.float64] = np.round(np.sqrt(2.0 * np.maximum(ratio, 0.0)) * np.sign(before - now), DECIMALS)
    return score


def _log_likelihood(
    mean_count: NDArray[np.float64], rate: NDArray[np.float64], size: NDArray[np.float64]
) -> NDArray[np.float64]:
    rate = np.maximum(rate, TINY)
    likelihood: NDArray[np.float64] = mean_count * np.log(rate) - (mean_count + size) * np.log(rate + size)
    return likelihood
