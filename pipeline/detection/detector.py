"""The detector: one decision for each community at one boundary. The file to replace when a better one is found.

A decline is a strong drop of weekly participants against the community's own baseline that counting noise does not
explain. See docs/detection.md for the design, its scores and its limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.detection.candidates import Candidates, Comparison, find_candidates
from pipeline.detection.confirmation import agreement
from pipeline.detection.levels import WEEK_DAYS, Levels, measure
from pipeline.detection.lifecycle import Sight, advance, wants_confirmation
from pipeline.detection.verdict import Decision, Verdict
from pipeline.model import PARTICIPATION

if TYPE_CHECKING:
    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.detection.holiday_calendar import Calendar
    from pipeline.history import DetectorState, History

ANSWERS = (Verdict.LEARNING, Verdict.TOO_SMALL, Verdict.HOLDING)
TINY = 1e-12


def decide(
    history: History,
    states: list[DetectorState],
    calendar: Calendar,
    settings: DetectionSettings,
    *,
    network_down: bool = False,
) -> list[Decision]:
    """One decision for each community, in the order of `history.communities`.

    While nothing arrives from the network (`network_down`) no community is given an alert; it is judged again after.

    Call it once for each boundary day, in order, with the states of the decisions before ({} at first). The same
    histories in the same order of days give the same decisions, whichever communities are judged together.
    """
    levels = measure(history, settings)
    found = find_candidates(history, levels, settings)
    gated = calendar.holds_back(history.boundary_day, settings.holidays_a_week)
    held = (levels.index <= settings.network_outage_ratio) | gated | network_down
    decisions = _without_memory(levels, found.compared, settings)
    busy = (found.compared.dropped | found.silent).tolist()
    agreed = _agreement(history, levels, states, settings)
    for place, state in enumerate(states):
        if state or busy[place]:
            sight = _sight(history, place, levels, found, held=bool(held[place]), agreed=agreed.get(place, 0.0))
            decisions[place] = advance(state, sight, decisions[place], settings)
    return decisions


def _without_memory(levels: Levels, compared: Comparison, settings: DetectionSettings) -> list[Decision]:
    """The answer for every community as if nothing were remembered of it."""
    learning = (levels.valid < settings.history_weeks_needed) | (compared.baseline_weeks == 0)
    small = compared.baseline < settings.smallest_baseline_participants
    answers = np.where(learning, 0, np.where(small, 1, 2)).tolist()
    known = (~learning & (compared.baseline > 0)).tolist()
    ratios = np.round(compared.present / np.maximum(compared.baseline, TINY), 4).tolist()
    return [
        Decision({}, ratio, ANSWERS[answer], [], baseline) if yes else Decision({}, None, ANSWERS[answer])
        for ratio, yes, answer, baseline in zip(ratios, known, answers, compared.baseline.tolist(), strict=True)
    ]


def _agreement(
    history: History, levels: Levels, states: list[DetectorState], settings: DetectionSettings
) -> dict[int, float]:
    """Place -> share of the segmenters that see the decline, for the communities whose watch may be confirmed."""
    asked = {}
    for place, state in enumerate(states):
        since = wants_confirmation(state, history.boundary_day, levels.weeks[place], settings) if state else None
        if since is not None:
            asked[place] = since
    return dict(zip(asked, agreement(history, list(asked), list(asked.values())), strict=True))


def _sight(history: History, place: int, levels: Levels, found: Candidates, *, held: bool, agreed: float) -> Sight:
    """What the lifecycle of one community needs to see, as plain numbers."""
    compared = found.compared
    return Sight(
        day=history.boundary_day,
        weeks=levels.weeks[place].tolist(),
        weekly_activities=_weekly_activities(history, place, levels.weeks.shape[1]),
        roughness=float(levels.roughness[place]),
        baseline=float(compared.baseline[place]),
        baseline_weeks=int(compared.baseline_weeks[place]),
        present=float(compared.present[place]),
        present_weeks=int(compared.present_weeks[place]),
        score=float(compared.score[place]),
        silence=float(found.silence[place]),
        quiet_days=int(found.quiet_days[place]),
        dropped=bool(compared.dropped[place]),
        silent=bool(found.silent[place]),
        held=held,
        agreement=agreed,
        network_level=float(levels.index[place]),
        archived=bool(found.archived[place]),
    )


def _weekly_activities(history: History, place: int, weeks: int) -> list[int]:
    """Activities of participation of one community a week, newest first."""
    total = np.zeros(weeks, dtype=np.int64)
    for kind in PARTICIPATION & history.activities.keys():
        total += history.activities[kind][place, -weeks * WEEK_DAYS :].reshape(weeks, WEEK_DAYS).sum(axis=1)
    return [int(count) for count in total[::-1]]
