"""What a boundary said of many communities, put together as columns of readings, for those who show them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.detection.verdict import VERDICTS
from pipeline.history import WINDOW_DAYS
from pipeline.model import Stage
from pipeline.readings import Labels, ReadingColumns
from pipeline.scoring.phase import PHASES

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.detection.verdict import Decisions
    from pipeline.history import DetectorState, History
    from pipeline.scoring.engagement import EngagementIndex

READING_WEEKS = 26
EARLY_RECOVERIES_DAYS = 365
"""Early recoveries are counted for so long."""
_VERDICT_WORDS = tuple(verdict.value for verdict in VERDICTS)
_PHASE_WORDS = tuple(phase.value for phase in PHASES)
_STAGE_WORDS = (None, *(stage.value for stage in Stage))


def readings_of(  # noqa: PLR0917 - one part a stage
    history: History,
    decisions: Decisions,
    phases: NDArray[np.int64],
    index: EngagementIndex,
    percentiles: NDArray[np.float64],
    memories: Mapping[int, DetectorState],
) -> ReadingColumns:
    """In the order of the history; `percentiles` (C,) has NaN where none is known, `memories` are by place."""
    axes = np.stack([index.index, index.conversational, index.relational], axis=1)
    stages, early = np.zeros((2, len(history.communities)), dtype=np.int64)
    for place, memory in memories.items():
        # Nobody outside hears of an alert that was raised while the community was too small, whatever it is now.
        if not memory.get("untold"):
            stages[place] = _STAGE_WORDS.index(memory.get("stage"))
        early[place] = sum(history.boundary_day - day < EARLY_RECOVERIES_DAYS for day in memory.get("early", ()))
    return ReadingColumns(
        boundary_day=history.boundary_day,
        communities=list(history.communities),
        names=list(history.names),
        lines=list(history.lines),
        verdicts=Labels(_VERDICT_WORDS, decisions.verdicts),
        phases=Labels(_PHASE_WORDS, phases),
        alert_stages=Labels(_STAGE_WORDS, stages),
        momentum_ratios=decisions.momentum,
        indices=np.round(axes, 4),
        age_days=history.boundary_day - history.first_days + 1,
        active_members=np.stack([history.active_members[days] for days in WINDOW_DAYS], axis=1),
        weekly_active_members=history.weekly_active_members(READING_WEEKS),
        weekly_participants=history.participants_7_days[:, -1],
        activities_28_days=index.activities,
        baselines=decisions.baselines,
        engagement_percentiles=np.round(percentiles, 1),
        early_recoveries=early,
    )
