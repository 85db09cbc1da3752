"""Who carries a community, and which regulars were lost or came back. Members are pseudonyms throughout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Container

    from pipeline.history import MemberDay, MemberHistories

CHAMPION_WINDOW_DAYS = 91
CHAMPION_QUIET_DAYS = 21
REGULAR_WINDOW_DAYS = 90
REGULAR_CONTRIBUTIONS = 4


@dataclass(frozen=True, slots=True)
class Champion:
    """One who carries a community: contributions in the window, and their share of all members' contributions."""

    pseudonym: str
    contributions: int
    share: float


def champions(
    members: MemberHistories,
    boundary_day: int,
    window_days: int = CHAMPION_WINDOW_DAYS,
    preferred: Container[str] = (),
) -> list[Champion]:
    """The fewest members who together make half of the contributions (CHAOSS: contributor absence factor).

    Contributions are conversational acts of the last `window_days` days. Most first; of members with equally many the
    `preferred` ones, then by pseudonym. Empty where nobody contributed.
    """
    counted = ((name, contributions(days, boundary_day - window_days, boundary_day)) for name, days in members.items())
    made = {name: count for name, count in counted if count}
    total = sum(made.values())
    found: list[Champion] = []
    covered = 0
    for name, count in sorted(made.items(), key=lambda item: (-item[1], item[0] not in preferred, item[0])):
        if covered * 2 >= total:
            break
        found.append(Champion(name, count, round(count / total, 4)))
        covered += count
    return found


def silent_champions(
    members: MemberHistories, boundary_day: int, quiet_days: int = CHAMPION_QUIET_DAYS
) -> list[Champion]:
    """Champions as of `quiet_days` ago without any contribution since, while at least one other contributed.

    Such a silence explains a decline and confirms it; it does not foretell one (docs/detection.md).
    """
    before = boundary_day - quiet_days
    active = {name for name, days in members.items() if contributions(days, before, boundary_day) > 0}
    if not active:
        return []
    # Of equals those who go on are taken, so that how many are silent does not depend on anybody's pseudonym.
    carried = champions(members, before, preferred=active)
    return [champion for champion in carried if champion.pseudonym not in active]


def lost_participants(members: MemberHistories, boundary_day: int, present_days: int, baseline_days: int) -> int:
    """Members who took part in the `baseline_days` before the last `present_days`, and not since."""
    recent = boundary_day - present_days
    before = recent - baseline_days
    return sum(
        any(active.participated and before < active.day <= recent for active in days)
        and not any(active.participated and recent < active.day <= boundary_day for active in days)
        for days in members.values()
    )


def lost_regulars(members: MemberHistories, boundary_day: int) -> int:
    """Members with 4 or more contributions in days 91 to 180 back, and none in the last 90 days."""
    recent = boundary_day - REGULAR_WINDOW_DAYS
    return sum(
        _was_regular(days, recent) and contributions(days, recent, boundary_day) == 0 for days in members.values()
    )


def reactivated(members: MemberHistories, boundary_day: int) -> int:
    """Lost regulars who came back: lost as of 90 days ago, with a contribution in the last 90 days."""
    recent = boundary_day - REGULAR_WINDOW_DAYS
    quiet = recent - REGULAR_WINDOW_DAYS
    return sum(
        _was_regular(days, quiet)
        and contributions(days, quiet, recent) == 0
        and contributions(days, recent, boundary_day) > 0
        for days in members.values()
    )


def contributions(days: list[MemberDay], after_day: int, up_to_day: int) -> int:
    """Conversational acts of one member on the days after `after_day` up to and with `up_to_day`."""
    made = 0
    # From the newest on, and no generator: a review asks this of every member several times.
    for active in reversed(days):
        if active.day <= after_day:
            break
        if active.day <= up_to_day:
            made += active.conversational
    return made


def _was_regular(days: list[MemberDay], up_to_day: int) -> bool:
    return contributions(days, up_to_day - REGULAR_WINDOW_DAYS, up_to_day) >= REGULAR_CONTRIBUTIONS
