"""Weekly levels of many communities: blocks of 7 days counted back from the boundary, the network's level divided out.

Every array is built row by row from integers, and logarithms are rounded before anything is compared, so that a
community's result does not depend on which others are judged with it.
"""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

import numpy as np

from pipeline.history import WEEK_DAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.history import History

REFERENCE_WEEKS = 8
"""The network's own level is compared with the median of this many weeks."""
LOWEST_INDEX = 0.4
"""Below this the network is out rather than low; dividing further would only blow up noise."""
ROUGHNESS_WEEKS = 30
ROWS_AT_ONCE = 512
"""The steps of so many communities stay in the cache of a processor: less than half the time."""
MAD_OF_NORMAL = 0.6745
FEWEST_BASELINE_WEEKS = 6


@dataclass(frozen=True, slots=True)
class Levels:
    """Weekly participants of C communities, newest block first.

    `weeks`     (C, W) distinct participants of 7 days, divided by the network index of that week
    `valid`     (C,)   number of blocks that lie wholly within the community's life, at most W
    `index`     (C,)   level of the rest of the network over its own median; 1 where too few members to say
    `roughness` (C,)   spread of weekly differences over what pure counting noise would give, at least 1
    """

    weeks: NDArray[np.float64]
    valid: NDArray[np.int64]
    index: NDArray[np.float64]
    roughness: NDArray[np.float64]

    def take(self, rows: NDArray[np.int64]) -> Levels:
        """Those of some communities."""
        return Levels(self.weeks[rows], self.valid[rows], self.index[rows], self.roughness[rows])


def measure(history: History, settings: DetectionSettings) -> Levels:
    """The levels of all communities as of the boundary, over the last 31 weeks."""
    wanted = ROUGHNESS_WEEKS + 1
    # In 32 bits, enough for a thousand million participants a week: half of the time.
    blocks = history.participants_7_days[:, ::-WEEK_DAYS][:, : wanted + REFERENCE_WEEKS].astype(np.int32)
    network = history.network_participants[::-WEEK_DAYS][: wanted + REFERENCE_WEEKS].astype(np.int32)
    index = network_index(network[None, :] - blocks, settings.network_participants_needed)[:, :wanted]
    weeks = blocks[:, :wanted] / np.clip(index, LOWEST_INDEX, 1.0)
    age_days = history.boundary_day - history.first_days + 1
    valid = np.clip(age_days // WEEK_DAYS, 0, wanted)
    return Levels(weeks, valid, index[:, 0], roughness(weeks, valid))


def network_index(others: NDArray[np.int32], participants_needed: int) -> NDArray[np.float64]:
    """Each week of the rest of the network over the median of the 8 weeks up to it, (C, W) -> (C, W - 7)."""
    median = np.empty((len(others), others.shape[1] - REFERENCE_WEEKS + 1))
    for start in range(0, len(others), ROWS_AT_ONCE):
        median[start : start + ROWS_AT_ONCE] = _median_of_eight(others[start : start + ROWS_AT_ONCE])
    now = others[:, : median.shape[1]]
    index: NDArray[np.float64] = np.where(median >= participants_needed, now / np.maximum(median, 1.0), 1.0)
    return index


def _median_of_eight(values: NDArray[np.int32]) -> NDArray[np.float64]:
    """Median of each value and the 7 after it, (C, W) -> (C, W - 7).

    A sorting network (Batcher, 1968) for all of them at once: neighbours share its first steps. `numpy.partition`,
    which begins anew for each eight, takes five times as long.
    """
    one, two = values[:, :-1], values[:, 1:]
    low, high = np.minimum(one, two), np.maximum(one, two)
    inner_low, inner_high = np.maximum(low[:, :-2], low[:, 2:]), np.minimum(high[:, :-2], high[:, 2:])
    four = (
        np.minimum(low[:, :-2], low[:, 2:]),
        np.minimum(inner_low, inner_high),
        np.maximum(inner_low, inner_high),
        np.maximum(high[:, :-2], high[:, 2:]),
    )
    # Of two fours in order, the one forwards and the other backwards: the lesser of each pair are the lower half.
    pairs = [(mine[:, :-4], other[:, 4:]) for mine, other in zip(four, reversed(four), strict=True)]
    below = reduce(np.maximum, [np.minimum(*pair) for pair in pairs])
    above = reduce(np.minimum, [np.maximum(*pair) for pair in pairs])
    median: NDArray[np.float64] = (below + above) / 2.0
    return median


def roughness(weeks: NDArray[np.float64], valid: NDArray[np.int64]) -> NDArray[np.float64]:
    """Robust spread of weekly Anscombe differences over that of Poisson counts, (C, W) -> (C,), at least 1."""
    steps = np.abs(np.diff(2.0 * np.sqrt(weeks + 0.375), axis=1))
    count = np.clip(valid - 1, 1, steps.shape[1])
    steps[np.arange(steps.shape[1])[None, :] >= count[:, None]] = np.inf
    steps.sort(axis=1)
    rows = np.arange(len(steps))
    median = (steps[rows, (count - 1) // 2] + steps[rows, count // 2]) / 2.0
    spread: NDArray[np.float64] = np.where(valid > 1, median, 0.0) / MAD_OF_NORMAL / np.sqrt(2.0)
    return np.maximum(1.0, spread)


def mean_of_newest(weeks: NDArray[np.float64], count: int, skip: int = 0) -> NDArray[np.float64]:
    """Mean of `count` blocks after the newest `skip`, summed in one fixed order, (C, W) -> (C,)."""
    total = np.zeros(len(weeks))
    for block in range(skip, skip + count):
        total = total + weeks[:, block]
    return total / count


def trimmed_baseline(levels: Levels, skip: int, longest: int) -> tuple[NDArray[np.float64], NDArray[np.int64]]:
    """Mean of the middle half of the up to `longest` blocks before the newest `skip`, and how many blocks there were.

    0 blocks where fewer than 6 exist.
    """
    blocks = levels.weeks[:, skip : skip + longest].copy()
    count = np.clip(levels.valid - skip, 0, longest)
    count[count < FEWEST_BASELINE_WEEKS] = 0
    blocks[np.arange(longest)[None, :] >= count[:, None]] = np.inf
    blocks.sort(axis=1)
    trim = count // 4
    total = np.zeros(len(blocks))
    for place in range(longest):
        inside = (place >= trim) & (place < count - trim)
        total = total + np.where(inside, blocks[:, place], 0.0)
    mean: NDArray[np.float64] = total / np.maximum(count - 2 * trim, 1)
    return mean, count
