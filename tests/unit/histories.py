"""A plain history to start from; `dataclasses.replace` it with what a test is about."""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

from pipeline.history import HISTORY_DAYS, WEEK_DAYS, History

if TYPE_CHECKING:
    from numpy.typing import NDArray

BOUNDARY_DAY = 19_500


def plain_history(participants: NDArray[np.int64], boundary_day: int = BOUNDARY_DAY) -> History:
    """Communities with these participants of 7 days (C, HISTORY_DAYS), who are their weekly active members as well.

    Nobody has done anything, all have been there from the first of these days on, and they are the whole network.
    """
    count = len(participants)
    nothing = np.zeros_like(participants)
    return History(
        network="intranet",
        communities=tuple(f"community-{place}" for place in range(count)),
        names=(None,) * count,
        lines=(None,) * count,
        boundary_day=boundary_day,
        first_days=np.full(count, boundary_day - HISTORY_DAYS + 1),
        activities={},
        bot_activities=nothing,
        active_members={},
        weekly_active_members=lambda weeks: participants[:, WEEK_DAYS - 1 :: WEEK_DAYS][:, -weeks:],
        participants_7_days=participants,
        network_participants=participants.sum(axis=0),
        network_activities=participants.sum(axis=0),
    )
