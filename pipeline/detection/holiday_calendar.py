"""Days on which silence is no sign: the turn of the year, and weeks made of public holidays."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date, timedelta

import holidays

from pipeline.errors import SettingsError
from pipeline.history import WEEK_DAYS

EPOCH = date(1970, 1, 1)
YEAR_END_FIRST = (12, 20)
YEAR_END_LAST = (1, 13)


@dataclass(frozen=True, slots=True)
class Calendar:
    """Holidays of one network. Days are numbered from 1970-01-01, in the network's time zone."""

    public: holidays.HolidayBase | None = None

    @classmethod
    def for_network(cls, country: str | None = None, region: str | None = None) -> Calendar:
        """The calendar of a country (ISO 3166 code) and region as library `holidays` knows them; None = year end only.

        Raises:
            SettingsError: the library knows no such country or region.
        """
        if country is None:
            return cls()
        try:
            return cls(holidays.country_holidays(country, subdiv=region))
        except (NotImplementedError, KeyError) as error:
            place = country if region is None else f"{country}, region {region}"
            message = (
                f"No public holidays are known for {place}: use ISO 3166 codes such as FR, or leave the country out."
            )
            raise SettingsError(message) from error

    def is_year_end(self, day: int) -> bool:
        """20 December to 13 January: most networks fall to .15 to .83 of their level, whatever the country."""
        on = EPOCH + timedelta(days=day)
        return (on.month, on.day) >= YEAR_END_FIRST or (on.month, on.day) <= YEAR_END_LAST

    def working_holidays(self, day: int) -> int:
        """Public holidays on working days of the country within the 7 days that end with `day`."""
        if self.public is None:
            return 0
        week = (EPOCH + timedelta(days=day - back) for back in range(WEEK_DAYS))
        return sum(on.weekday() not in self.public.weekend and on in self.public for on in week)

    def holds_back(self, day: int, holidays_a_week: int) -> bool:
        """Whether a decline seen at the end of `day` may be the calendar's doing."""
        return self.is_year_end(day) or self.working_holidays(day) >= holidays_a_week
