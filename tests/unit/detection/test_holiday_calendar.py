from __future__ import annotations

from datetime import date

import pytest

from pipeline.detection.holiday_calendar import Calendar
from pipeline.errors import SettingsError


def number(year: int, month: int, day: int) -> int:
    return (date(year, month, day) - date(1970, 1, 1)).days


@pytest.mark.parametrize(
    ("day", "inside"),
    [
        (number(2023, 12, 19), False),
        (number(2023, 12, 20), True),
        (number(2024, 1, 1), True),
        (number(2024, 1, 13), True),
        (number(2024, 1, 14), False),
        (number(2024, 8, 15), False),
    ],
)
def test_the_turn_of_the_year_lasts_from_20_december_to_13_january(day: int, *, inside: bool) -> None:
    assert Calendar().is_year_end(day) is inside


def test_golden_week_holds_back_and_a_single_holiday_does_not() -> None:
    # 2023: Wednesday 3, Thursday 4, Friday 5 May are holidays in Japan; in France Monday 1 and Monday 8.
    japan, france = Calendar.for_network("JP"), Calendar.for_network("FR")
    assert japan.working_holidays(number(2023, 5, 7)) == 3
    assert japan.holds_back(number(2023, 5, 7), 3)
    assert france.working_holidays(number(2023, 5, 7)) == 1
    assert not france.holds_back(number(2023, 5, 7), 3)


def test_holidays_on_a_weekend_take_no_working_day() -> None:
    # 11 November 2023 was a Saturday.
    assert Calendar.for_network("FR").working_holidays(number(2023, 11, 12)) == 0


def test_a_region_has_holidays_of_its_own() -> None:
    # Good Friday, 7 April 2023, is a holiday in Alsace-Moselle only.
    day = number(2023, 4, 9)
    assert Calendar.for_network("FR", "57").working_holidays(day) == 1
    assert Calendar.for_network("FR").working_holidays(day) == 0


@pytest.mark.parametrize(("country", "region"), [("XX", None), ("FR", "Atlantis")])
def test_an_unknown_place_is_refused_in_one_sentence(country: str, region: str | None) -> None:
    with pytest.raises(SettingsError, match=r"^No public holidays are known for .*[^.]\.$"):
        Calendar.for_network(country, region)
