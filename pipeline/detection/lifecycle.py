"""The life of an alert: raised as a watch, confirmed when it lasts, resolved with a reason; its baseline is frozen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np
from msgspec import structs

from pipeline.detection.likelihood import drop_score
from pipeline.detection.verdict import Decision, Resolution, Step, Verdict
from pipeline.model import AlertState, Severity, Stage

if TYPE_CHECKING:
    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.history import DetectorState

WEEK_DAYS = 7
RECOVERY_WEEKS = 3
CRITICAL_RATIO = 0.25
CRITICAL_PARTICIPANTS = 12.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of one community at one boundary; levels in weekly participants, newest week first."""

    day: int
    weeks: list[float]
    roughness: float
    baseline: float
    baseline_weeks: int
    present: float
    present_weeks: int
    score: float
    quiet_days: int
    silence: float
    dropped: bool
    silent: bool
    held: bool


class OpenAlert(msgspec.Struct, frozen=True):
    """What is remembered of an open alert; `baseline` is frozen at the raise."""

    since: int
    raised: int
    stage: Stage
    severity: Severity
    baseline: float
    baseline_weeks: int
    stepped: int
    """Day of the last step told."""
    ratio: float
    """Drop ratio told last."""


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of one community; omitted fields are at their default, so that nothing to remember is `{}`."""

    streak: int = 0
    resolved: int | None = None
    alert: OpenAlert | None = None


def advance(state: DetectorState, sight: Sight, quiet: Decision, settings: DetectionSettings) -> Decision:
    """The decision of a community that looks like a decline or has something remembered.

    `quiet` is the answer without memory: its verdict and momentum stand where no alert is open.
    """
    memory = msgspec.convert(state, Memory)
    if memory.alert is not None:
        return _follow(memory, memory.alert, sight, settings)
    return _watch(memory, sight, quiet, settings)


def _watch(memory: Memory, sight: Sight, quiet: Decision, settings: DetectionSettings) -> Decision:
    """No alert is open: count the days in a row, raise when they suffice."""
    if quiet.verdict is not Verdict.HOLDING or not (sight.dropped or sight.silent):
        return replace(quiet, state=_state(structs.replace(memory, streak=0)))
    if sight.held:
        return replace(quiet, state=_state(structs.replace(memory, streak=0)), verdict=Verdict.HELD_BACK)
    streak = memory.streak + 1
    if streak < settings.days_in_a_row and not sight.silent:
        return replace(quiet, state=_state(structs.replace(memory, streak=streak)))
    ratio = round(sight.present / sight.baseline, 4)
    since = _since_day(sight, settings, memory.resolved)
    alert = OpenAlert(
        since=since,
        raised=sight.day,
        stage=Stage.WATCH,
        severity=_severity(Stage.WATCH, ratio, sight.baseline, settings),
        baseline=round(sight.baseline, 6),
        baseline_weeks=sight.baseline_weeks,
        stepped=sight.day,
        ratio=ratio,
    )
    step = _step(alert, AlertState.RAISED, sight, settings)
    return Decision(_state(Memory(alert=alert)), ratio, Verdict.LOSING, [step])


def _follow(memory: Memory, alert: OpenAlert, sight: Sight, settings: DetectionSettings) -> Decision:
    """An alert is open: resolve it, or tell what changed."""
    ratio = round(_mean(sight.weeks, RECOVERY_WEEKS) / alert.baseline, 4)
    reason = _resolution(alert, ratio, sight, settings)
    if reason is not None:
        step = _step(structs.replace(alert, ratio=ratio), AlertState.RESOLVED, sight, settings, reason)
        return Decision(_state(Memory(resolved=sight.day)), ratio, Verdict.HOLDING, [step])
    stage = Stage.CONFIRMED if _is_confirmed(alert, sight, settings) else alert.stage
    severity = _severity(stage, ratio, alert.baseline, settings)
    rested = sight.day - alert.stepped >= WEEK_DAYS
    changed = severity is not alert.severity or abs(ratio - alert.ratio) >= settings.update_ratio_change
    if stage is alert.stage and not (rested and changed):
        return Decision(_state(memory), ratio, Verdict.LOSING)
    told = structs.replace(alert, stage=stage, severity=severity, stepped=sight.day, ratio=ratio)
    step = _step(told, AlertState.UPDATED, sight, settings)
    return Decision(_state(Memory(alert=told)), ratio, Verdict.LOSING, [step])


def _resolution(alert: OpenAlert, ratio: float, sight: Sight, settings: DetectionSettings) -> Resolution | None:
    if sight.quiet_days >= settings.dormant_weeks * WEEK_DAYS:
        return Resolution.DORMANT
    if ratio >= settings.recovered_ratio:
        return Resolution.RECOVERED
    if sight.day - alert.raised >= settings.settled_weeks * WEEK_DAYS:
        return Resolution.SETTLED
    return None


def _is_confirmed(alert: OpenAlert, sight: Sight, settings: DetectionSettings) -> bool:
    """Whether the level since the onset, long enough, is low and no noise; once confirmed, always."""
    if alert.stage is Stage.CONFIRMED:
        return True
    weeks = (sight.day - alert.since + 1) // WEEK_DAYS
    if weeks < settings.confirmed_weeks or sight.held:
        return False
    level = _mean(sight.weeks, weeks)
    score = drop_score(
        np.array([alert.baseline]), alert.baseline_weeks, np.array([level]), weeks, settings.overdispersion_size
    )
    low = level <= settings.confirmed_ratio * alert.baseline
    return low and float(score[0]) / sight.roughness > settings.confirmed_score


def _since_day(sight: Sight, settings: DetectionSettings, resolved: int | None) -> int:
    """First day of the run of low weeks that lasts until now, never before the end of an earlier alert."""
    run = 0
    while run < len(sight.weeks) and sight.weeks[run] <= settings.each_week_ratio * sight.baseline:
        run += 1
    since = sight.day - WEEK_DAYS * max(run, 1) + 1
    return since if resolved is None else max(since, resolved + 1)


def _severity(stage: Stage, ratio: float, baseline: float, settings: DetectionSettings) -> Severity:
    """Info where confidence is low and nothing confirmed; critical where a sizeable community has all but stopped."""
    if stage is Stage.WATCH:
        return Severity.INFO if baseline < settings.low_confidence_participants else Severity.WARNING
    all_but_stopped = ratio <= CRITICAL_RATIO and baseline >= CRITICAL_PARTICIPANTS
    return Severity.CRITICAL if all_but_stopped else Severity.WARNING


def _step(
    alert: OpenAlert,
    state: AlertState,
    sight: Sight,
    settings: DetectionSettings,
    reason: Resolution | None = None,
) -> Step:
    small = alert.baseline < settings.low_confidence_participants
    present_weeks = sight.present_weeks if state is AlertState.RAISED else RECOVERY_WEEKS
    evidence: dict[str, Any] = {
        "baseline_weekly_participants": round(alert.baseline, 2),
        "baseline_window_days": alert.baseline_weeks * WEEK_DAYS,
        "present_weekly_participants": round(_mean(sight.weeks, present_weeks), 2),
        "present_window_days": present_weeks * WEEK_DAYS,
        "present_to_baseline_ratio": alert.ratio,
        "score_standard_deviations": round(sight.score, 2),
        "quiet_days": sight.quiet_days,
        "confidence": "low" if small else "medium" if alert.stage is Stage.WATCH else "high",
    }
    return Step(state, alert.stage, alert.since, alert.severity, reason, evidence)


def _mean(weeks: list[float], count: int) -> float:
    return sum(weeks[:count]) / len(weeks[:count])


def _state(memory: Memory) -> DetectorState:
    state: DetectorState = msgspec.to_builtins(memory)
    return state
