"""What is to happen in a simulated company: its communities, how each one's level runs, and which decline on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import date, timedelta
from itertools import pairwise
from typing import TYPE_CHECKING

from pipeline.lab.community_names import name_of

if TYPE_CHECKING:
    from pipeline.lab.dice import Dice
    from pipeline.lab.seasons import Seasons

LINES = ("practice", "process", "productivity")
LARGEST_WEEKLY_MEMBERS = 62.0
SIZE_EXPONENT = 0.62
"""Weekly members of the community of rank r are proportional to r to the power of minus this."""
SMALLEST_DECLINE = 9.0
"""Weekly members below which nothing declines on purpose: too few to be told from chance."""
DECLINES = 8
YOUNG_SHARE = 0.3
BOT_SHARE = 0.1
FIRST_DECLINE_DAY = 120
SILENT_EVERY = 4
REBOUND_EVERY = 3
LOWEST_SHARE, HIGHEST_SHARE = 0.25, 0.38
AFTERMATH_WEEKS = 5
_WEEK_DAYS = 7
LAST_DECLINE_DAYS = 70
"""From the last decline on purpose to the end: time to find it."""
WHYS = (
    "its champion left",
    "the project ended",
    "a reorganisation split its members",
    "the talk moved to another tool",
)
CHAMPION_LEFT = WHYS[0]
DID_NOT_TAKE = "it never took off"
FIRST_CURVE = "enthusiasm of the beginning wore off"


@dataclass(frozen=True, slots=True)
class Decline:
    """One community's decline: from `since` on its level falls to `to_share` of what it was.

    `on_purpose` ones are what a detector is measured on; the others are what young communities go through anyway.
    """

    community: str
    since: date
    to_share: float
    why: str
    rebounds_on: date | None = None
    on_purpose: bool = True
    weekly_members: float = 0.0
    """Expected active members a week before it."""


@dataclass(slots=True)
class CommunityPlan:
    """One community: `curve` holds (day number from the start, share of `weekly_members`), straight lines between."""

    id: str
    name: str
    line: str
    weekly_members: float
    first_day: int = 0
    curve: list[tuple[int, float]] = field(default_factory=lambda: [(0, 1.0)])
    declines: list[Decline] = field(default_factory=list)
    has_bot: bool = False
    counts_views: bool = False

    def share(self, day: int) -> float:
        """Expected level of a day over `weekly_members`, the season apart."""
        if day < self.first_day:
            return 0.0
        if day <= self.curve[0][0]:
            return self.curve[0][1]
        for (start, before), (end, after) in pairwise(self.curve):
            if start <= day < end:
                return before + (after - before) * (day - start) / (end - start)
        return self.curve[-1][1]

    def decline(
        self, start: date, day: int, to_share: float, ramp_days: int, why: str, rebound_day: int | None
    ) -> None:
        """Let it decline on purpose from `day` on."""
        self.curve = [(day, 1.0), (day + ramp_days, to_share)]
        if rebound_day is not None:
            self.curve += [(rebound_day, to_share), (rebound_day + 28, 1.0)]
        rebounds_on = None if rebound_day is None else start + timedelta(days=rebound_day)
        since = start + timedelta(days=day)
        self.declines.append(Decline(self.id, since, to_share, why, rebounds_on, weekly_members=self.weekly_members))


def plan(dice: Dice, communities: int, start: date, days: int, calendar: Seasons) -> list[CommunityPlan]:
    """The communities of a company, the largest first; at most `DECLINES` of them decline on purpose."""
    plans = [_community(dice, rank) for rank in range(communities)]
    young = dice.shuffled(plans[len(plans) // 8 :])[: int(communities * YOUNG_SHARE)]
    for number, community in enumerate(young):
        first_day = int(days * (0.1 + 0.65 * number / max(1, len(young))))
        _begin_young(dice, community, start, first_day, fades=number % 2 == 0)
    settled = [each for each in plans if not each.first_day]
    found_easily = [each for each in settled if each.weekly_members >= SMALLEST_DECLINE]
    _decline_on_purpose(dice, found_easily, start, days, calendar)
    for community in dice.shuffled(plans)[: max(1, round(communities * BOT_SHARE))]:
        community.has_bot = True
    return plans


def _community(dice: Dice, rank: int) -> CommunityPlan:
    identifier, name = name_of(rank)
    level = LARGEST_WEEKLY_MEMBERS / (rank + 1) ** SIZE_EXPONENT * dice.between(0.9, 1.1)
    return CommunityPlan(identifier, name, dice.one_of(LINES), level, counts_views=rank % 3 == 0)


def _begin_young(dice: Dice, community: CommunityPlan, start: date, first_day: int, *, fades: bool) -> None:
    """Curiosity, peak, trough; then either nothing, or a rebound after three months or so."""
    peak_day = first_day + 28 + dice.below(28)
    falls_day = peak_day + 21 + dice.below(35)
    low = 0.0 if fades else dice.between(0.35, 0.6)
    trough_day = falls_day + 28 + dice.below(28)
    community.first_day = first_day
    community.curve = [(first_day, 0.3), (peak_day, 1.0), (falls_day, 1.0), (trough_day, low)]
    rebound_day = None
    if not fades and dice.chance(0.6):
        rebound_day = trough_day + 60 + dice.below(60)
        community.curve += [(rebound_day, low), (rebound_day + 42, dice.between(0.8, 1.0))]
    community.declines.append(
        Decline(
            community.id,
            start + timedelta(days=falls_day),
            round(low, 3),
            DID_NOT_TAKE if fades else FIRST_CURVE,
            None if rebound_day is None else start + timedelta(days=rebound_day),
            on_purpose=False,
            weekly_members=community.weekly_members,
        )
    )


def _decline_on_purpose(dice: Dice, candidates: list[CommunityPlan], start: date, days: int, calendar: Seasons) -> None:
    # The largest carries the network's level, which is divided out: it holds.
    chosen = dice.shuffled(candidates[1:])[:DECLINES]
    last = days - LAST_DECLINE_DAYS
    for number, community in enumerate(chosen):
        share_of_time = number / max(1, len(chosen) - 1)
        day = int(FIRST_DECLINE_DAY + (last - FIRST_DECLINE_DAY) * share_of_time)
        # Nobody could tell a decline from a holiday that begins with it.
        while day > FIRST_DECLINE_DAY and not calendar.is_ordinary(start + timedelta(days=day), AFTERMATH_WEEKS):
            day -= _WEEK_DAYS
        to_share = 0.0 if number % SILENT_EVERY == 1 else round(dice.between(LOWEST_SHARE, HIGHEST_SHARE), 2)
        rebound_day = day + 90 + dice.below(45) if number % REBOUND_EVERY == REBOUND_EVERY - 1 else None
        why = CHAMPION_LEFT if number % 2 == 0 else dice.one_of(WHYS[1:])
        community.decline(start, day, to_share, 2 + dice.below(19), why, rebound_day)
