"""What the windows hand to scoring and detection: the past of many communities as arrays, as of one boundary.

Days are whole days in the network's time zone, numbered from 1970-01-01. A boundary is the midnight that ends
`boundary_day`; nothing dated later leaks in, whatever is stored already.
"""

from __future__ import annotations

from bisect import bisect_left
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from numpy.typing import NDArray

    from pipeline.model import Kind

HISTORY_DAYS = 364
"""Days of series a boundary is judged on: 52 whole weeks."""
WEEK_DAYS = 7
WINDOW_DAYS = (7, 28, 91, 365)
"""Rolling windows in days for which distinct active members are kept, exact."""
WINDOW_HOURS = (1, 24)
"""Rolling windows in hours; they end on whole hours of UTC."""


@dataclass(frozen=True, slots=True)
class History:
    """C communities of one network over T = `HISTORY_DAYS` days; the last column is `boundary_day`.

    `activities[kind]`      (C, T) human activities a day
    `bot_activities`        (C, T) activities of bots a day; they count in nothing else
                            Integers of any type, both: sum them as `np.int64`
    `active_members[w]`     (C,) distinct active members in the w days up to the boundary, w in `WINDOW_DAYS`
    `weekly_active_members` weeks -> (C, weeks) the same for w = 7, at the boundary and each week before it, oldest
                            first; T / 7 at most; made when asked for, since most boundaries of a replay do without it
    `participants_7_days`   (C, T) distinct members with at least one dated act of `model.PARTICIPATION` in 7 days
    `network_participants`  (T,) sum of `participants_7_days` over all communities of the network, all shards
    `network_activities`    (T,) all activities of the network a day, of all kinds, all shards, bots included; 0 on days
                            that were counted before this was kept
    `first_days`            (C,) day of the community's first activity
    `lines`                 (C,) what a community is for, where its platform says so; the last one said
    """

    network: str
    communities: tuple[str, ...]
    names: tuple[str | None, ...]
    lines: tuple[str | None, ...]
    boundary_day: int
    first_days: NDArray[np.int64]
    activities: Mapping[Kind, NDArray[np.integer[Any]]]
    bot_activities: NDArray[np.integer[Any]]
    active_members: dict[int, NDArray[np.int64]]
    weekly_active_members: Callable[[int], NDArray[np.int64]]
    participants_7_days: NDArray[np.int64]
    network_participants: NDArray[np.int64]
    network_activities: NDArray[np.int64]


class MemberDay(msgspec.Struct, frozen=True, gc=False):
    """What one member did in one community on one day."""

    day: int
    conversational: int
    relational: int
    participated: bool


MemberHistories = dict[str, list[MemberDay]]
"""pseudonym -> active days, oldest first, of one community as of a boundary."""


@dataclass(frozen=True, slots=True)
class Members:
    """The M members of one community over N active days, the days of each side by side, newest first.

    `pseudonyms`  (M,) in order
    `starts`      (M + 1,) where the days of each begin; nobody is without any
    `days`, `conversational`, `relational`, `participated`  (N,) see `MemberDay`
    """

    pseudonyms: list[str]
    starts: NDArray[np.int64]
    days: NDArray[np.int64]
    conversational: NDArray[np.int64]
    relational: NDArray[np.int64]
    participated: NDArray[np.bool_]

    @classmethod
    def of(cls, histories: MemberHistories) -> Members:
        """The same of members day by day."""
        known = {name: histories[name] for name in sorted(histories) if histories[name]}
        found = [msgspec.structs.astuple(one) for days in known.values() for one in reversed(days)]
        day, conversational, relational, participated = np.array(found, dtype=np.int64).reshape(-1, 4).T
        starts = np.cumsum([0, *map(len, known.values())], dtype=np.int64)
        return cls(list(known), starts, day, conversational, relational, participated > 0)

    def histories(self) -> MemberHistories:
        """Day by day."""
        columns = (self.days, self.conversational, self.relational, self.participated)
        days = [MemberDay(*row) for row in zip(*(column.tolist() for column in columns), strict=True)]
        bounds = zip(self.starts[:-1].tolist(), self.starts[1:].tolist(), strict=True)
        return {name: days[start:stop][::-1] for name, (start, stop) in zip(self.pseudonyms, bounds, strict=True)}

    def place(self, pseudonym: str) -> int | None:
        """Where a member stands, None for one who is not among them."""
        place = bisect_left(self.pseudonyms, pseudonym)
        return place if place < len(self.pseudonyms) and self.pseudonyms[place] == pseudonym else None

    def first_day(self, place: int) -> int:
        """The oldest active day of a member."""
        return int(self.days[self.starts[place + 1] - 1])

    def contributions(self, after_day: int, up_to_day: int) -> NDArray[np.int64]:
        """Conversational acts of each on the days after `after_day` up to and with `up_to_day`, (M,)."""
        return self._sum(self.conversational * self._inside(after_day, up_to_day))

    def relations(self, after_day: int, up_to_day: int) -> NDArray[np.int64]:
        """Relational acts of each within these days, (M,)."""
        return self._sum(self.relational * self._inside(after_day, up_to_day))

    def active_days(self, after_day: int, up_to_day: int) -> NDArray[np.int64]:
        """On how many of these days each was active, (M,)."""
        return self._sum(self._inside(after_day, up_to_day))

    def days_of_participation(self, after_day: int, up_to_day: int) -> NDArray[np.int64]:
        """On how many of these days each took part, (M,)."""
        return self._sum(self.participated & self._inside(after_day, up_to_day))

    def _inside(self, after_day: int, up_to_day: int) -> NDArray[np.bool_]:
        inside: NDArray[np.bool_] = (self.days > after_day) & (self.days <= up_to_day)
        return inside

    def _sum(self, of_days: NDArray[np.int64] | NDArray[np.bool_]) -> NDArray[np.int64]:
        return np.add.reduceat(of_days, self.starts[:-1], dtype=np.int64)


DetectorState = dict[str, Any]
"""What a detector remembers of one community between two boundaries: JSON values only, empty at first."""


class Reading(msgspec.Struct, frozen=True, omit_defaults=True):
    """What the newest boundary said of one community; what `serve`, `status` and the demo show."""

    community: str
    boundary_day: int
    verdict: str
    phase: str
    momentum_ratio: float | None
    engagement_index: float
    conversational_index: float
    relational_index: float
    age_days: int
    active_members: dict[str, int]
    """window (7d, 28d, 91d, 365d) -> distinct active members."""
    weekly_active_members: list[int]
    """of the last 26 weeks, oldest first."""
    weekly_participants: int
    """in the 7 days up to the boundary: the level that momentum is judged on."""
    activities_28_days: int = 0
    """human activities of all kinds in the 28 days up to the boundary."""
    baseline_weekly_participants: float | None = None
    engagement_percentile: float | None = None
    """place of the engagement index among communities of the same age, 0 to 100; None where too few are comparable."""
    name: str | None = None
    line: str | None = None
    alert_stage: str | None = None
    """watch or confirmed while an alert is open."""
    early_recoveries: int = 0
    """alerts of the last year that were resolved as recovered within six weeks."""
