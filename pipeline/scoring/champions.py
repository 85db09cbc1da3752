"""Who carries a community, and which regulars were lost or came back. Members are pseudonyms throughout."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.history import Members

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
    members: Members,
    boundary_day: int,
    window_days: int = CHAMPION_WINDOW_DAYS,
    preferred: NDArray[np.bool_] | None = None,
) -> list[Champion]:
    """The fewest members who together make half of the contributions (CHAOSS: contributor absence factor).

    Contributions are conversational acts of the last `window_days` days. Most first; of members with equally many the
    `preferred` (M,) ones, then by pseudonym. Empty where nobody contributed.
    """
    made = members.contributions(boundary_day - window_days, boundary_day)
    places = carriers(made, preferred)
    return named(members, made, places)


def carriers(made: NDArray[np.int64], preferred: NDArray[np.bool_] | None = None) -> NDArray[np.int64]:
    """The places of the champions among members who made so many contributions each, (M,) -> (K,)."""
    # Stable, so that equals stay in the order of their pseudonyms.
    rank = -2 * made if preferred is None else -2 * made - preferred
    order = np.argsort(rank, kind="stable")
    counts = made[order]
    covered_before = np.cumsum(counts) - counts
    return order[: np.count_nonzero((covered_before * 2 < made.sum()) & (counts > 0))]


def named(members: Members, made: NDArray[np.int64], places: NDArray[np.int64]) -> list[Champion]:
    """Some of the champions by their places."""
    total = int(made.sum())
    return [
        Champion(members.pseudonyms[place], count, round(count / total, 4))
        for place, count in zip(places.tolist(), made[places].tolist(), strict=True)
    ]


def silent_champions(members: Members, boundary_day: int, quiet_days: int = CHAMPION_QUIET_DAYS) -> list[Champion]:
    """Champions as of `quiet_days` ago without any contribution since, while at least one other contributed.

    Such a silence explains a decline and confirms it; it does not foretell one (docs/detection.md).
    """
    before = boundary_day - quiet_days
    active = members.contributions(before, boundary_day) > 0
    if not active.any():
        return []
    # Of equals those who go on are taken, so that how many are silent does not depend on anybody's pseudonym.
    carried = champions(members, before, preferred=active)
    going_on = {members.pseudonyms[place] for place in np.flatnonzero(active).tolist()}
    return [champion for champion in carried if champion.pseudonym not in going_on]


def lost_participants(members: Members, boundary_day: int, present_days: int, baseline_days: int) -> int:
    """Members who took part in the `baseline_days` before the last `present_days`, and not since."""
    recent = boundary_day - present_days
    before, since = (
        members.days_of_participation(recent - baseline_days, recent),
        members.days_of_participation(recent, boundary_day),
    )
    return int(np.count_nonzero((before > 0) & (since == 0)))


def lost_regulars(members: Members, boundary_day: int) -> int:
    """Members with 4 or more contributions in days 91 to 180 back, and none in the last 90 days."""
    return int(np.count_nonzero(_lost(members, boundary_day)))


def reactivated(members: Members, boundary_day: int) -> int:
    """Lost regulars who came back: lost as of 90 days ago, with a contribution in the last 90 days."""
    recent = boundary_day - REGULAR_WINDOW_DAYS
    back = members.contributions(recent, boundary_day) > 0
    return int(np.count_nonzero(_lost(members, recent) & back))


def _lost(members: Members, boundary_day: int) -> NDArray[np.bool_]:
    recent = boundary_day - REGULAR_WINDOW_DAYS
    was_regular = members.contributions(recent - REGULAR_WINDOW_DAYS, recent) >= REGULAR_CONTRIBUTIONS
    lost: NDArray[np.bool_] = was_regular & (members.contributions(recent, boundary_day) == 0)
    return lost
