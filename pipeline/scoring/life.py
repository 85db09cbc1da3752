"""What is kept of a community's whole life, beyond the year that the windows remember: the raw material of abaques.

A life is brought up to date on every survey day, once in 28 boundaries, and wherever the phase changes. From the lives
of all its communities a network learns what is ordinary at which age (`abaque.py`, `troughs.py`, `survival.py`).
"""

from __future__ import annotations

import msgspec

DAYS_A_MONTH = 365.25 / 12
MONTHS_KEPT = 120
"""Ten years of a curve; what is older says nothing about communities that begin now."""
TROUGHS_KEPT = 12
DEAD_AFTER_DAYS = 180
"""A community is dead where nobody has taken part for this long (docs/measures.md)."""
ESTABLISHED_ACTIVE_WEEKS = 12
"""Established: took part in at least this many weeks of its life; the others never took off."""


class Trough(msgspec.Struct, frozen=True, omit_defaults=True):
    """One time below half of the peak: since when, how high the peak was, when three quarters of it were back."""

    since_day: int
    peak: float
    """Participants a week at the peak before, smoothed."""
    back_day: int | None = None


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
