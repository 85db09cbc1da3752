"""What is told of a community or of the network: alert steps and notices, with the evidence a reader can check."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.detection.advice import NETWORK_ACTIONS, RUNBOOK, Champions, suggested_action
from pipeline.detection.network_drop import text as network_text
from pipeline.history import WEEK_DAYS
from pipeline.model import AlertKind, AlertState, AlertTransition, Phase, Severity, Stage
from pipeline.publish.alerts import alert_id, boundary_time, day_time
from pipeline.scoring.champion_texts import CHAMPION_ACTIONS
from pipeline.scoring.champion_texts import text as champion_text
from pipeline.scoring.champions import (
    CHAMPION_QUIET_DAYS,
    CHAMPION_WINDOW_DAYS,
    carriers,
    lost_participants,
    lost_regulars,
    named,
    silent_champions,
)
from pipeline.scoring.phase import PHASES, SMOOTHING_WEEKS
from pipeline.scoring.survival import chance_of_success
from pipeline.scoring.troughs import comparable_troughs

if TYPE_CHECKING:
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from pipeline.detection.network_drop import NetworkStep
    from pipeline.detection.verdict import Step
    from pipeline.history import History, Members
    from pipeline.scoring.champion_texts import ChampionNotice
    from pipeline.scoring.phase import Turn
    from pipeline.scoring.profile import Profile

PHASE_RUNBOOK = "community-changes-phase"
CHAMPION_RUNBOOK = "champion-of-a-community"
NETWORK_RUNBOOK = "network-drops"
SMALLEST_PEAK_PARTICIPANTS = 3.0
"""A community that never had three participants a week has nothing to come back to, and nothing to fall from."""
OUTLOOK_MONTHS = (6, 12)
PHASE_NOTICES = {Phase.REBOUND: AlertKind.REBOUND, Phase.DORMANT: AlertKind.DORMANCY}
PHASE_WORDS = {
    AlertKind.REBOUND: (
        "The community is back at three quarters of its peak or more, after a trough.",
        "Find out what brought it back, say thank you to those who did it, and pass it on to communities in a trough.",
    ),
    AlertKind.DORMANCY: (
        "Nobody has taken part for eight weeks.",
        "Ask its champion whether it still has a purpose: restart it with one concrete question, or close it openly.",
    ),
}


@dataclass(frozen=True, slots=True)
class Boundary:
    """What is known at one boundary, beside the steps that are to be told.

    `phases` (C,) are places in `PHASES`. `percentiles` (C,) is each community's place among those of its age, NaN where
    none is known; `profile` is what the network had taught by the last survey.
    """

    history: History
    zone: ZoneInfo
    phases: NDArray[np.int64]
    percentiles: NDArray[np.float64]
    profile: Profile | None


def momentum_step(boundary: Boundary, row: int, step: Step, members: Members) -> AlertTransition:
    """One step of a community's decline, with what its members tell of it as long as it lasts."""
    evidence, action = dict(step.evidence), None
    if step.state is not AlertState.RESOLVED:
        evidence |= _members_evidence(members, boundary.history.boundary_day, step.evidence)
        evidence |= _comparison_evidence(boundary, row, step.evidence["quiet_days"])
        carried = Champions(evidence["champions"], evidence["champions_silent"])
        action, evidence["action_source"] = suggested_action(step.evidence, carried)
    return _transition(
        boundary,
        row,
        AlertKind.MOMENTUM,
        step.since_day,
        state=step.state,
        stage=step.stage,
        severity=step.severity,
        evidence=evidence,
        summary=_momentum_summary(step),
        reason=step.reason.value if step.reason else None,
        action=action,
        runbook=RUNBOOK,
    )


def _members_evidence(members: Members, day: int, evidence: dict[str, Any]) -> dict[str, Any]:
    made = members.contributions(day - CHAMPION_QUIET_DAYS - CHAMPION_WINDOW_DAYS, day - CHAMPION_QUIET_DAYS)
    places = carriers(made)
    first = named(members, made, places[:1])
    present_days = evidence["present_window_days"]
    return {
        "champions": len(places),
        "champions_silent": len(silent_champions(members, day)),
        "champions_first_share_ratio": round(first[0].share, 3) if first else 0.0,
        "lost_participants": lost_participants(members, day, present_days, evidence["baseline_window_days"]),
        "lost_regulars": lost_regulars(members, day),
    }


