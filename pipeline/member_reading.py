"""Reads the members of many communities, a few thousand members at a time."""

from __future__ import annotations

from itertools import groupby
from operator import itemgetter
from typing import TYPE_CHECKING

import numpy as np

from pipeline.scoring.engagement import ACTIVE_YEAR_DAYS

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Iterator, Sequence

    from numpy.typing import NDArray

    from pipeline.history import History, Members
    from pipeline.windows.store import WindowStore

MEMBERS_AT_ONCE = 5_000
"""Of all communities that are looked at together: a few megabytes."""


async def members_of(windows: WindowStore, history: History, rows: Sequence[int]) -> AsyncIterator[tuple[int, Members]]:
    """Each of these rows of a history, in their order, with its members as of the boundary.

    Raises:
        RetryLater: the members could not be read.
    """
    for some in _batches(rows, history.active_members[ACTIVE_YEAR_DAYS]):
        names = [history.communities[row] for row in some]
        for found in zip(some, await windows.members(history.network, names, history.boundary_day), strict=True):
            yield found


def _batches(rows: Sequence[int], members: NDArray[np.int64]) -> Iterator[list[int]]:
    """Communities of about `MEMBERS_AT_ONCE` members together, `members` (C,) being those of each."""
    batch = np.cumsum(members[list(rows)]) // MEMBERS_AT_ONCE
    for _, some in groupby(zip(batch.tolist(), rows, strict=True), key=itemgetter(0)):
        yield [row for _, row in some]
