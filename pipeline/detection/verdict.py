"""What a detector answers: one decision for each community and boundary, with its reasons."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
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
