"""The detector: one decision for each community at one boundary. The file to replace when a better one is found.

A decline is a strong drop of weekly participants against the community's own baseline that counting noise does not
explain. See docs/detection.md for the design, its scores and its limits.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.detection.candidates import Candidates, find_candidates
from pipeline.detection.levels import Levels, measure
from pipeline.detection.lifecycle import Sight, advance
from pipeline.detection.verdict import Decision, Verdict

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.detection.holiday_calendar import Calendar
    from pipeline.history import DetectorState, History


def decide(
    history: History, states: list[DetectorState], calendar: Calendar, settings: DetectionSettings
) -> list[Decision]:
    """One decision for each community, in the order of `history.communities`.

    Call it once for each boundary day, in order, with the states of the decisions before ({} at first). The same
    histories in the same order of days give the same decisions, whichever communities are judged together.
    """
    levels = measure(history, settings)
    found = find_candidates(history, levels, settings)
    held = (levels.index <= settings.network_outage_ratio) | calendar.holds_back(
        history.boundary_day, settings.holidays_a_week
    )
    verdicts, momentum = _quiet_answers(levels, found, settings)
    decisions = [Decision({}, ratio, verdict) for ratio, verdict in zip(momentum, verdicts, strict=True)]
    busy = found.dropped | found.silent
    for place, state in enumerate(states):
        if state or busy[place]:
            sight = _sight(history.boundary_day, place, levels, found, held=bool(held[place]))
            decisions[place] = advance(state, sight, decisions[place], settings)
    return decisions


def _quiet_answers(
    levels: Levels, found: Candidates, settings: DetectionSettings
) -> tuple[list[Verdict], list[float | None]]:
    """Verdict and momentum of every community as if nothing were remembered of it."""
    learning = (levels.valid < settings.history_weeks_needed) | (found.baseline_weeks == 0)
    small = found.baseline < settings.smallest_baseline_participants
    verdicts = np.where(learning, 0, np.where(small, 1, 2))
    answers = (Verdict.LEARNING, Verdict.TOO_SMALL, Verdict.HOLDING)
    ratio = np.round(found.present / np.maximum(found.baseline, 1e-12), 4)
    known: NDArray[np.bool_] = ~learning & (found.baseline > 0)
    momentum = [value if yes else None for value, yes in zip(ratio.tolist(), known.tolist(), strict=True)]
    return [answers[verdict] for verdict in verdicts.tolist()], momentum


def _sight(day: int, place: int, levels: Levels, found: Candidates, *, held: bool) -> Sight:
    """What the lifecycle of one community needs to see, as plain numbers."""
    return Sight(
        day=day,
        weeks=levels.weeks[place].tolist(),
        roughness=float(levels.roughness[place]),
        baseline=float(found.baseline[place]),
        baseline_weeks=int(found.baseline_weeks[place]),
        present=float(found.present[place]),
        present_weeks=int(found.present_weeks[place]),
        score=float(found.score[place]),
        quiet_days=int(found.quiet_days[place]),
        silence=float(found.silence[place]),
        dropped=bool(found.dropped[place]),
        silent=bool(found.silent[place]),
        held=held,
    )
