"""How many members of a community stand where on the two axes. Counts only, never who."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.history import WEEK_DAYS
from pipeline.model import Quadrant

if TYPE_CHECKING:
    from pipeline.history import Members


def quadrants(members: Members, boundary_day: int, window_days: int = 28) -> dict[Quadrant, int]:
    """Members active in the last `window_days` days by quadrant; all four are present, also at 0.

    High on an axis means at least one act a week on average: 4 conversational, 4 relational acts in 28 days.
    """
    after, enough = boundary_day - window_days, window_days / WEEK_DAYS
    active = members.active_days(after, boundary_day) > 0
    conversing = members.contributions(after, boundary_day)[active] >= enough
    sociable = members.relations(after, boundary_day)[active] >= enough
    stands = {
        Quadrant.ENGAGED: conversing & sociable,
        Quadrant.CONVERSING: conversing & ~sociable,
        Quadrant.SOCIABLE: sociable & ~conversing,
        Quadrant.PRESENT: ~(conversing | sociable),
    }
    return {quadrant: int(np.count_nonzero(stands[quadrant])) for quadrant in Quadrant}
