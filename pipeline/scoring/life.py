"""What is kept of a community's whole life, beyond the year that the windows remember: the raw material of abaques.

A life is brought up to date on every survey day, once in 28 boundaries. From the lives of all its communities a network
learns what is ordinary at which age (`abaque.py`, `troughs.py`, `survival.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.history import WEEK_DAYS
from pipeline.scoring.trough_tracking import Trough, troughs_after

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.history import History

SURVEY_DAYS = 28
SURVEY_WEEKS = SURVEY_DAYS // WEEK_DAYS
DAYS_A_MONTH = 365.25 / 12
MONTHS_KEPT = 120
"""Ten years of a curve; what is older says nothing about communities that begin now."""
DEAD_AFTER_DAYS = 180
"""A community is dead where nobody has taken part for this long (docs/measures.md)."""
ESTABLISHED_ACTIVE_WEEKS = 12
"""Established: took part in at least this many weeks of its life; the others never took off."""


class Life(msgspec.Struct, frozen=True, omit_defaults=True):
    """One community from its first activity on. Days are numbered from 1970-01-01.

    `index_by_month[k]` is the engagement index at an age of k + 1 months, None where it was not seen. `size` is the
    median of weekly participants over its last year of active weeks (weeks with at least one participant).
    `last_active_day` is the newest day with a participant, None where nobody ever took part.
    """

    first_day: int
    last_active_day: int | None = None
    active_weeks: int = 0
    size: float = 0.0
    index_by_month: list[float | None] = msgspec.field(default_factory=list)
    troughs: list[Trough] = msgspec.field(default_factory=list)
    line: str | None = None
    """practice, process, productivity, or what the network calls it; None where unknown."""


def age_months(first_day: int, boundary_day: int) -> int:
    """Whole months between a community's first day and the end of a boundary day; 0 in its first month."""
    return int((boundary_day - first_day + 1) / DAYS_A_MONTH)


def survey_day(day: int) -> int:
    """The newest survey day up to and with `day`."""
    return day - day % SURVEY_DAYS


def survey(history: History, index: NDArray[np.float64], lives: Sequence[Life | None]) -> list[Life | None]:
    """The lives of all communities as of a survey day, in the order of the history; None where none has begun yet.

    `index` (C,) is the engagement index at the boundary and `lives` are those of the survey before (None at first).
    """
    weekly = history.participants_7_days[:, ::-WEEK_DAYS]
    known = [life or Life(int(day)) for life, day in zip(lives, history.first_days, strict=True)]
    sizes = _medians_of_active_weeks(weekly)
    new_weeks = (weekly[:, :SURVEY_WEEKS] > 0).sum(axis=1)
    last_days = _last_active_days(history)
    troughs = troughs_after(history, [life.troughs for life in known], SURVEY_WEEKS)
    surveyed: list[Life | None] = []
    for place, life in enumerate(known):
        first_day = int(history.first_days[place])
        if first_day > history.boundary_day:
            surveyed.append(None)
            continue
        seen = int(last_days[place])
        surveyed.append(
            Life(
                first_day=first_day,
                last_active_day=seen if seen >= first_day else life.last_active_day,
                active_weeks=life.active_weeks + int(new_weeks[place]),
                size=float(sizes[place]) if new_weeks[place] else life.size,
                index_by_month=_grown(life.index_by_month, age_months(first_day, history.boundary_day), index[place]),
                troughs=troughs[place],
                line=history.lines[place] or life.line,
            )
        )
    return surveyed


def _medians_of_active_weeks(weekly: NDArray[np.int64]) -> NDArray[np.float64]:
    """(C, W) newest first -> (C,) median of the weeks with a participant; 0 where there is none."""
    rows = np.sort(weekly, axis=1)
    weeks = rows.shape[1]
    active = (rows > 0).sum(axis=1)
    low, high = weeks - active + (active - 1) // 2, weeks - active + active // 2
    place = np.arange(len(rows))
    middle: NDArray[np.float64] = (
        rows[place, np.minimum(low, weeks - 1)] + rows[place, np.minimum(high, weeks - 1)]
    ) / 2
    return np.where(active > 0, middle, 0.0)


def _last_active_days(history: History) -> NDArray[np.int64]:
    """Newest day with a participant, -1 where the history holds none; exact once a week has passed in silence."""
    newest_first = history.participants_7_days[:, ::-1] > 0
    run = newest_first.argmax(axis=1)
    quiet = np.where(run > 0, run + WEEK_DAYS - 1, 0)
    return np.where(newest_first.any(axis=1), history.boundary_day - quiet, -1)


def _grown(curve: list[float | None], months: int, index: float) -> list[float | None]:
    if not 1 <= months <= MONTHS_KEPT:
        return curve
    unseen: list[float | None] = [None] * (months - 1 - len(curve))
    return [*curve[: months - 1], *unseen, round(float(index), 3)]
