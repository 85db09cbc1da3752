"""The life of an alert: raised as a watch, confirmed when it lasts, resolved with a reason; its baseline is frozen."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace as changed

from pipeline.detection.evidence import evidence_of
from pipeline.detection.verdict import Decision, Resolution, Step, Verdict
from pipeline.history import WEEK_DAYS
from pipeline.model import AlertState, Severity, Stage

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.history import DetectorState

RECOVERY_WEEKS = 3
"""An open alert is followed on the mean of this many weeks."""
STAYED_LOW = 0.6
CRITICAL_RATIO = 0.25
CRITICAL_PARTICIPANTS = 12.0


@dataclass(frozen=True, slots=True)
class Sight:
    """What is seen of one community at one boundary; levels in weekly participants, newest week first.

    `held`: a holiday or a drop of the whole network may explain what is seen. `agreement`: share of the segmenters that
    see the decline of the open alert; 0 where none is open or it is too fresh. `silence`: -ln of the probability of the
    quiet days. `network_level`: the rest of the network over its own 8-week median.
    """

    day: int
    weeks: list[float]
    weekly_activities: list[int]
    roughness: float
    baseline: float
    baseline_weeks: int
    present: float
    present_weeks: int
    score: float
    silence: float
    quiet_days: int
    dropped: bool
    silent: bool
    held: bool
    agreement: float
    network_level: float
    archived: bool


class OpenAlert(msgspec.Struct, frozen=True):
    """What is remembered of an open alert; the baselines are frozen at the raise."""

    since: int
    raised: int
    stage: Stage
    severity: Severity
    baseline: float
    baseline_weeks: int
    baseline_activities: float
    """Activities of participation a week."""
    stepped: int
    """Day of the last step told."""
    ratio: float
    """Present to baseline as told last."""


class Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of one community; what is at its default is left out, so that nothing to remember is `{}`."""

    streak: int = 0
    resolved: int | None = None
    alert: OpenAlert | None = None


def wants_confirmation(
    state: DetectorState, day: int, weeks: Sequence[float], settings: DetectionSettings
) -> int | None:
    """The onset of an open watch that may be confirmed today, None otherwise.

    `weeks` are the weekly levels, newest first. The segmenters cost much: only a level that has stayed low is worth it,
    and only within the weeks in which they can still change their mind.
    """
    alert = msgspec.convert(state, Memory).alert
    if alert is None or alert.stage is Stage.CONFIRMED:
        return None
    lasted = (day - alert.since) // WEEK_DAYS
    if not settings.confirmed_weeks <= lasted <= settings.confirmed_weeks_at_most:
        return None
    return alert.since if _mean(weeks, lasted) <= STAYED_LOW * alert.baseline else None


def advance(state: DetectorState, sight: Sight, quiet: Decision, settings: DetectionSettings) -> Decision:
    """The decision of a community that looks like a decline or has something remembered.

    `quiet` is the answer without memory: its verdict and momentum stand where no alert is open.
    """
    memory = msgspec.convert(state, Memory)
    if memory.alert is not None:
        return _follow(memory.alert, sight, settings)
    resolved = memory.resolved
    if resolved is not None and sight.day - resolved > WEEK_DAYS * len(sight.weeks):
        # No onset is looked for that far back, so the end of the last alert no longer matters.
        memory = changed(memory, resolved=None)
    return _watch(memory, sight, quiet, settings)


def _watch(memory: Memory, sight: Sight, quiet: Decision, settings: DetectionSettings) -> Decision:
    """No alert is open: count the days in a row, raise when they suffice."""
    over = sight.archived or sight.quiet_days >= settings.dormant_weeks * WEEK_DAYS
    seen = (sight.dropped or sight.silent) and not over and quiet.verdict is Verdict.HOLDING
    streak = memory.streak + 1 if seen and not sight.held else 0
    if seen and not sight.held and (streak >= settings.days_in_a_row or sight.silent):
        return _raise(memory, sight, settings)
    verdict = Verdict.HELD_BACK if seen and sight.held else quiet.verdict
    return replace(quiet, state=_state(changed(memory, streak=streak)), verdict=verdict)


