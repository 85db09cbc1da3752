"""One alert for the network as a whole: nothing arrives any more, or people stay away from all communities at once."""

from __future__ import annotations

from dataclasses import dataclass, field
from enum import Enum
from typing import TYPE_CHECKING, Any

import msgspec
from msgspec.structs import replace as changed

from pipeline.detection.levels import REFERENCE_WEEKS
from pipeline.detection.network_level import NetworkDropSettings, NetworkLevel, NetworkSeries, measure_network
from pipeline.detection.verdict import Resolution
from pipeline.history import WEEK_DAYS
from pipeline.model import AlertState, Severity

if TYPE_CHECKING:
    from pipeline.detection.holiday_calendar import Calendar
    from pipeline.history import DetectorState


class NetworkCause(str, Enum):
    """What a drop of the whole network looks like. Closed set: it may serve as a metric label."""

    SOURCE_STOPPED = "source_stopped"
    """Nothing at all arrives, bots and views included, for longer than chance allows."""
    PEOPLE_STOPPED = "people_stopped"
    """Activities still arrive, but far fewer members take part."""
    HOLIDAY = "holiday"
    """The calendar explains it: nothing is raised."""


CHECKS = {
    NetworkCause.SOURCE_STOPPED: "Nothing at all has arrived for {days_without_activity} days in which "
    "{expected_activities:.0f} activities were to be expected: check the importer or connector, its credentials, and "
    "what was last written to the activity topic, before anything is said of communities.",
    NetworkCause.PEOPLE_STOPPED: "The whole network has {level}, while activities still arrive: look for a change of "
    "the platform, its sign-in or its notifications, for an announcement that moves people elsewhere, and for holidays "
    "that the calendar does not know.",
}
"""What to check first. Nothing is raised for a holiday."""
BACK = "Activities arrive again, though not yet for a whole week ({level}): nothing can be said of communities so far."
"""Of a source that had stopped, in place of its check."""
SEVERITIES = {NetworkCause.SOURCE_STOPPED: Severity.CRITICAL, NetworkCause.PEOPLE_STOPPED: Severity.WARNING}


@dataclass(frozen=True, slots=True)
class NetworkStep:
    """One step in the life of a network's alert. `evidence` holds JSON values; `since_day` never changes within one."""

    state: AlertState
    cause: NetworkCause
    since_day: int
    severity: Severity
    reason: Resolution | None
    evidence: dict[str, Any]


@dataclass(frozen=True, slots=True)
class NetworkDecision:
    """The answer for one network at one boundary.

    `state` is what to hand back at the next boundary. `level_ratio` is participants of 7 days over the median of the 8
    weeks before (over the frozen one while an alert is open), None where the network is too young or too small. `cause`
    is what explains a low level now: of the open alert, or `holiday` where the calendar holds one back, else None.
    """

    state: DetectorState
    level_ratio: float | None
    cause: NetworkCause | None = None
    steps: list[NetworkStep] = field(default_factory=list)


class _OpenAlert(msgspec.Struct, frozen=True, omit_defaults=True):
    """What is remembered of an open alert; the baseline is frozen at the raise."""

    since: int
    raised: int
    cause: NetworkCause
    baseline: float
    score: float
    """How improbable the drop was at the raise, in standard deviations."""
    stepped: int
    ratio: float
    held_back_days: int = 0
    empty_until: int | None = None
    """Last day of the newest run of days without anything that chance does not explain."""


class _Memory(msgspec.Struct, frozen=True, omit_defaults=True):
    """The state of one network; what is at its default is left out, so that nothing to remember is `{}`."""

    streak: int = 0
    held_back_days: int = 0
    """Days in a row on which only the calendar kept an alert from being raised, up to the newest such day."""
    resolved: int | None = None
    alert: _OpenAlert | None = None


