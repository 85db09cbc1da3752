"""What is to happen in a simulated company: its communities, how the level of each runs, which decline on purpose."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from datetime import date, timedelta
from itertools import pairwise
from operator import attrgetter
from typing import TYPE_CHECKING

from pipeline.lab.community_names import name_of

if TYPE_CHECKING:
    from pipeline.lab.dice import Dice
    from pipeline.lab.seasons import Seasons

LINES = ("practice", "process", "productivity")
LARGEST_WEEKLY_MEMBERS = 55.0
SIZE_EXPONENT = 0.55
"""Weekly members of the community of rank r are proportional to r to the power of minus this."""
LARGE = 11
"""The communities that may decline on purpose, the largest apart."""
SMALLEST_DECLINE = 19.5
"""Weekly members of a community that declines on purpose: fewer are hard to tell from chance."""
YOUNG_SHARE = 0.3
BOT_SHARE = 0.1
FIRST_DECLINE_DAY = 274
"""Nine months: the detector has seen what is usual."""
LAST_DECLINE_DAY = 668
LAST_DECLINE_DAYS = 60
"""From the last decline on purpose to the end: time to find it."""
REBOUND_AFTER_DAYS = 182
CHAMPION_LEFT = "its champions left"
DID_NOT_TAKE = "it never took off"
FIRST_CURVE = "enthusiasm of the beginning wore off"
DECLINES = (
    (0.25, 0.35, CHAMPION_LEFT),
    (0.40, 0.50, "a reorganisation split its members"),
    (0.0, 0.0, "the project ended"),
    (0.40, 0.50, CHAMPION_LEFT),
    (0.25, 0.35, "its weekly meeting was dropped"),
    (0.0, 0.0, "the talk moved to another tool"),
    (0.40, 0.50, "its newsletter stopped"),
    (0.25, 0.35, "another community took over its theme"),
)
"""(lowest share, highest share, why) of each decline on purpose."""


@dataclass(frozen=True, slots=True)
class Decline:
    """One community's decline: from `since` on its level falls to `to_share` of what it was.

    `on_purpose` ones are what a detector is measured on; the others are what young communities go through anyway.
    """

    community: str
    name: str
    since: date
    to_share: float
    why: str
    rebounds_on: date | None = None
    on_purpose: bool = True


@dataclass(slots=True)
class CommunityPlan:
    """One community: `curve` holds (day number from the start, share of `weekly_members`), straight lines between."""

    id: str
    name: str
    line: str
    weekly_members: float
    first_day: int = 0
    curve: list[tuple[int, float]] = field(default_factory=lambda: [(0, 1.0)])
    champions_go: bool = False
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

    def decline(self, day: int, to_share: float, ramp_days: int, rebound_day: int | None) -> None:
        """Let it decline from `day` on, within `ramp_days`."""
        self.curve = [(day, 1.0), (day + ramp_days, to_share)]
        if rebound_day is not None:
            self.curve += [(rebound_day, to_share), (rebound_day + 42, 1.0)]


def plan(
    dice: Dice, communities: int, start: date, days: int, calendar: Seasons
) -> tuple[list[CommunityPlan], list[Decline]]:
    """The communities of a company, the largest first, and their declines in the order of `since`."""
    plans = [_community(dice, rank) for rank in range(communities)]
    young = dice.shuffled(plans[LARGE:])[: int(communities * YOUNG_SHARE)]
    truth = []
    for number, community in enumerate(young):
        first_day = int(days * (0.1 + 0.65 * number / max(1, len(young))))
        truth.append(_begin_young(dice, community, start, first_day, fades=number % 2 == 0))
    # The largest carries the network's level, which is divided out: it holds.
    truth += _decline_on_purpose(dice, dice.shuffled(plans[1:LARGE]), start, days, calendar)
    for community in dice.shuffled(plans)[: max(1, round(communities * BOT_SHARE))]:
        community.has_bot = True
    return plans, sorted(truth, key=attrgetter("since", "community"))


def _community(dice: Dice, rank: int) -> CommunityPlan:
    identifier, name = name_of(rank)
    level = LARGEST_WEEKLY_MEMBERS / (rank + 1) ** SIZE_EXPONENT * dice.between(0.9, 1.1)
    return CommunityPlan(identifier, name, dice.one_of(LINES), level, counts_views=rank % 3 == 0)


def _begin_young(dice: Dice, community: CommunityPlan, start: date, first_day: int, *, fades: bool) -> Decline:
    """Curiosity, peak, trough; then either nothing, or a rebound after three months or so."""
    peak_day = first_day + 28 + dice.below(28)
    falls_day = peak_day + 21 + dice.below(35)
    low = 0.0 if fades else round(dice.between(0.35, 0.6), 2)
    trough_day = falls_day + 28 + dice.below(28)
    community.first_day = first_day
    community.curve = [(first_day, 0.3), (peak_day, 1.0), (falls_day, 1.0), (trough_day, low)]
    since = start + timedelta(days=falls_day)
    why = DID_NOT_TAKE if fades else FIRST_CURVE
    fall = Decline(community.id, community.name, since, low, why, on_purpose=False)
    if fades or dice.chance(0.4):
        return fall
    rebound_day = trough_day + 60 + dice.below(60)
    community.curve += [(rebound_day, low), (rebound_day + 42, dice.between(0.8, 1.0))]
    return replace(fall, rebounds_on=start + timedelta(days=rebound_day))


def _decline_on_purpose(
    dice: Dice, chosen: list[CommunityPlan], start: date, days: int, calendar: Seasons
) -> list[Decline]:
    """One decline in each of equal parts of the time in which they may begin; none if that time is too short."""
    truth = []
    last_day = min(LAST_DECLINE_DAY, days - LAST_DECLINE_DAYS)
    onsets = [day for day in range(FIRST_DECLINE_DAY, last_day) if calendar.may_decline(start + timedelta(days=day))]
    count = min(len(DECLINES), len(chosen), len(onsets))
    for number, community in enumerate(chosen[:count]):
        first, past = (len(onsets) * part // count for part in (number, number + 1))
        day = onsets[first + dice.below(past - first)]
        lowest, highest, why = DECLINES[number]
        to_share = round(dice.between(lowest, highest), 2)
        rebounds = day + REBOUND_AFTER_DAYS < days - LAST_DECLINE_DAYS and why != CHAMPION_LEFT and to_share > 0
        rebound_day = day + REBOUND_AFTER_DAYS if rebounds else None
        community.weekly_members = max(community.weekly_members, SMALLEST_DECLINE)
        community.champions_go = why == CHAMPION_LEFT
        community.decline(day, to_share, 2 + dice.below(13), rebound_day)
        rebounds_on = None if rebound_day is None else start + timedelta(days=rebound_day)
        since = start + timedelta(days=day)
        truth.append(Decline(community.id, community.name, since, to_share, why, rebounds_on))
    return truth
