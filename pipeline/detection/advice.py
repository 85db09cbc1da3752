"""What to do about an alert: a small catalogue of actions, chosen by the evidence."""

from __future__ import annotations

from dataclasses import dataclass
from enum import Enum
from typing import Any

from pipeline.detection.network_drop import NetworkCause
from pipeline.history import WEEK_DAYS

RUNBOOK = "community-loses-momentum"
"""Name of the runbook page of every momentum alert."""
STEADY_PER_MEMBER = 0.8
FALLEN_PER_MEMBER = 0.6


class Situation(str, Enum):
    """What the evidence of a decline looks like; the first that fits is taken."""

    SILENT = "silent"
    CHAMPION_GONE = "champion_gone"
    FEWER_MEMBERS = "fewer_members"
    FEWER_ACTS = "fewer_acts"
    SLOW = "slow"


ACTIONS = {
    Situation.SILENT: "Nobody takes part any more: ask the champion whether the community still has a purpose, then "
    "restart it with one concrete question, or close it openly and say where its members can go.",
    Situation.CHAMPION_GONE: "Who carried the community has fallen silent: get in touch, and if they will not return, "
    "find and encourage a second champion among the members who still contribute.",
    Situation.FEWER_MEMBERS: "Fewer members take part, those who stay are as active as before: invite lost regulars "
    "back in person, and ask them what they no longer find here.",
    Situation.FEWER_ACTS: "Members still come but do much less: give them occasions, such as a weekly question, a "
    "demonstration, or a quick answer to every post left open.",
    Situation.SLOW: "The community has been fading for weeks: agree with its champion on one purpose and one recurring "
    "rendez-vous for the next month, and look at its level again then.",
}

SOURCES = {
    Situation.SILENT: "Lecko, benchmark of 2014: half of all spaces fall silent; people who accompany them change that",
    Situation.CHAMPION_GONE: "Lecko, benchmark of 2014, on champions; CHAOSS, contributor absence factor",
    Situation.FEWER_MEMBERS: "SWOOP, community health: the year's members who are active this month",
    Situation.FEWER_ACTS: "Discourse, community practice: every topic answered within seven days",
    Situation.SLOW: "Lecko, benchmark of 2014: a trough of disinterest, and a rebound or none",
}
"""What each action rests on; alerts carry it beside the action."""

NETWORK_ACTIONS = {
    NetworkCause.SOURCE_STOPPED: "Check the importer or connector, its credentials and the activity topic.",
    NetworkCause.PEOPLE_STOPPED: "Look for a change of the platform, an announcement, or a holiday the calendar lacks.",
}


@dataclass(frozen=True, slots=True)
class Champions:
    """What is known of those who carry the community: champions as of 21 days ago, and how many are silent since."""

    count: int
    silent: int


def situation(evidence: dict[str, Any], champions: Champions | None = None) -> Situation:
    """What the evidence of a step looks like (see `evidence.evidence_of`)."""
    if evidence["quiet_days"] >= WEEK_DAYS:
        return Situation.SILENT
    if champions is not None and champions.silent > 0:
        return Situation.CHAMPION_GONE
    participants = evidence["present_to_baseline_ratio"]
    activities = evidence["activities_to_baseline_ratio"]
    if activities is None or participants <= 0:
        return Situation.SLOW
    per_member = activities / participants
    if per_member >= STEADY_PER_MEMBER:
        return Situation.FEWER_MEMBERS
    return Situation.FEWER_ACTS if per_member <= FALLEN_PER_MEMBER else Situation.SLOW


def suggested_action(evidence: dict[str, Any], champions: Champions | None = None) -> tuple[str, str]:
    """The sentence an alert carries, what to do first, and its source."""
    seen = situation(evidence, champions)
    return ACTIONS[seen], SOURCES[seen]
