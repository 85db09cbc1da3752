"""The rules people use instead of a detector, to see what a detector is worth."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable

    from numpy.typing import NDArray

    from pipeline.lab.evaluation.alert_days import AlertDays
    from pipeline.lab.evaluation.series import Series

QUIET_DAYS = 28
"""A rule alerts again once it has not held for so long."""

FEWEST_OF_A_WEEK = 20
"""Daily members, added up over the days of a week, below which a rule says nothing; likewise the two below."""
FEWEST_OF_A_MONTH = 14
FEWEST_OF_A_SEASON = 2
"""In a week of the 84 days."""


class SimpleRule(NamedTuple):
    """A condition on the distinct members of each day, (communities, days) -> where it holds, of the same shape."""

    name: str
    description: str
    holds: Callable[[NDArray[np.int64]], NDArray[np.bool_]]


def _silent(daily: NDArray[np.int64]) -> NDArray[np.bool_]:
    return np.zeros(daily.shape, dtype=bool)


def _timer_30(daily: NDArray[np.int64]) -> NDArray[np.bool_]:
    quiet: NDArray[np.bool_] = (_mean(daily, 30) == 0) & (np.cumsum(daily, axis=1) > 0)
    return quiet


def _week_over_week(daily: NDArray[np.int64]) -> NDArray[np.bool_]:
    before = _mean(daily, 7, ago=7)
    return (_mean(daily, 7) < 0.5 * before) & (before * 7 >= FEWEST_OF_A_WEEK)


def _ratio_7_28(daily: NDArray[np.int64]) -> NDArray[np.bool_]:
    month = _mean(daily, 28)
    return (_mean(daily, 7) < 0.6 * month) & (month * 28 >= FEWEST_OF_A_MONTH)


def _ratio_28_84(daily: NDArray[np.int64]) -> NDArray[np.bool_]:
    before = _mean(daily, 84, ago=28)
    return (_mean(daily, 28) < 0.5 * before) & (before * 7 >= FEWEST_OF_A_SEASON)


SIMPLE_RULES = (
    SimpleRule("silent", "never alerts", _silent),
    SimpleRule("timer30", "nobody for 30 days", _timer_30),
    SimpleRule("week_over_week", "week over week halved", _week_over_week),
    SimpleRule("ratio_7_28", "7 against 28 days below 0.6", _ratio_7_28),
    SimpleRule("ratio_28_84", "28 against 84 days halved", _ratio_28_84),
)


def rule_days(series: Series, rule: SimpleRule) -> AlertDays:
    """When a rule would have alerted in each community: at the end of the day on which its condition was first seen."""
    found = {}
    for community, holds in zip(series.communities, rule.holds(series.daily), strict=True):
        days = np.flatnonzero(holds)
        begins = np.diff(days, prepend=-QUIET_DAYS - 1) > QUIET_DAYS
        found[community] = (days[begins] + 1).tolist()
    return found


def _mean(daily: NDArray[np.int64], window_days: int, ago: int = 0) -> NDArray[np.float64]:
    """Mean of the window that ends `ago` days before each day; 0 before the first day counts in."""
    sums = np.cumsum(np.pad(daily, ((0, 0), (window_days + ago, 0))), axis=1)[:, : daily.shape[1] + window_days]
    mean: NDArray[np.float64] = (sums[:, window_days:] - sums[:, :-window_days]) / window_days
    return mean
