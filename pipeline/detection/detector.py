"""The detector: one decision for each community at one boundary. The file to replace when a better one is found.

A decline is a strong drop of weekly participants against the community's own baseline that counting noise does not
explain. See docs/detection.md for the design, its scores and its limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.detection.candidates import Candidates, Comparison, find_candidates
from pipeline.detection.confirmation import agreement
from pipeline.detection.levels import Levels, measure
from pipeline.detection.lifecycle import Sight, advance, wants_confirmation
from pipeline.detection.verdict import VERDICTS, Decisions, Verdict
from pipeline.history import WEEK_DAYS
from pipeline.model import PARTICIPATION

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.detection.holiday_calendar import Calendar
    from pipeline.detection.verdict import Decision
    from pipeline.history import DetectorState, History

LEARNING, TOO_SMALL, HOLDING = map(VERDICTS.index, (Verdict.LEARNING, Verdict.TOO_SMALL, Verdict.HOLDING))
TINY = 1e-12


def decide(
    history: History,
    states: Sequence[DetectorState],
    calendar: Calendar,
    settings: DetectionSettings,
    *,
    network_down: bool = False,
) -> Decisions:
    """One decision for each community, in the order of `history.communities`.

    While nothing arrives from the network (`network_down`) no community is given an alert; it is judged again after.

    Call it once for each boundary day, in order, with the states of the decisions before ({} at first). The same
    histories in the same order of days give the same decisions, whichever communities are judged together.
    """
    levels = measure(history, settings)
    remembered = [place for place, state in enumerate(states) if state]
    found = find_candidates(history, levels, remembered, settings)
    gated = calendar.holds_back(history.boundary_day, settings.holidays_a_week)
    held = (levels.index <= settings.network_outage_ratio) | gated | network_down
    decisions = _without_memory(levels, found.compared, settings)
    agreed = _agreement(history, levels, {place: states[place] for place in remembered}, settings)
    for place in sorted({*remembered, *np.flatnonzero(found.compared.dropped | found.silent).tolist()}):
        sight = _sight(history, place, levels, found, held=bool(held[place]), agreed=agreed.get(place, 0.0))
        _put(decisions, place, advance(states[place], sight, decisions[place], settings))
    return decisions


def _put(decisions: Decisions, place: int, decision: Decision) -> None:
    decisions.busy[place] = decision
    decisions.verdicts[place] = VERDICTS.index(decision.verdict)
    decisions.momentum[place] = np.nan if decision.momentum is None else decision.momentum
    decisions.baselines[place] = np.nan if decision.baseline is None else decision.baseline


def _without_memory(levels: Levels, compared: Comparison, settings: DetectionSettings) -> Decisions:
    """The answer for every community as if nothing were remembered of it."""
    learning = (levels.valid < settings.history_weeks_needed) | (compared.baseline_weeks == 0)
    small = compared.baseline < settings.smallest_baseline_participants
    known = ~learning & (compared.baseline > 0)
    ratios = np.round(compared.present / np.maximum(compared.baseline, TINY), 4)
    return Decisions(
        verdicts=np.where(learning, LEARNING, np.where(small, TOO_SMALL, HOLDING)),
        momentum=np.where(known, ratios, np.nan),
        baselines=np.where(known, compared.baseline, np.nan),
        busy={},
    )


def _agreement(
    history: History, levels: Levels, states: dict[int, DetectorState], settings: DetectionSettings
) -> dict[int, float]:
    """Place -> share of the segmenters that see the decline, for the communities whose watch may be confirmed."""
    asked = {}
    for place, state in states.items():
        since = wants_confirmation(state, history.boundary_day, levels.weeks[place], settings)
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
        days = history.activities[kind][place, -weeks * WEEK_DAYS :]
        total += days.reshape(weeks, WEEK_DAYS).sum(axis=1, dtype=np.int64)
    return [int(count) for count in total[::-1]]
