"""How many members of a community stand where on the two axes. Counts only, never who."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.model import Quadrant

if TYPE_CHECKING:
    from pipeline.history import MemberHistories

WEEK_DAYS = 7


def quadrants(members: MemberHistories, boundary_day: int, window_days: int = 28) -> dict[Quadrant, int]:
    """Members active in the last `window_days` days by quadrant; all four are present, also at 0.

    High on an axis means at least one act a week on average: 4 conversational, 4 relational acts in 28 days.
    """
    counts = dict.fromkeys(Quadrant, 0)
    enough = window_days / WEEK_DAYS
    for days in members.values():
        inside = [active for active in days if boundary_day - window_days < active.day <= boundary_day]
        if inside:
            conversing = sum(active.conversational for active in inside) >= enough
            sociable = sum(active.relational for active in inside) >= enough
            counts[_quadrant(conversing=conversing, sociable=sociable)] += 1
    return counts


def _quadrant(*, conversing: bool, sociable: bool) -> Quadrant:
    if conversing and sociable:
        return Quadrant.ENGAGED
    if conversing:
        return Quadrant.CONVERSING
    return Quadrant.SOCIABLE if sociable else Quadrant.PRESENT
