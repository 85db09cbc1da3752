"""What 42 segmenters mark in every community, and what most of them agree on.

Each looks at the weekly counts its own way: the week begins on one of seven days, a segment costs 2, 3 or 4 times
ln(weeks), levels are compared after Anscombe or as negative binomials. One alone is unstable: moving the start of the
week by a day changes a fifth to a third of what it marks.
"""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.history import WEEK_DAYS
from pipeline.lab.evaluation.segments import AnscombeCosts, NegativeBinomialCosts, partitions

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

PENALTIES = (2.0, 3.0, 4.0)
COSTS = (AnscombeCosts, NegativeBinomialCosts)
STRONG_VOTES = 28
"""Two thirds of 7 weeks x 3 penalties x 2 costs."""
NEUTRAL_VOTES = 7
"""A sixth of them."""
FEWEST_ACTIVE_WEEKS = 12
FEWEST_WEEKS = 8
LEAST_LEVEL = 3.0
"""Weekly members from which a decline can be strong."""
LEAST_MILD_LEVEL = 1.5
HALVED = 0.5
NEARLY_HALVED = 0.55
REDUCED = 0.8
LASTING_WEEKS = 6
SAME_PLACE_DAYS = 14
STRONG_APART_DAYS = 28
NEUTRAL_APART_DAYS = 3
NEUTRAL_FROM_STRONG_DAYS = 21


class Votes(NamedTuple):
    """Days one segmenter marks in one community."""

    strong: list[int]
    mild: list[int]


def votes_of(weekly: NDArray[np.int64]) -> list[list[Votes]]:
    """What every segmenter marks in each community, (communities, days) of weekly members -> [community][segmenter]."""
    votes: list[list[Votes]] = [[] for _ in weekly]
    rows = list(_weekly_counts(weekly))
    if not rows:
        return votes
    for costs in COSTS:
        for partitioned in partitions([counts for *_, counts in rows], PENALTIES, costs):
            for (community, first_day, counts), cuts in zip(rows, partitioned, strict=True):
                votes[community].append(_declines(counts, cuts, first_day))
    return votes


def _weekly_counts(weekly: NDArray[np.int64]) -> Iterator[tuple[int, int, NDArray[np.float64]]]:
    """(community, day of the first count, weekly counts since the first active week) for each start of the week."""
    for community, members in enumerate(weekly):
        for phase in range(WEEK_DAYS):
            counts = members[WEEK_DAYS - 1 + phase :: WEEK_DAYS]
            active = np.flatnonzero(counts)
            if len(active) >= FEWEST_ACTIVE_WEEKS and len(counts) - active[0] >= FEWEST_WEEKS:
                first = int(active[0])
                yield community, first * WEEK_DAYS + phase, counts[first:].astype(np.float64)


def _declines(counts: NDArray[np.float64], cuts: Sequence[int], first_day: int) -> Votes:
    sums = np.r_[0.0, np.cumsum(counts)]
    means = [(sums[end] - sums[start]) / (end - start) for start, end in pairwise(cuts)]
    votes = Votes([], [])
    for place, (before, after) in enumerate(pairwise(means)):
        start, cut, end = cuts[place : place + 3]
        if before < LEAST_MILD_LEVEL or after > REDUCED * before:
            continue
        sustained = min(cut - start, end - cut) >= LASTING_WEEKS
        halved = after <= HALVED * before and counts[cut : cut + LASTING_WEEKS].mean() <= NEARLY_HALVED * before
        is_strong = before >= LEAST_LEVEL and sustained and halved
        (votes.strong if is_strong else votes.mild).append(first_day + cut * WEEK_DAYS)
    return votes


def consensus(votes: Sequence[Votes]) -> tuple[list[float], list[int]]:
    """Days of strong declines, and neutral days, both ascending."""
    all_strong = np.array(sorted(day for vote in votes for day in vote.strong), dtype=np.int64)
    places = np.unique(all_strong)
    shares = _voters([vote.strong for vote in votes], places)
    strong: list[float] = []
    for place in places[np.lexsort((places, -shares))][: int((shares >= STRONG_VOTES).sum())]:
        day = float(np.median(all_strong[np.abs(all_strong - place) <= SAME_PLACE_DAYS]))
        if all(abs(day - other) > STRONG_APART_DAYS for other in strong):
            strong.append(day)
    marks = [vote.strong + vote.mild for vote in votes]
    places = np.unique(np.array([day for days in marks for day in days], dtype=np.int64))
    neutral: list[int] = []
    for place in places[_voters(marks, places) >= NEUTRAL_VOTES].tolist():
        if not neutral or place - neutral[-1] > NEUTRAL_APART_DAYS:
            neutral.append(place)
    return sorted(strong), [day for day in neutral if all(abs(day - s) > NEUTRAL_FROM_STRONG_DAYS for s in strong)]


def _voters(marks: Sequence[Sequence[int]], places: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many segmenters have a mark within 14 days of each place."""
    voters = np.zeros(len(places), dtype=np.int64)
    for days in marks:
        if days:
            voters += np.abs(places[:, None] - np.array(days)).min(axis=1) <= SAME_PLACE_DAYS
    return voters
