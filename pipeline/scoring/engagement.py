"""The engagement index of a community and its two axes: weighted activities per active member (docs/measures.md)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.model import CONVERSATIONAL, RELATIONAL, Kind

if TYPE_CHECKING:
    from collections.abc import Mapping

    from numpy.typing import NDArray

    from pipeline.history import History

INDEX_WINDOW_DAYS = 28
ACTIVE_YEAR_DAYS = 365


@dataclass(frozen=True, slots=True)
class EngagementIndex:
    """Weighted activities per active member in the last 28 days, each (C,); `index` is the sum of the two axes.

    `activities` (C,) are those of all kinds in these days, by humans, not weighted.
    """

    index: NDArray[np.float64]
    conversational: NDArray[np.float64]
    relational: NDArray[np.float64]
    activities: NDArray[np.int64]


def engagement_index(history: History, weights: Mapping[str, float]) -> EngagementIndex:
    """The index of every community; 0 where nobody was active.

    `weights` maps names of kinds to weighted activities per act; a kind that is missing, or on neither axis, counts 0.
    """
    members = history.active_members[INDEX_WINDOW_DAYS].astype(np.float64)
    acts = {
        kind: counts[:, -INDEX_WINDOW_DAYS:].sum(axis=1, dtype=np.int64) for kind, counts in history.activities.items()
    }
    conversational, relational = (_axis(acts, weights, kinds, members) for kinds in (CONVERSATIONAL, RELATIONAL))
    activities = sum(acts.values(), start=np.zeros(len(members), dtype=np.int64))
    return EngagementIndex(conversational + relational, conversational, relational, activities)


def share_of_active(history: History) -> NDArray[np.float64]:
    """Members active in the last 28 days over those of the last 365 (SWOOP's community health), (C,); 0 of 0 = 0."""
    month = history.active_members[INDEX_WINDOW_DAYS].astype(np.float64)
    year = history.active_members[ACTIVE_YEAR_DAYS].astype(np.float64)
    return np.divide(month, year, out=np.zeros_like(month), where=year > 0)


def _axis(
    acts: Mapping[Kind, NDArray[np.int64]],
    weights: Mapping[str, float],
    kinds: frozenset[Kind],
    members: NDArray[np.float64],
) -> NDArray[np.float64]:
    total = np.zeros(len(members))
    # In the frozen order of kinds: a sum of floats depends on its order, and a set has none.
    for kind in Kind:
        if kind in kinds and kind in acts:
            total += weights.get(kind.value, 0.0) * acts[kind]
    return np.divide(total, members, out=np.zeros_like(total), where=members > 0)
