"""What is kept of a community's whole life, survey by survey."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.history import HISTORY_DAYS
from pipeline.scoring.life import SURVEY_DAYS, Life, age_months, survey, survey_day
from tests.unit.histories import plain_history

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.history import History

FIRST_DAY = survey_day(20_000)


def history_of(weekly: list[int], day: int, lines: tuple[str | None, ...] = (None,)) -> History:
    """One community that began on FIRST_DAY with these weekly participants, as of `day`."""
    series = np.repeat(np.array(weekly, dtype=np.int64), 7)[: day - FIRST_DAY + 1]
    row = np.pad(series, (HISTORY_DAYS, 0))[-HISTORY_DAYS:][None, :]
    return replace(
        plain_history(row, day), network="acme", communities=("wine",), lines=lines, first_days=np.array([FIRST_DAY])
    )


def live(weekly: list[int], index: float = 2.0) -> Life:
    """The life after a survey every 28 days."""
    life: Life | None = None
    for number in range(1, len(weekly) * 7 // SURVEY_DAYS + 1):
        day = FIRST_DAY + number * SURVEY_DAYS - 1
        found: NDArray[np.float64] = np.array([index])
        (life,) = survey(history_of(weekly, day), found, [life])
        # It must survive being kept as JSON.
        life = msgspec.json.decode(msgspec.json.encode(life), type=Life)
    assert life is not None
    return life


def test_active_weeks_and_the_last_active_day_are_counted_over_the_whole_life() -> None:
    # 60 weeks: 40 active, 8 silent, 4 active, 8 silent; the history holds 52 of them
    life = live([5] * 40 + [0] * 8 + [3] * 4 + [0] * 8)
    assert life.active_weeks == 44
    # the last week that counts three participants ends there, and the silence before it is exact
    assert life.last_active_day == FIRST_DAY + 52 * 7 - 7
    assert life.first_day == FIRST_DAY


def test_the_size_is_the_median_of_active_weeks_and_outlives_the_community() -> None:
    assert live([8] * 12 + [4] * 4).size == 8.0
    assert live([8] * 12 + [0] * 60).size == 8.0


def test_the_curve_has_one_index_a_month_of_age() -> None:
    life = live([5] * 52)
    assert len(life.index_by_month) == age_months(FIRST_DAY, FIRST_DAY + 52 * 7 - 1) == 11
    assert set(life.index_by_month) == {2.0}


def test_a_month_that_was_not_seen_is_unknown() -> None:
    #  survey at month 1, then none until month 5
    (life,) = survey(history_of([5] * 5, FIRST_DAY + 34), np.array([1.0]), [None])
    (later,) = survey(history_of([5] * 23, FIRST_DAY + 160), np.array([3.0]), [life])
    assert later is not None
    assert later.index_by_month == [1.0, None, None, None, 3.0]


def test_a_trough_begins_where_the_level_is_halved_and_ends_where_it_is_back() -> None:
    # level 20 for 16 weeks │ 6 for 12 │ 18 for 12 │ 0 for 12
    #   smoothed over 6 weeks: halved 5 weeks into the fall, three quarters back 5 weeks into the rise
    life = live([20] * 16 + [6] * 12 + [18] * 12 + [0] * 12)
    first, second = life.troughs
    assert (first.peak, first.back_day is None) == (20.0, False)
    assert 3 <= (first.since_day - FIRST_DAY) / 7 - 16 <= 6
    assert first.back_day is not None
    assert 3 <= (first.back_day - FIRST_DAY) / 7 - 28 <= 6
    assert second.back_day is None
    assert second.peak == 20.0


def test_a_community_of_one_or_two_has_no_troughs() -> None:
    assert live([1, 2, 1, 0] * 8 + [0] * 20).troughs == []


def test_a_community_that_has_not_begun_has_no_life_yet() -> None:
    early = replace(history_of([5] * 8, FIRST_DAY + 55), first_days=np.array([FIRST_DAY + 60]))
    assert survey(early, np.array([1.0]), [None]) == [None]


def test_a_line_that_is_known_once_is_kept() -> None:
    (life,) = survey(history_of([5] * 8, FIRST_DAY + 55, ("practice",)), np.array([1.0]), [None])
    (later,) = survey(history_of([5] * 12, FIRST_DAY + 83), np.array([1.0]), [life])
    assert later is not None
    assert later.line == "practice"
