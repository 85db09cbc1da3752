"""Where weekly levels changed, seen with hindsight: best partitions of many series of unequal length at once.

Least cost of segments plus a price for each (optimal partitioning: Jackson et al., IEEE Signal Processing Letters
12(2), 2005). Kept apart from the segmenters of the detector: labels must not move when the detector does.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

SHORTEST_WEEKS = 4
SIZE = 8.0
"""Size of the negative binomial: variance = mean + mean squared / size."""
LEAST_NOISE = 0.25
MAD_OF_NORMAL = 0.6745
TINY = 1e-12


class Costs(Protocol):
    """A cost of segments, made for R series of weekly counts."""

    def __init__(self, counts: NDArray[np.float64], lengths: NDArray[np.int64]) -> None:
        """`counts` is (R, longest), zero behind each row's length; `lengths` is (R,)."""

    def until(self, end: int, starts: int) -> NDArray[np.float64]:
        """Cost of the segments [s, end) for every s below `starts`, (R, starts)."""


class AnscombeCosts:
    """Squared error of the counts made nearly normal (Anscombe 1948), over the noise of each series."""

    def __init__(self, counts: NDArray[np.float64], lengths: NDArray[np.int64]) -> None:
        levels = 2.0 * np.sqrt(counts + 0.375)
        self._sums, self._squares = _running(levels), _running(levels * levels)
        rows = (row[:length] for row, length in zip(levels, lengths, strict=True))
        self._noise = np.array([_noise(row) for row in rows])[:, None]

    def until(self, end: int, starts: int) -> NDArray[np.float64]:
        """Cost of the segments [s, end) for every s below `starts`, (R, starts)."""
        total = self._sums[:, end, None] - self._sums[:, :starts]
        squares = self._squares[:, end, None] - self._squares[:, :starts]
        cost: NDArray[np.float64] = (squares - total * total / (end - np.arange(starts))) / self._noise
        return cost


class NegativeBinomialCosts:
    """-2 ln of the likelihood of a negative binomial of known size at its best mean; terms of the counts cancel."""

    def __init__(self, counts: NDArray[np.float64], lengths: NDArray[np.int64]) -> None:  # noqa: ARG002 - as the protocol has it
        self._sums = _running(counts)

    def until(self, end: int, starts: int) -> NDArray[np.float64]:
        """Cost of the segments [s, end) for every s below `starts`, (R, starts)."""
        length = end - np.arange(starts)
        total = self._sums[:, end, None] - self._sums[:, :starts]
        mean = np.maximum(total / length, TINY)
        likelihood = total * np.log(mean) - (total + length * SIZE) * np.log(mean + SIZE) + length * SIZE * np.log(SIZE)
        cost: NDArray[np.float64] = np.where(total > 0, -2.0 * likelihood, 0.0)
        return cost


def partitions(
    series: Sequence[NDArray[np.float64]], penalties: Sequence[float], costs: type[Costs]
) -> list[list[list[int]]]:
    """Best partition of every series of weekly counts at every penalty: [penalty][series] -> [0, cut, ..., weeks].

    A segment lasts at least `SHORTEST_WEEKS` and costs its penalty times ln(weeks of the series).
    """
    lengths = np.array([len(row) for row in series])
    longest = int(lengths.max())
    counts = np.array([np.pad(row, (0, longest - len(row))) for row in series])
    cost = costs(counts, lengths)
    prices = np.multiply.outer(penalties, np.log(lengths))[:, :, None]
    best = np.full((len(penalties), len(series), longest + 1), np.inf)
    best[:, :, :1] = -prices
    begins = np.zeros(best.shape, dtype=np.int64)
    for end in range(SHORTEST_WEEKS, longest + 1):
        # Places 1 to 3 hold infinity, as no segment can end there: every start below may be tried.
        starts = end - SHORTEST_WEEKS + 1
        total = best[:, :, :starts] + cost.until(end, starts) + prices
        begins[:, :, end] = total.argmin(axis=2)
        best[:, :, end] = total.min(axis=2)
    return [[_cuts(row, int(length)) for row, length in zip(rows, lengths, strict=True)] for rows in begins]


def _cuts(begins: NDArray[np.int64], end: int) -> list[int]:
    cuts = [end]
    while cuts[-1] > 0:
        cuts.append(int(begins[cuts[-1]]))
    return cuts[::-1]


def _running(values: NDArray[np.float64]) -> NDArray[np.float64]:
    sums: NDArray[np.float64] = np.pad(np.cumsum(values, axis=1), ((0, 0), (1, 0)))
    return sums


def _noise(levels: NDArray[np.float64]) -> float:
    """Robust variance of one week, from the differences between weeks."""
    steps = np.diff(levels)
    deviation = np.median(np.abs(steps - np.median(steps))) / MAD_OF_NORMAL / np.sqrt(2.0)
    return max(float(deviation) ** 2, LEAST_NOISE)
