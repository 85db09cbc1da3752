"""The second opinion on an open alert: how many of 42 segmenters, looking at the last year, see the same decline."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.detection.segments import SHORTEST_WEEKS, cuts, partitions, running_sums
from pipeline.history import WEEK_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.detection.segments import Cut
    from pipeline.history import History

PENALTIES = (2.0, 3.0, 4.0)
"""Times ln n a segment: from eager to slow to see a change."""
SEGMENTERS = WEEK_DAYS * len(PENALTIES) * 2
FEWEST_WEEKS = 12
BEFORE_WEEKS = 6
BEFORE_PARTICIPANTS = 3.0
FALL = 0.5
"""A level that lasted 6 weeks falls to half or less ..."""
FALL_UNTIL_NOW = 0.55
"""... and has not come back since, give or take."""
NEAR_DAYS = 28


def agreement(history: History, places: Sequence[int], since_days: Sequence[int]) -> list[float]:
    """Share of the segmenters that see a lasting fall within 28 days of each onset, in the order of `places`.

    A segmenter is one start of the week (7), one cost (2) and one penalty (3). None of them is asked about a community
    of less than 12 whole weeks.
    """
    shares = [0.0] * len(places)
    by_weeks: dict[int, list[int]] = {}
    for number, place in enumerate(places):
        age_days = int(history.boundary_day - history.first_days[place]) + 1
        days = min(age_days, history.participants_7_days.shape[1])
        # Each start of the week must find all its weeks within the community's life.
        weeks = (days - (WEEK_DAYS - 1)) // WEEK_DAYS
        if weeks >= FEWEST_WEEKS:
            by_weeks.setdefault(weeks, []).append(number)
    for weeks, numbers in by_weeks.items():
        series = np.concatenate([_series(history, places[number], weeks) for number in numbers])
        ages = [history.boundary_day - since_days[number] for number in numbers]
        for number, votes in zip(numbers, _votes(series, ages), strict=True):
            shares[number] = votes / SEGMENTERS
    return shares


def _series(history: History, place: int, weeks: int) -> NDArray[np.float64]:
    """Weekly participants by start of the week, oldest week first, (7, weeks)."""
    newest_first = history.participants_7_days[place, ::-1]
    rows = [newest_first[shift::WEEK_DAYS][:weeks][::-1] for shift in range(WEEK_DAYS)]
    return np.stack(rows).astype(np.float64)


def _votes(series: NDArray[np.float64], ages_days: Sequence[int]) -> list[int]:
    """(7 a community, n) -> votes of each community; `ages_days` is how long ago each onset was."""
    votes = [0] * len(ages_days)
    sums = running_sums(series).tolist()
    for anscombe in (True, False):
        for of_penalty in partitions(series, PENALTIES, anscombe=anscombe):
            for row, begins in enumerate(of_penalty):
                community, shift = divmod(row, WEEK_DAYS)
                age_days = ages_days[community] - shift
                votes[community] += any(_is_decline(sums[row], cut, age_days) for cut in cuts(begins))
    return votes


def _is_decline(sums: Sequence[float], cut: Cut, age_days: int) -> bool:
    """Whether a level fell for good about `age_days` ago; `sums` are running sums of the weekly participants."""
    now = len(sums) - 1
    since_cut = now - cut.at
    if (
        since_cut < SHORTEST_WEEKS
        or cut.at - cut.start < BEFORE_WEEKS
        or abs(since_cut * WEEK_DAYS - age_days) > NEAR_DAYS
    ):
        return False
    before, after, until_now = (
        (sums[end] - sums[start]) / (end - start)
        for start, end in ((cut.start, cut.at), (cut.at, cut.end), (cut.at, now))
    )
    return before >= BEFORE_PARTICIPANTS and after <= FALL * before and until_now <= FALL_UNTIL_NOW * before
