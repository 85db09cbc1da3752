"""The engagement index of a network as a whole among active people, and its change over a year."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from pipeline.history import HISTORY_DAYS, WEEK_DAYS
from pipeline.model import CONVERSATIONAL, RELATIONAL, Kind
from pipeline.scoring.engagement import INDEX_WINDOW_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.history import History

SMALLEST_MEMBERSHIPS = 20.0
"""Below so many active memberships a week a change is chance."""


class NetworkIndex(msgspec.Struct, frozen=True):
    """The index of the last 28 days and of 28 days about a year before; None where nobody was active.

    `weekly_memberships` is the number of (community, member) pairs active in a week, mean of the four weeks: who is
    active in three communities counts three times, for a community's history does not say who its members are.
    """

    index: float | None
    index_before: float | None
    change: float | None
    """index / index_before - 1; None where fewer than 20 memberships were active a week in either window."""
    weekly_memberships: float
    weekly_memberships_before: float
    days_apart: int
    """between the two windows: 364 or 336."""


class _Level(NamedTuple):
    value: float | None
    memberships: float


def network_index(
    history: History,
    weights: Mapping[str, float],
    earlier: History | None = None,
    smallest_memberships: float = SMALLEST_MEMBERSHIPS,
) -> NetworkIndex:
    """Weighted activities in 28 days over the memberships active a week (mean of four), summed over all communities.

    It is the index of a community (docs/measures.md) with another denominator, the same in both years: distinct
    members of 28 days are kept as of the boundary alone, those of 7 days as of each day. So it lies above the
    communities' indices, and only its change is to be compared.

    `earlier` is the history as of 28 days before; its first 28 days ended 364 days before the boundary: a year, and
    the same days of the week. Without it the oldest 28 days at hand are taken, 336 days before. `weights` as in
    `engagement_index`.
    """
    oldest = history if earlier is None else earlier
    now = _level(history, weights, HISTORY_DAYS)
    before = _level(oldest, weights, INDEX_WINDOW_DAYS)
    change = None
    if now.value is not None and before.value and min(now.memberships, before.memberships) >= smallest_memberships:
        change = round(now.value / before.value - 1.0, 4)
    return NetworkIndex(
        index=None if now.value is None else round(now.value, 4),
        index_before=None if before.value is None else round(before.value, 4),
        change=change,
        weekly_memberships=now.memberships,
        weekly_memberships_before=before.memberships,
        days_apart=history.boundary_day - oldest.boundary_day + HISTORY_DAYS - INDEX_WINDOW_DAYS,
    )


def _level(history: History, weights: Mapping[str, float], end: int) -> _Level:
    """Of the 28 columns before `end`, which ends a week."""
    weeks = slice((end - INDEX_WINDOW_DAYS) // WEEK_DAYS, end // WEEK_DAYS)
    weekly = history.weekly_active_members(HISTORY_DAYS // WEEK_DAYS)[:, weeks]
    memberships = float(weekly.sum(axis=0).mean())
    if memberships == 0:
        return _Level(None, 0.0)
    weighted = 0.0
    # In the frozen order of kinds: a sum of floats depends on its order, and a set has none.
    for kind in Kind:
        if kind in CONVERSATIONAL | RELATIONAL and kind in history.activities:
            acts = history.activities[kind][:, end - INDEX_WINDOW_DAYS : end]
            weighted += weights.get(kind.value, 0.0) * int(np.sum(acts))
    return _Level(weighted / memberships, memberships)
