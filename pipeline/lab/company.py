"""A simulated company: two years of activities in its communities, and the truth about which of them declined.

Everything follows from the seed, on every machine. What is made to look real, and how much (docs/demo.md): sizes by a
power law, weekdays, working hours, holidays, August, an outage of the platform, over-dispersed counts, few members who
do much, visitors who come once, bots, counters of views, reactions that carry their post's time.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, datetime, timedelta
from operator import attrgetter
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from pipeline.lab.community_life import CommunityLife
from pipeline.lab.company_plan import plan
from pipeline.lab.dice import Dice
from pipeline.lab.people import hire
from pipeline.lab.seasons import TIME_ZONE, seasons

if TYPE_CHECKING:
    from pipeline.lab.company_plan import CommunityPlan, Decline
    from pipeline.lab.seasons import Seasons
    from pipeline.model import Activity

NETWORK = "acme"
DEFAULT_END = date(2026, 6, 30)
_MONTHS_A_YEAR = 12


@dataclass(frozen=True, slots=True)
class SimulatedCompany:
    """`activities` by time, then id; `truth` in the order of `since`; `start` and `end` are the first and last day."""

    network: str
    activities: list[Activity]
    truth: list[Decline]
    plans: list[CommunityPlan]
    seasons: Seasons
    start: date
    end: date


def simulate(
    seed: int, communities: int = 40, members: int = 1500, months: int = 24, end: date = DEFAULT_END
) -> SimulatedCompany:
    """The same arguments always give the same activities; 40 communities make about 65,000 of them a year.

    With the defaults 8 communities decline on purpose; none does in less than a year. The truth has the falls of young
    communities too, marked as not on purpose.
    """
    start = _months_before(end + timedelta(days=1), months)
    days = (end - start).days + 1
    calendar = seasons(Dice(seed, "seasons"), start, end)
    plans, truth = plan(Dice(seed, "plan"), communities, start, days, calendar)
    people = hire(Dice(seed, "people"), members)
    zone = ZoneInfo(TIME_ZONE)
    dates = [start + timedelta(days=number) for number in range(days)]
    midnights = [datetime(day.year, day.month, day.day, tzinfo=zone).timestamp() for day in dates]
    levels = [calendar.level(day) for day in dates]
    activities: list[Activity] = []
    for community in plans:
        life = CommunityLife(Dice(seed, community.id), NETWORK, community, people)
        for number in range(community.first_day, days):
            life.live(number, midnights[number], levels[number])
        activities += life.activities
    return SimulatedCompany(NETWORK, _numbered(activities, seed), truth, plans, calendar, start, end)


def _months_before(day: date, months: int) -> date:
    """The same day of the month, or its 28th, `months` earlier."""
    month = day.year * _MONTHS_A_YEAR + day.month - 1 - months
    return date(month // _MONTHS_A_YEAR, month % _MONTHS_A_YEAR + 1, min(day.day, 28))


def _numbered(activities: list[Activity], seed: int) -> list[Activity]:
    """In order of time, with ids in that order."""
    activities.sort(key=attrgetter("time", "id"))
    width = len(str(len(activities)))
    return [
        msgspec.structs.replace(activity, id=f"sim-{seed}-{number:0{width}d}")
        for number, activity in enumerate(activities)
    ]
