"""How far the activity of a network rests on a few communities, and how transverse a community is."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

TOP_SHARE = 0.1
TRANSVERSE = 0.5
"""From here on two members are rather of different departments than of the same one."""
SMALLEST_KNOWN = 5
"""Fewer members of a known department say nothing about a community."""


class Concentration(msgspec.Struct, frozen=True):
    """How unequal communities are. Shares are of all activities, 0 to 1."""

    communities: int
    activities: int
    gini: float
    """0 where all are equal, towards 1 where one has everything."""
    top_tenth_share: float
    """of the tenth of communities with the most activities, rounded up."""
    top_share: float
    """of the one community with the most activities."""


class DepartmentMix(msgspec.Struct, frozen=True):
    """How a community's active members spread over departments."""

    known: int
    """Active members whose department is known."""
    share: float | None
    """Probability that two of them are of different departments; None where fewer than two are known."""


def concentration(activities: NDArray[np.int64]) -> Concentration | None:
    """Of activities (C,) of all communities of a network, the silent ones included; None where nobody did anything.

    Gini coefficient of a finite population, sum((2 i - C - 1) x_i) / (C sum(x)) with x in ascending order: at most
    1 - 1/C (Gini 1912; Sen, On Economic Inequality, 1973).
    """
    total = int(activities.sum())
    if total == 0:
        return None
    ascending = np.sort(activities).astype(np.float64)
    count = len(ascending)
    ranks = 2 * np.arange(1, count + 1) - count - 1
    return Concentration(
        communities=count,
        activities=total,
        gini=round(float(ranks @ ascending) / (count * total), 6),
        top_tenth_share=round(float(ascending[-_top_count(count) :].sum()) / total, 4),
        top_share=round(float(ascending[-1]) / total, 4),
    )


def cross_department_share(departments: Mapping[str, int]) -> DepartmentMix:
    """How transverse a community is, from department -> active members of it.

    The probability that two members drawn at random, without putting back, are of different departments:
    1 - sum(n (n - 1)) / (N (N - 1)) (Simpson, Measurement of diversity, Nature 163, 1949).
    """
    known = sum(departments.values())
    if known < 2:  # noqa: PLR2004 - a pair
        return DepartmentMix(known, None)
    same = sum(count * (count - 1) for count in departments.values())
    return DepartmentMix(known, round(1.0 - same / (known * (known - 1)), 4))


def transverse_at_the_top(activities: NDArray[np.int64], mixes: Sequence[DepartmentMix]) -> list[int]:
    """Places of the transverse communities among the tenth with the most activities, most activities first.

    `activities` is (C,), `mixes` in the same order. Transverse: a share of `TRANSVERSE` or more among
    `SMALLEST_KNOWN` or more known members. Silent communities are in no tenth.
    """
    most_first = np.argsort(-activities, kind="stable")[: _top_count(len(activities))]
    return [int(place) for place in most_first if activities[place] > 0 and is_transverse(mixes[place])]


def is_transverse(mix: DepartmentMix) -> bool:
    """Whether enough members are known and two of them are rather of different departments."""
    return mix.share is not None and mix.known >= SMALLEST_KNOWN and mix.share >= TRANSVERSE


def _top_count(communities: int) -> int:
    return int(np.ceil(communities * TOP_SHARE))