def decide_network(
    series: NetworkSeries,
    state: DetectorState,
    calendar: Calendar,
    settings: NetworkDropSettings = NetworkDropSettings(),  # noqa: B008 - a frozen value
) -> NetworkDecision:
    """The decision for one network. Call it once for each boundary day, in order, with the state of the one before."""
    level = measure_network(series, calendar, settings)
    memory = msgspec.convert(state, _Memory)
    if memory.alert is not None:
        return _follow(memory.alert, level, settings)
    return _watch(memory, level, held=calendar.holds_back(level.day, settings.holidays_a_week), settings=settings)


def _watch(memory: _Memory, level: NetworkLevel, *, held: bool, settings: NetworkDropSettings) -> NetworkDecision:
    """No alert is open: count the days in a row, raise when they suffice and the calendar does not explain them."""
    if level.baseline is None:
        return NetworkDecision({}, None)
    ratio = _ratio(level, settings)
    dropped = ratio is not None and ratio <= settings.drop_ratio and level.score > settings.likelihood_score
    stopped = _is_silent(level, settings.silence_score, settings) and _began_after(memory.resolved, level)
    if not (dropped or stopped):
        return NetworkDecision(_state(_Memory(resolved=memory.resolved)), ratio)
    if held:
        waiting = _Memory(held_back_days=memory.held_back_days + 1, resolved=memory.resolved)
        return NetworkDecision(_state(waiting), ratio, NetworkCause.HOLIDAY)
    streak = memory.streak + 1
    if stopped or streak >= settings.days_in_a_row:
        return _raise(memory, level, level.baseline, settings)
    return NetworkDecision(_state(changed(memory, streak=streak)), ratio)


def _raise(memory: _Memory, level: NetworkLevel, baseline: float, settings: NetworkDropSettings) -> NetworkDecision:
    # A drop that chance is excluded for asks less of the empty days: they only have to name the cause.
    empty = _began_after(memory.resolved, level) and _is_silent(level, settings.silence_beside_drop_score, settings)
    since = level.day - level.silence.days + 1 if empty else _first_low_day(level, baseline, settings)
    alert = _OpenAlert(
        since=since if memory.resolved is None else max(since, memory.resolved + 1),
        raised=level.day,
        cause=NetworkCause.SOURCE_STOPPED if empty else NetworkCause.PEOPLE_STOPPED,
        baseline=baseline,
        score=level.score,
        stepped=level.day,
        ratio=_share(level.present, baseline),
        held_back_days=memory.held_back_days,
        empty_until=level.day if empty else None,
    )
    step = _step(alert, AlertState.RAISED, level)
    return NetworkDecision(_state(_Memory(alert=alert)), alert.ratio, alert.cause, [step])


def _follow(alert: _OpenAlert, level: NetworkLevel, settings: NetworkDropSettings) -> NetworkDecision:
    """An alert is open: resolve it, or tell what changed."""
    now = _seen(alert, level, settings)
    reason = _resolution(now, level, settings)
    if reason is not None:
        # It ends as what was told of: the cause of a source that is back has turned by then.
        step = _step(changed(now, cause=alert.cause), AlertState.RESOLVED, level, reason)
        return NetworkDecision(_state(_Memory(resolved=level.day)), now.ratio, None, [step])
    moved = abs(now.ratio - alert.ratio) >= settings.update_ratio_change
    rested = level.day - alert.stepped >= WEEK_DAYS
    if now.cause is alert.cause and not (moved and rested):
        kept = changed(alert, empty_until=now.empty_until)
        return NetworkDecision(_state(_Memory(alert=kept)), now.ratio, now.cause)
    told = changed(now, stepped=level.day)
    return NetworkDecision(_state(_Memory(alert=told)), now.ratio, now.cause, [_step(told, AlertState.UPDATED, level)])


