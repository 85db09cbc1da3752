"""What a boundary said of many communities, column by column -> one reading each, for those who show it."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.history import WINDOW_DAYS, Reading
from pipeline.scoring.engagement import INDEX_WINDOW_DAYS

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.detection.verdict import Decision
    from pipeline.history import DetectorState, History
    from pipeline.model import Phase
    from pipeline.scoring.engagement import EngagementIndex

READING_WEEKS = 26
_WEEK_DAYS = 7
_WINDOW_NAMES = tuple(f"{days}d" for days in WINDOW_DAYS)


def readings_of(  # noqa: PLR0917 - one part a stage
    history: History,
    decisions: Sequence[Decision],
    phases: Sequence[Phase],
    index: EngagementIndex,
    percentiles: NDArray[np.float64],
    states: Sequence[DetectorState],
) -> list[Reading]:
    """One reading a community, in the order of the history; `percentiles` (C,) has NaN where none is known."""
    weekly = history.active_members_7_days[:, ::-1][:, : READING_WEEKS * _WEEK_DAYS : _WEEK_DAYS][:, ::-1]
    windows = np.stack([history.active_members[days] for days in WINDOW_DAYS], axis=1)
    axes = np.stack([index.index, index.conversational, index.relational], axis=1)
    columns = zip(
        history.communities,
        history.names,
        history.lines,
        decisions,
        phases,
        np.round(axes, 4).tolist(),
        (history.boundary_day - history.first_days + 1).tolist(),
        windows.tolist(),
        weekly.tolist(),
        history.participants_7_days[:, -1].tolist(),
        _activities(history).tolist(),
        [None if value != value else value for value in np.round(percentiles, 1).tolist()],  # noqa: PLR0124 - NaN
        states,
        strict=True,
    )
    return [
        Reading(
            community=community,
            boundary_day=history.boundary_day,
            verdict=decision.verdict.value,
            phase=phase.value,
            momentum_ratio=decision.momentum,
            engagement_index=engagement,
            conversational_index=conversational,
            relational_index=relational,
            age_days=age_days,
            active_members=dict(zip(_WINDOW_NAMES, members, strict=True)),
            weekly_active_members=weeks,
            weekly_participants=participants,
            activities_28_days=activities,
            baseline_weekly_participants=None if decision.baseline is None else round(decision.baseline, 2),
            engagement_percentile=percentile,
            name=name,
            line=line,
            alert_stage=state.get("stage"),
            early_recoveries=len(state.get("early", ())),
        )
        for (
            community,
            name,
            line,
            decision,
            phase,
            (engagement, conversational, relational),
            age_days,
            members,
            weeks,
            participants,
            activities,
            percentile,
            state,
        ) in columns
    ]


def _activities(history: History) -> NDArray[np.int64]:
    """Human activities of the last 28 days, all kinds, (C,)."""
    total = np.zeros(len(history.communities), dtype=np.int64)
    for acts in history.activities.values():
        total += acts[:, -INDEX_WINDOW_DAYS:].sum(axis=1)
    return total
