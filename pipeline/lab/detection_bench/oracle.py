"""The best test there is: a CUSUM that knows the rate before and after the change, and the noise."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.history import HISTORY_DAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.lab.detection_bench.simulated import Simulated

NEVER = -np.inf
ROUNDS = 24
HIGHEST_THRESHOLD = 40.0


def fitted_size(simulated: Simulated) -> float:
    """Size of the negative binomial of the daily counts before the change, by their variance around `expected`."""
    before = slice(0, simulated.onset)
    mean = simulated.expected[:, before]
    excess = float(((simulated.daily[:, before] - mean) ** 2 - simulated.daily[:, before]).mean())
    return float((mean**2).mean()) / max(excess, 1e-9)


def evidence(simulated: Simulated, drop: float, size: float) -> NDArray[np.float64]:
    """Log-likelihood ratio of each day's participants, rate `drop` against 1, (C, T); -inf where that is impossible."""
    counts, before = simulated.daily, simulated.expected
    after = before * drop
    found: NDArray[np.float64] = (counts + size) * (np.log(before + size) - np.log(after + size))
    if drop == 0.0:
        found[counts > 0] = NEVER
    else:
        found += counts * np.log(drop)
    return found


def alarms(steps: NDArray[np.float64], threshold: float) -> NDArray[np.bool_]:
    """Days on which the CUSUM max(0, sum) passes the threshold, (C, T); it starts anew after each of them.

    Page, Continuous inspection schemes, Biometrika 41 (1954).
    """
    found = np.zeros(steps.shape, dtype=np.bool_)
    total = np.zeros(len(steps))
    for day in range(steps.shape[1]):
        total = np.maximum(total + steps[:, day], 0.0)
        found[:, day] = total > threshold
        total[found[:, day]] = 0.0
    return found


@dataclass(frozen=True, slots=True)
class Oracle:
    """The CUSUM of one drop. It knows the noise from communities in which nothing changes, `quiet` (C, T) is theirs."""

    drop: float
    size: float
    quiet: NDArray[np.float64]

    @classmethod
    def of(cls, drop: float, stationary: Simulated) -> Oracle:
        """The oracle of a drop, judged over the same boundaries as the detector."""
        size = fitted_size(stationary)
        return cls(drop, size, evidence(stationary, drop, size)[:, HISTORY_DAYS - 1 :])

    def false_alarms(self, threshold: float) -> int:
        """Alarms where nothing changes."""
        return int(alarms(self.quiet, threshold).sum())

    def threshold(self, alarms_wanted: float) -> float:
        """The lowest threshold that gives at most so many false alarms, by bisection."""
        low, high = 0.0, HIGHEST_THRESHOLD
        for _ in range(ROUNDS):
            middle = (low + high) / 2.0
            if self.false_alarms(middle) > alarms_wanted:
                low = middle
            else:
                high = middle
        return high

    def days(self, changed: Simulated, threshold: float) -> NDArray[np.float64]:
        """Days of the new level until the alarm of each community, inf where none came."""
        steps = evidence(changed, self.drop, self.size)[:, HISTORY_DAYS - 1 :]
        told = alarms(steps, threshold)[:, changed.onset - HISTORY_DAYS + 1 :]
        return np.where(told.any(axis=1), told.argmax(axis=1) + 1.0, np.inf)