def phase_notice(boundary: Boundary, turn: Turn) -> AlertTransition | None:
    """The notice of a rebound or of dormancy; None for every other phase, and for communities that never took off."""
    kind = PHASE_NOTICES.get(turn.phase)
    if kind is None or turn.peak < SMALLEST_PEAK_PARTICIPANTS:
        return None
    summary, action = PHASE_WORDS[kind]
    row, history = turn.place, boundary.history
    evidence = {
        "phase_before": turn.before.value,
        "peak_weekly_participants": turn.peak,
        "present_weekly_participants": int(history.participants_7_days[row, -1]),
        "age_days": int(history.boundary_day - history.first_days[row]) + 1,
        **_comparison_evidence(boundary, row, 0),
    }
    return _notice(
        boundary, row, kind, turn.since_day, evidence=evidence, summary=summary, action=action, runbook=PHASE_RUNBOOK
    )


def champion_notice(boundary: Boundary, row: int, notice: ChampionNotice) -> AlertTransition:
    """The notice of somebody who carries a community, or did."""
    return _notice(
        boundary,
        row,
        AlertKind(notice.kind.value),
        notice.since_day,
        evidence=notice.evidence,
        summary=champion_text(notice),
        action=CHAMPION_ACTIONS[notice.kind],
        runbook=CHAMPION_RUNBOOK,
        member=notice.champion,
    )


def network_step(history: History, zone: ZoneInfo, step: NetworkStep) -> AlertTransition:
    """One step of the alert of the network as a whole."""
    return AlertTransition(
        id=alert_id(history.network, None, AlertKind.NETWORK, step.since_day),
        network=history.network,
        community=None,
        alert=AlertKind.NETWORK,
        stage=Stage.CONFIRMED,
        state=step.state,
        at=boundary_time(history.boundary_day, zone),
        since=day_time(step.since_day, zone),
        severity=step.severity,
        evidence=step.evidence,
        summary=network_text(step),
        reason=step.reason.value if step.reason else None,
        action=None if step.state is AlertState.RESOLVED else NETWORK_ACTIONS[step.cause],
        runbook=NETWORK_RUNBOOK,
    )


def _notice(
    boundary: Boundary,
    row: int,
    alert: AlertKind,
    since_day: int,
    *,
    evidence: dict[str, Any],
    summary: str,
    action: str,
    runbook: str,
    member: str | None = None,
) -> AlertTransition:
    return _transition(
        boundary,
        row,
        alert,
        since_day,
        member=member,
        state=AlertState.NOTICE,
        stage=None,
        severity=Severity.INFO,
        evidence=evidence,
        summary=summary,
        action=action,
        runbook=runbook,
    )


def _transition(
    boundary: Boundary, row: int, alert: AlertKind, since_day: int, *, member: str | None = None, **told: Any
) -> AlertTransition:
    history = boundary.history
    community = history.communities[row]
    return AlertTransition(
        id=alert_id(history.network, community, alert, since_day, member),
        network=history.network,
        community=community,
        communityname=history.names[row],
        alert=alert,
        at=boundary_time(history.boundary_day, boundary.zone),
        since=day_time(since_day, boundary.zone),
        phase=PHASES[boundary.phases[row]],
        **told,
    )


def _comparison_evidence(boundary: Boundary, row: int, quiet_days: int) -> dict[str, Any]:
    """Where the community stands among its like, and how the like of it fared; None where too few are known."""
    percentile = float(boundary.percentiles[row])
    found: dict[str, Any] = {"engagement_percentile": None if np.isnan(percentile) else round(percentile, 1)}
    profile, history = boundary.profile, boundary.history
    weekly = history.participants_7_days[row, ::-WEEK_DAYS]
    active = weekly[weekly > 0]
    size = float(np.median(active)) if len(active) else 0.0
    age_days = int(history.boundary_day - history.first_days[row]) + 1
    cell = comparable_troughs(profile.troughs, _peak(weekly)) if profile else None
    found["comparable_troughs"] = cell.count if cell else None
    found["comparable_troughs_back_in_year_ratio"] = cell.back_within_52_weeks if cell else None
    found["comparable_troughs_median_weeks"] = cell.median_weeks if cell else None
    for months in OUTLOOK_MONTHS:
        chance = chance_of_success(profile.survival, size, age_days, quiet_days, months) if profile else None
        found[f"alive_in_{months}_months_probability"] = round(chance.probability, 3) if chance else None
    return found


def _peak(weekly: NDArray[np.int64]) -> float:
    smooth = np.convolve(weekly, np.ones(SMOOTHING_WEEKS), "valid") / SMOOTHING_WEEKS
    return float(smooth.max())


def _momentum_summary(step: Step) -> str:
    evidence = step.evidence
    levels = (
        f"{evidence['present_weekly_participants']:g} participants a week in the last "
        f"{evidence['present_window_days']} days against {evidence['baseline_weekly_participants']:g} "
        f"in the {evidence['baseline_window_days']} days before the decline"
    )
    if step.reason is not None:
        return f"The decline is over ({step.reason.value}): {levels}."
    quiet = evidence["quiet_days"]
    silence = f", and nobody in the last {quiet} days" if quiet > 1 else ""
    return f"The community is losing momentum: {levels}{silence}."
