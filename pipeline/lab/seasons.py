"""How much of its usual life a French company's network has on a day: weekday, holidays, summer, Christmas, outage."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta
from typing import TYPE_CHECKING

import holidays

from pipeline.history import WEEK_DAYS

if TYPE_CHECKING:
    from pipeline.lab.dice import Dice

COUNTRY = "FR"
TIME_ZONE = "Europe/Paris"
WEEKDAYS = (0.95, 1.1, 1.0, 1.1, 0.85, 0.06, 0.05)
HOURS = {7: 1, 8: 5, 9: 10, 10: 11, 11: 9, 12: 4, 13: 5, 14: 9, 15: 9, 16: 9, 17: 7, 18: 4, 19: 2, 20: 1, 21: 1}
"""Local hour -> weight: working hours with a lunch break."""
PUBLIC_HOLIDAY = 0.08
CHRISTMAS = 0.25
AUGUST_BY_WEEK = (0.75, 0.55, 0.45, 0.55, 0.8)
"""Of the weeks from 29 July on; half the country is away around the 15th."""
AUGUST_STARTS = (7, 29)
OUTAGE_DAYS = 3
OUTAGE = 0.005
OUTAGE_APART_DAYS = 35
ORDINARY = 0.9


@dataclass(frozen=True, slots=True)
class Seasons:
    """The calendar of one run. The platform is down on `outage_on`, a Tuesday, and the two days after."""

    outage_on: date
    public_holidays: frozenset[date]

    def level(self, day: date) -> float:
        """Expected activity of a day over that of an average working day."""
        level = WEEKDAYS[day.weekday()] * _august(day)
        if day in self.public_holidays:
            level *= PUBLIC_HOLIDAY
        if (day.month, day.day) >= (12, 20) or (day.month, day.day) <= (1, 5):
            level *= CHRISTMAS
        if self.outage_on <= day < self.outage_on + timedelta(days=OUTAGE_DAYS):
            level *= OUTAGE
        return level

    def is_ordinary(self, day: date, weeks: int) -> bool:
        """True if these weeks have nothing but a public holiday or two."""
        levels = [self.level(day + timedelta(days=number)) for number in range(WEEK_DAYS * weeks)]
        return sum(levels) >= ORDINARY * weeks * sum(WEEKDAYS)

    def may_decline(self, day: date) -> bool:
        """False where nobody could tell a decline from a holiday or an outage that comes at the same time."""
        place = (day.month, day.day)
        summer = (7, 1) <= place <= (9, 10)
        christmas = place >= (12, 15) or place <= (1, 20)
        return not summer and not christmas and abs((day - self.outage_on).days) > OUTAGE_APART_DAYS


def _august(day: date) -> float:
    weeks = (day - date(day.year, *AUGUST_STARTS)).days // WEEK_DAYS
    return AUGUST_BY_WEEK[weeks] if 0 <= weeks < len(AUGUST_BY_WEEK) else 1.0


def seasons(dice: Dice, start: date, end: date) -> Seasons:
    """The calendar from `start` to `end`, with one outage after its middle, in an ordinary week."""
    closed = frozenset(holidays.country_holidays(COUNTRY, years=range(start.year, end.year + 1)))
    days = (end - start).days
    monday = start + timedelta(days=int(days * dice.between(0.52, 0.8)))
    monday -= timedelta(days=monday.weekday())
    calm = Seasons(date.min, closed)
    while not calm.is_ordinary(monday, 1):
        monday += timedelta(days=WEEK_DAYS)
    return Seasons(monday + timedelta(days=1), closed)
