"""Where a weekly level changed: the best partition of many series at once, by dynamic programming.

Least cost of segments plus a penalty for each (optimal partitioning: Jackson et al., IEEE Signal Processing Letters
12(2), 2005), with the two costs that the labels of docs/detection.md rest on.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

SHORTEST_WEEKS = 4
SIZE = 8.0
"""Size of the negative binomial of weekly participants: variance = mean + mean squared / size."""
LEAST_NOISE = 0.25
MAD_OF_NORMAL = 0.6745
TINY = 1e-12
DECIMALS = 9
"""Costs are rounded, so that the last bit of a vectorised logarithm decides between no two partitions."""


class Cut(NamedTuple):
    """A change of level: the segment before it begins at week `start`, the one after it lasts until `end`."""

    start: int
    at: int
    end: int


def partitions(series: NDArray[np.float64], penalties: Sequence[float], *, anscombe: bool) -> NDArray[np.int64]:
    """Best partitions of B series of n weeks, (B, n) -> (P, B, n + 1): where the segment ending before week t begins.

    Each of P `penalties` times ln n is what a segment costs in a partition of its own. With `anscombe` the cost is the
    squared error of the transformed counts over their own noise, otherwise -2 ln of the likelihood of a negative
    binomial.
    """
    rows, weeks = series.shape
    # What a segment may begin at, in order, so that those of one end are the first few.
    starts = np.append(0, np.arange(SHORTEST_WEEKS, weeks + 1))
    costs = _Costs(series, starts, anscombe=anscombe)
    prices = (np.array(penalties) * np.log(weeks))[:, None, None]
    best = np.full((len(penalties), rows, len(starts)), np.inf)
    best[:, :, :1] = -prices
    begins = np.zeros((len(penalties), rows, weeks + 1), dtype=np.int64)
    for place, end in enumerate(starts[1:].tolist(), 1):
        count = max(1, place - SHORTEST_WEEKS + 1)
        total = np.round(best[:, :, :count] + costs.between(count, end) + prices, DECIMALS)
        chosen = total.argmin(axis=2)
        best[:, :, place] = total.min(axis=2)
        begins[:, :, end] = starts[chosen]
    return begins


def cuts(begins: NDArray[np.int64]) -> Iterator[Cut]:
    """The changes of level in one row of `partitions`, newest first."""
    end = len(begins) - 1
    while (at := int(begins[end])) > 0:
        yield Cut(int(begins[at]), at, end)
        end = at


class _Costs:
    """Cost of any segment that begins at one of `starts`, from running sums."""

    def __init__(self, series: NDArray[np.float64], starts: NDArray[np.int64], *, anscombe: bool) -> None:
        self._anscombe = anscombe
        self._starts = starts
        values = 2.0 * np.sqrt(series + 0.375) if anscombe else series
        self._sums = running_sums(values)
        self._sums_before = self._sums[:, starts]
        if anscombe:
            self._squares = running_sums(values * values)
            self._squares_before = self._squares[:, starts]
            self._noise = _noise(values)

    def between(self, count: int, end: int) -> NDArray[np.float64]:
        """Cost of the segments that begin at the first `count` starts and end before `end`, (B, count)."""
        length = (end - self._starts[:count])[None, :]
        total = self._sums[:, end, None] - self._sums_before[:, :count]
        if self._anscombe:
            squares = self._squares[:, end, None] - self._squares_before[:, :count]
            error: NDArray[np.float64] = (squares - total * total / length) / self._noise
            return error
        mean = np.maximum(total / length, TINY)
        everything = total + length * SIZE
        likelihood = total * np.log(mean) - everything * np.log(mean + SIZE) + length * SIZE * np.log(SIZE)
        cost: NDArray[np.float64] = np.where(total > 0, -2.0 * likelihood, 0.0)
        return cost


def running_sums(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Sums of the first 0, 1, … n weeks, (B, n) -> (B, n + 1)."""
    sums: NDArray[np.float64] = np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))
    return sums


def _noise(values: NDArray[np.float64]) -> NDArray[np.float64]:
    """Robust variance of one week, from the differences between weeks, (B, n) -> (B, 1)."""
    steps = np.diff(values, axis=1)
    spread = np.median(np.abs(steps - np.median(steps, axis=1, keepdims=True)), axis=1, keepdims=True)
    variance: NDArray[np.float64] = (spread / MAD_OF_NORMAL) ** 2 / 2.0
    return np.maximum(variance, LEAST_NOISE)