def _raise(memory: Memory, sight: Sight, settings: DetectionSettings) -> Decision:
    ratio = round(sight.present / sight.baseline, 4)
    before = sight.weekly_activities[sight.present_weeks : sight.present_weeks + sight.baseline_weeks]
    alert = OpenAlert(
        since=_since_day(sight, settings, memory.resolved),
        raised=sight.day,
        stage=Stage.WATCH,
        severity=_severity(Stage.WATCH, ratio, sight.baseline, settings),
        baseline=round(sight.baseline, 6),
        baseline_weeks=sight.baseline_weeks,
        baseline_activities=round(sum(before) / len(before), 2),
        stepped=sight.day,
        ratio=ratio,
    )
    step = _step(alert, AlertState.RAISED, sight, sight.present_weeks, settings)
    return Decision(_state(Memory(alert=alert)), ratio, Verdict.LOSING, [step], alert.baseline)


def _follow(alert: OpenAlert, sight: Sight, settings: DetectionSettings) -> Decision:
    """An alert is open: resolve it, or tell what changed."""
    ratio = round(_mean(sight.weeks, RECOVERY_WEEKS) / alert.baseline, 4)
    reason = _resolution(alert, ratio, sight, settings)
    if reason is not None:
        ended = changed(alert, ratio=ratio)
        step = _step(ended, AlertState.RESOLVED, sight, RECOVERY_WEEKS, settings, reason=reason)
        return Decision(_state(Memory(resolved=sight.day)), ratio, Verdict.HOLDING, [step], alert.baseline)
    stage = Stage.CONFIRMED if _is_confirmed(alert, sight, settings) else alert.stage
    severity = _severity(stage, ratio, alert.baseline, settings)
    moved = severity is not alert.severity or abs(ratio - alert.ratio) >= settings.update_ratio_change
    rested = sight.day - alert.stepped >= WEEK_DAYS
    if stage is alert.stage and not (rested and moved):
        return Decision(_state(Memory(alert=alert)), ratio, Verdict.LOSING, [], alert.baseline)
    told = changed(alert, stage=stage, severity=severity, stepped=sight.day, ratio=ratio)
    step = _step(told, AlertState.UPDATED, sight, RECOVERY_WEEKS, settings)
    return Decision(_state(Memory(alert=told)), ratio, Verdict.LOSING, [step], alert.baseline)


def _resolution(alert: OpenAlert, ratio: float, sight: Sight, settings: DetectionSettings) -> Resolution | None:
    if sight.archived:
        return Resolution.ARCHIVED
    if sight.quiet_days >= settings.dormant_weeks * WEEK_DAYS:
        return Resolution.DORMANT
    # A fast alert is raised while the weeks before it still carry the mean: the newest week must be back as well. That
    # one still counts, in the first days of a silence, who was there before.
    back = sight.weeks[0] >= settings.recovered_ratio * alert.baseline and not sight.silent
    if back and ratio >= settings.recovered_ratio:
        return Resolution.RECOVERED
    if sight.day - alert.raised >= settings.settled_weeks * WEEK_DAYS:
        return Resolution.SETTLED
    return None


def _is_confirmed(alert: OpenAlert, sight: Sight, settings: DetectionSettings) -> bool:
    """Whether enough segmenters see the decline as well; once confirmed, always."""
    if alert.stage is Stage.CONFIRMED:
        return True
    return not sight.held and sight.agreement >= settings.confirmed_agreement_ratio


def _since_day(sight: Sight, settings: DetectionSettings, resolved: int | None) -> int:
    """First day of the low weeks in a row up to now, or else of the silence; after the end of an earlier alert."""
    low = [level <= settings.each_week_ratio * sight.baseline for level in sight.weeks]
    run = low.index(False) if False in low else len(low)
    lasts_days = sight.quiet_days if sight.silent and run == 0 else WEEK_DAYS * max(run, 1)
    since = sight.day - lasts_days + 1
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
    present_weeks: int,
    settings: DetectionSettings,
    *,
    reason: Resolution | None = None,
) -> Step:
    evidence = evidence_of(alert, sight, present_weeks, settings.low_confidence_participants)
    return Step(state, alert.stage, alert.since, alert.severity, reason, evidence)


def _mean(weeks: Sequence[float], count: int) -> float:
    return sum(weeks[:count]) / count


def _state(memory: Memory) -> DetectorState:
    state: DetectorState = msgspec.to_builtins(memory)
    return state
