"""What a window counts: one column a number, numbered for good because stored rings name their columns by it.

Distinct members are kept up to date as two counts a day and window of w days:

    arrivals[d]   members active on d whose active day before it is more than w days back (or there is none)
    stays[d]      members active on d whose next active day is more than w days on (or there is none yet)

so that the members active in the w days up to b are, S being running sums over days and H any day at or after the last
activity:  (S_arrivals[b] - S_stays[b - w]) - (S_arrivals[H] - S_stays[H]).  A new active day touches two days of a
ring whatever w is; late days are right too; and judging never reads the members.
"""

from __future__ import annotations

from pipeline.history import WINDOW_DAYS
from pipeline.model import CONVERSATIONAL, PARTICIPATION, RELATIONAL, Kind

KINDS: tuple[Kind, ...] = tuple(Kind)
KIND_COLUMN: dict[Kind, int] = {kind: number for number, kind in enumerate(KINDS)}
BOT = 14
"""Activities of bots, of any kind: marked, and in no human measure."""
ACTIVE_ARRIVALS: dict[int, int] = {days: 16 + 2 * place for place, days in enumerate(WINDOW_DAYS)}
ACTIVE_STAYS: dict[int, int] = {days: 17 + 2 * place for place, days in enumerate(WINDOW_DAYS)}
PARTICIPANT_WINDOW_DAYS = 7
PARTICIPANT_ARRIVALS, PARTICIPANT_STAYS = 24, 25
NETWORK_ACTIVITIES = 29
"""Of the ring of a whole network alone: activities of all kinds, bots and views included.

Rings written before it was counted read 0 for their older days.
"""

RING_DAYS = 400
"""Days a ring remembers: the year window as of each of the last 35 boundaries, the week window as of 393."""
HOURS_REMEMBERED = 96
"""Hours of a community: the day window as of each of the last 72 hours."""
REMEMBERED_DAYS = RING_DAYS - 36
"""An activity older than this against its partition's clock is too old to be counted."""

_ACT_BITS = 18
_MOST_ACTS = (1 << _ACT_BITS) - 1
_CONVERSATIONAL_ONE, _RELATIONAL_ONE, _PARTICIPATED = 1, 1 << _ACT_BITS, 1 << 2 * _ACT_BITS


def member_increment(kind: Kind, *, of_object: bool) -> int:
    """What one activity adds to a member's day, packed: conversational acts, relational acts, participation.

    They stand in bits 0-17, 18-35 and above.
    A view makes nobody active and adds nothing at all: the caller leaves it out.
    """
    increment = _CONVERSATIONAL_ONE if kind in CONVERSATIONAL else 0
    if kind in RELATIONAL:
        increment += _RELATIONAL_ONE
    if kind in PARTICIPATION and not of_object:
        increment += _PARTICIPATED
    return increment


def unpack_increment(packed: int) -> tuple[int, int, bool]:
    """-> (conversational acts, relational acts, participated)."""
    return packed & _MOST_ACTS, (packed >> _ACT_BITS) & _MOST_ACTS, packed >= _PARTICIPATED
