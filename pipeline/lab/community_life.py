"""One simulated community, day by day: who visits and what they do there."""

from __future__ import annotations

import math
from collections import deque
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any, NamedTuple

from pipeline.history import WEEK_DAYS
from pipeline.lab.dice import Weighted
from pipeline.lab.people import PASSERS_BY, Regulars
from pipeline.lab.seasons import HOURS, WEEKDAYS
from pipeline.model import Activity, Kind, TimePrecision

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.lab.company_plan import CommunityPlan
    from pipeline.lab.dice import Dice
    from pipeline.lab.people import Person

ACTS = {
    Kind.COMMENT: 0.40,
    Kind.POST: 0.18,
    Kind.REACTION: 0.27,
    Kind.MENTION: 0.05,
    Kind.SHARE: 0.03,
    Kind.EDIT: 0.03,
    Kind.FOLLOW: 0.02,
    Kind.INVITE: 0.01,
    Kind.DELETE: 0.01,
}
FURTHER_ACT = 0.15
FURTHER_ACT_OF_CHAMPION = 0.65
"""Chance of one more act in the same visit: few members do much, so that 2 to 5 make half of the contributions."""
PARTICIPATING_VISITS = 0.87
"""Share of visits with an act that shows participation: the rest only follow, invite or react without a time."""
UNTIMED_REACTIONS = 0.35
"""Share of reactions that carry their post's time, as platforms that keep no time of a reaction deliver them."""
SIZE_PER_MEMBER = 0.3
"""Size of the negative binomial of visits a day, per weekly member."""
SMALLEST_SIZE = 0.8
SWING = 0.75
"""Standard deviation of the log of a community's mood, over the root of its weekly members. Moods last for weeks."""
SWING_KEPT = 0.5
"""What is left of a mood a week later."""
REMEMBERED_POSTS = 12
VIEWS_A_VISIT = 6.0
PLATFORM = "simulated"
HOUR_SECONDS = 3600
_KINDS = Weighted(list(ACTS), list(ACTS.values()))
_HOURS = Weighted(list(HOURS), [float(weight) for weight in HOURS.values()])
_WORKING_DAYS = sum(WEEKDAYS)
_ABOUT_A_POST = frozenset({Kind.COMMENT, Kind.REACTION, Kind.SHARE, Kind.EDIT, Kind.DELETE})


class Post(NamedTuple):
    """A post that others may answer."""

    id: str
    time: datetime
    author: str


class CommunityLife:
    """Lives through the days given to `live`, in order; `activities` collects what was done."""

    def __init__(self, dice: Dice, network: str, plan: CommunityPlan, people: Sequence[Person]) -> None:
        self._dice = dice
        self._network = network
        self._plan = plan
        self._everybody = people
        self._regulars = Regulars(
            dice, people, plan.weekly_members / PARTICIPATING_VISITS, champions_go=plan.champions_go
        )
        self._size = max(SMALLEST_SIZE, SIZE_PER_MEMBER * plan.weekly_members)
        self._mood = 0.0
        self._posts: deque[Post] = deque(maxlen=REMEMBERED_POSTS)
        self._known: set[str] = set()
        self.activities: list[Activity] = []

    def live(self, day: int, midnight_seconds: float, season: float) -> None:
        """One day; `season` is its expected level over that of an average working day."""
        share = self._plan.share(day)
        if day == self._plan.first_day and day:
            self._do(Kind.COMMUNITY_CREATED, midnight_seconds + 8 * HOUR_SECONDS, self._regulars.people[0])
        if day % WEEK_DAYS == 0:
            fresh = SWING * math.sqrt((1 - SWING_KEPT**2) / self._plan.weekly_members)
            self._mood = SWING_KEPT * self._mood + fresh * self._dice.normal()
        expected = self._regulars.visits(share) / _WORKING_DAYS * season * math.exp(self._mood)
        visits = self._dice.negative_binomial(expected, self._size)
        for moment in sorted(midnight_seconds + self._moment() for _ in range(visits)):
            self._visit(moment, share)
        if self._plan.counts_views and visits:
            views = self._dice.poisson(visits * VIEWS_A_VISIT)
            self._add(Kind.VIEW, midnight_seconds + 23 * HOUR_SECONDS, count=max(1, views))
        if self._plan.has_bot:
            self._add(Kind.POST, midnight_seconds + 6 * HOUR_SECONDS, actor="digest-bot", bot=True)

    def _moment(self) -> float:
        return round(HOUR_SECONDS * (_HOURS.draw(self._dice) + self._dice.uniform()), 1)

    def _visit(self, seconds: float, share: float) -> None:
        passing = self._dice.chance(PASSERS_BY)
        person = self._dice.one_of(self._everybody) if passing else self._regulars.present(share).draw(self._dice)
        if person.id not in self._known:
            self._known.add(person.id)
            self._do(Kind.JOIN, seconds - 1, person)
        self._act(seconds, person)
        further = FURTHER_ACT_OF_CHAMPION if person.id in self._regulars.champions else FURTHER_ACT
        while self._dice.chance(further):
            seconds += round(self._dice.between(20, 400), 1)
            self._act(seconds, person)

    def _act(self, seconds: float, person: Person) -> None:
        kind = _KINDS.draw(self._dice)
        if kind in _ABOUT_A_POST and not self._posts:
            kind = Kind.POST
        if kind is Kind.POST:
            name = f"{self._plan.id}-p{len(self.activities)}"
            self._posts.append(Post(name, _time(seconds), person.id))
            self._do(kind, seconds, person, object=name)
        elif kind is Kind.MENTION:
            self._do(kind, seconds, person, mentions=[self._dice.one_of(self._regulars.people).id])
        elif kind in _ABOUT_A_POST:
            self._answer(kind, seconds, person)
        else:
            self._do(kind, seconds, person)

    def _answer(self, kind: Kind, seconds: float, person: Person) -> None:
        post = self._dice.one_of(self._posts)
        if kind is Kind.COMMENT:
            name = f"{self._plan.id}-c{len(self.activities)}"
            self._do(kind, seconds, person, object=name, inreplyto=post.id, author=post.author)
        elif kind is Kind.REACTION and self._dice.chance(UNTIMED_REACTIONS):
            untimed = {"timeprecision": TimePrecision.OF_OBJECT, "object": post.id, "author": post.author}
            self._do(kind, post.time.timestamp(), person, **untimed)
        else:
            self._do(kind, seconds, person, object=post.id, author=post.author)

    def _do(self, kind: Kind, seconds: float, person: Person, **more: Any) -> None:
        self._add(kind, seconds, actor=person.id, department=person.department, **more)

    def _add(self, kind: Kind, seconds: float, **more: Any) -> None:
        self.activities.append(
            Activity(
                id=f"{self._plan.id}-{len(self.activities)}",
                time=_time(seconds),
                kind=kind,
                network=self._network,
                community=self._plan.id,
                communityname=self._plan.name,
                line=self._plan.line,
                platform=PLATFORM,
                **more,
            )
        )


def _time(seconds: float) -> datetime:
    return datetime.fromtimestamp(seconds, timezone.utc)
