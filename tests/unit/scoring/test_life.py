"""What is kept of a community's whole life, survey by survey."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.history import HISTORY_DAYS, History
from pipeline.model import Phase
from pipeline.scoring.life import SURVEY_DAYS, Life, PhaseTurn, Trough, age_months, survey, survey_day

if TYPE_CHECKING:
    from numpy.typing import NDArray

FIRST_DAY = survey_day(20_000)


def history_of(weekly: list[int], day: int, lines: tuple[str | None, ...] = (None,)) -> History:
    """One community that began on FIRST_DAY with these weekly participants, as of `day`."""
    series = np.repeat(np.array(weekly, dtype=np.int64), 7)[: day - FIRST_DAY + 1]
    row = np.pad(series, (HISTORY_DAYS, 0))[-HISTORY_DAYS:][None, :]
    return History(
        network="acme",
        communities=("wine",),
        names=(None,),
        lines=lines,
        boundary_day=day,
        first_days=np.array([FIRST_DAY]),
        activities={},
        bot_activities=np.zeros_like(row),
        active_members={},
        active_members_7_days=row,
        participants_7_days=row,
        network_participants=row[0],
        network_activities=row[0],
    )


def live(weekly: list[int], index: float = 2.0, turns: dict[int, list[PhaseTurn]] | None = None) -> Life:
    """The life after a survey every 28 days; `turns` by the number of the survey."""
    life: Life | None = None
    for number in range(1, len(weekly) * 7 // SURVEY_DAYS + 1):
        day = FIRST_DAY + number * SURVEY_DAYS - 1
        found: NDArray[np.float64] = np.array([index])
        (life,) = survey(history_of(weekly, day), found, [life], [(turns or {}).get(number, [])])
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
    (life,) = survey(history_of([5] * 5, FIRST_DAY + 34), np.array([1.0]), [None], [[]])
    (later,) = survey(history_of([5] * 23, FIRST_DAY + 160), np.array([3.0]), [life], [[]])
    assert later is not None
    assert later.index_by_month == [1.0, None, None, None, 3.0]


def test_a_trough_begins_where_it_shows_and_ends_where_the_level_is_back() -> None:
    day = FIRST_DAY + 100
    turns = {
        5: [PhaseTurn(day, Phase.DECLINE, 20.0), PhaseTurn(day + 20, Phase.TROUGH, 20.0)],
        8: [PhaseTurn(day + 90, Phase.REBOUND, 20.0)],
        12: [PhaseTurn(day + 200, Phase.DORMANT, 18.0)],
    }
    assert live([5] * 52, turns=turns).troughs == [Trough(day + 20, 20.0, day + 90), Trough(day + 200, 18.0)]


def test_a_community_that_has_not_begun_has_no_life_yet() -> None:
    early = replace(history_of([5] * 8, FIRST_DAY + 55), first_days=np.array([FIRST_DAY + 60]))
    assert survey(early, np.array([1.0]), [None], [[]]) == [None]


def test_a_line_that_is_known_once_is_kept() -> None:
    (life,) = survey(history_of([5] * 8, FIRST_DAY + 55, ("practice",)), np.array([1.0]), [None], [[]])
    (later,) = survey(history_of([5] * 12, FIRST_DAY + 83), np.array([1.0]), [life], [[]])
    assert later is not None
    assert later.line == "practice"