def _seen(alert: _OpenAlert, level: NetworkLevel, settings: NetworkDropSettings) -> _OpenAlert:
    """The open alert as of today: its ratio, and its cause, which may have turned."""
    goes_on = alert.empty_until == level.day - 1 and level.silence.days > 0
    empty = goes_on or _is_silent(level, settings.silence_score, settings)
    empty_until = level.day if empty else alert.empty_until
    # For a week after the last empty day the participants of 7 days are low for want of data, whatever people do.
    lacking = empty_until is not None and level.day - empty_until < WEEK_DAYS
    return changed(
        alert,
        cause=NetworkCause.SOURCE_STOPPED if lacking else NetworkCause.PEOPLE_STOPPED,
        ratio=_share(level.present, alert.baseline),
        empty_until=empty_until,
    )


def _resolution(now: _OpenAlert, level: NetworkLevel, settings: NetworkDropSettings) -> Resolution | None:
    """Recovered: a whole week, with nothing lacking from it, lies near the baseline again."""
    if now.cause is NetworkCause.PEOPLE_STOPPED and now.ratio >= settings.recovered_ratio:
        return Resolution.RECOVERED
    if level.day - now.raised >= settings.settled_weeks * WEEK_DAYS:
        return Resolution.SETTLED
    return None


def _ratio(level: NetworkLevel, settings: NetworkDropSettings) -> float | None:
    if level.baseline is None or level.baseline < settings.participants_needed:
        return None
    return _share(level.present, level.baseline)


def _share(present: int, baseline: float) -> float:
    """Present over baseline; a network without participants has lost none."""
    return round(present / baseline, 4) if baseline > 0 else 1.0


def _is_silent(level: NetworkLevel, score: float, settings: NetworkDropSettings) -> bool:
    return level.silence.days >= settings.silence_days and level.silence.score >= score


def _began_after(resolved: int | None, level: NetworkLevel) -> bool:
    """Whether the days without anything began after the last alert ended: a settled stop is not raised again."""
    return resolved is None or level.day - level.silence.days + 1 > resolved


def _first_low_day(level: NetworkLevel, baseline: float, settings: NetworkDropSettings) -> int:
    """First of the days in a row whose 7 days lie below what counts as recovered."""
    fine = level.recent[::-1] >= settings.recovered_ratio * baseline
    run = int(fine.argmax()) if fine.any() else len(fine)
    return level.day - run + 1


def _step(alert: _OpenAlert, state: AlertState, level: NetworkLevel, reason: Resolution | None = None) -> NetworkStep:
    evidence = {
        "cause": alert.cause.value,
        "baseline_weekly_participants": round(alert.baseline, 2),
        "baseline_window_days": REFERENCE_WEEKS * WEEK_DAYS,
        "present_weekly_participants": level.present,
        "present_window_days": WEEK_DAYS,
        "present_to_baseline_ratio": alert.ratio,
        "score_standard_deviations": round(alert.score, 2),
        "days_without_activity": level.silence.days,
        "expected_activities": level.silence.expected_activities,
        "held_back_by_holiday_days": alert.held_back_days,
        "open_weeks": (level.day - alert.raised) // WEEK_DAYS,
    }
    return NetworkStep(state, alert.cause, alert.since, SEVERITIES[alert.cause], reason, evidence)


def _state(memory: _Memory) -> DetectorState:
    state: DetectorState = msgspec.to_builtins(memory)
    return state


def text(step: NetworkStep) -> str:
    """What is known and what to check first, in one or two sentences."""
    seen = step.evidence
    level = (
        f"{seen['present_weekly_participants']} participants a week instead of {seen['baseline_weekly_participants']:g}"
    )
    if step.reason is Resolution.RECOVERED:
        return f"The network is back: {level}."
    if step.reason is Resolution.SETTLED:
        return f"The network has stayed low for {seen['open_weeks']} weeks, which counts as its new level: {level}."
    waited = seen["held_back_by_holiday_days"]
    held = f" The calendar held this back for {waited} days." if waited else ""
    # A single empty day is none of those for which the source is said to have stopped.
    is_back = step.cause is NetworkCause.SOURCE_STOPPED and seen["days_without_activity"] <= 1
    return (BACK if is_back else CHECKS[step.cause]).format(level=level, **seen) + held
