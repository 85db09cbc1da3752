"""What a detector answers: one decision for each community and boundary, with its reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from math import isnan
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterator

    import numpy as np
    from numpy.typing import NDArray

    from pipeline.history import DetectorState
    from pipeline.model import AlertState, Severity, Stage


class Verdict(str, Enum):
    """How a community stands at one boundary. Closed set: it may serve as a metric label."""

    LEARNING = "learning"
    """Less history than a baseline needs."""
    TOO_SMALL = "too_small"
    """Too few weekly participants for any honest statement."""
    HOLDING = "holding"
    LOSING = "losing_momentum"
    """An alert is open."""
    HELD_BACK = "held_back"
    """Looks like a decline, but a holiday or a drop of the whole network explains it."""


VERDICTS = tuple(Verdict)
"""A verdict's place here is its code in arrays."""


class Resolution(str, Enum):
    """Why an alert ended."""

    RECOVERED = "recovered"
    SETTLED = "settled"
    """The lower level has lasted so long that it is the new normal."""
    DORMANT = "dormant"
    """Nobody took part any more for many weeks."""
    ARCHIVED = "archived"
    """The platform closed the community."""


@dataclass(frozen=True, slots=True)
class Step:
    """One step in the life of an alert. `evidence` holds JSON values; `since_day` never changes within an alert."""

    state: AlertState
    stage: Stage
    since_day: int
    severity: Severity
    reason: Resolution | None
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class Decision:
    """The answer for one community at one boundary.

    `state` is what to hand back at the next boundary. `momentum` is the present level over the baseline with the
    network's level removed (1 = holding, 0.5 = halved), None where no baseline exists. `baseline` is in participants a
    week, the frozen one while an alert is open.
    """

    state: DetectorState
    momentum: float | None
    verdict: Verdict
    steps: list[Step] = field(default_factory=list)
    baseline: float | None = None


@dataclass(frozen=True, slots=True)
class Decisions:
    """One decision for each of C communities; nearly all of them remember nothing and take no step.

    `verdicts` (C,) are places in `VERDICTS`; `momentum` and `baselines` (C,) are NaN where a decision has None. `busy`
    holds, by place, the decisions of all communities that have something to remember, to tell or to forget.
    """

    verdicts: NDArray[np.int64]
    momentum: NDArray[np.float64]
    baselines: NDArray[np.float64]
    busy: dict[int, Decision]

    def __getitem__(self, place: int) -> Decision:
        """The decision of one community."""
        known = self.busy.get(place)
        if known is not None:
            return known
        momentum, baseline = float(self.momentum[place]), float(self.baselines[place])
        return Decision(
            {},
            None if isnan(momentum) else momentum,
            VERDICTS[self.verdicts[place]],
            [],
            None if isnan(baseline) else baseline,
        )

    def __iter__(self) -> Iterator[Decision]:
        """All of them, in the order of the communities."""
        return (self[place] for place in range(len(self.verdicts)))
