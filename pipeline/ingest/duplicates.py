"""Which activities a partition has seen before: producers retry, webhooks are delivered again.

The memory holds the ids of the present and the previous *generation* of a partition's log, a generation being the
offsets from a multiple of the horizon to the next. So an id is remembered for one to two horizons, and what is
remembered at an offset follows from the log alone: who reads it again from `restart_offset` remembers the same.
"""

from __future__ import annotations

from array import array
from bisect import bisect_left
from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

MARK_SHIFT = 4
"""Bits of a hash that are left out: an integer of 60 bits needs 32 bytes, a greater one 48."""
NO_MARK = 1 << 62
"""Is no mark: those have 60 bits."""


def salt_of(source: str) -> int:
    """What tells the ids of one source from the same ids of another.

    Not the hash of the source itself: an id may read like the source of another id.
    """
    return hash((source,))


class DuplicateMemory:
    """Ids of the last one to two horizons of one partition.

    An id is kept as 60 bits of Python's `hash` of it, salted by its source: about 60 bytes with its place in the set of
    the present generation, 8 in the sorted array of the previous one. The hash differs from process to process, so it
    never leaves one; two ids of a full memory of 200,000 are taken for one with a probability of about 2e-8 (birthday
    bound, n² / 2^61).
    """

    def __init__(self, horizon_records: int) -> None:
        self._horizon = horizon_records
        self._generation = 0
        self.ends_at = horizon_records
        """The first offset of the next generation: until there `present` may be looked at directly."""
        self.present: set[int] = set()
        self._previous = array("q")

    def seen(self, offset: int, source: str, event_id: str) -> bool:
        """Whether the id came before; it is remembered from now on. Offsets must not decrease."""
        if offset >= self.ends_at:
            self._turn(offset // self._horizon)
        mark = (hash(event_id) ^ salt_of(source)) >> MARK_SHIFT
        if mark in self.present:
            return True
        self.present.add(mark)
        place = bisect_left(self._previous, mark)
        return place < len(self._previous) and self._previous[place] == mark

    def among_previous(self, marks: Sequence[int]) -> frozenset[int]:
        """The places of those marks that the previous generation holds. To ask for many at once costs little each."""
        if not marks or not self._previous:
            return frozenset()
        kept, asked = np.frombuffer(self._previous, np.int64), np.fromiter(marks, np.int64, len(marks))
        places = np.minimum(np.searchsorted(kept, asked), len(kept) - 1)
        return frozenset(np.flatnonzero(kept[places] == asked).tolist())

    def _turn(self, generation: int) -> None:
        follows = generation == self._generation + 1
        marks = np.fromiter(self.present, np.int64, len(self.present)) if follows else np.empty(0, np.int64)
        self._previous = array("q", np.sort(marks).tobytes())
        self.present = set()
        self._generation = generation
        self.ends_at = (generation + 1) * self._horizon


def restart_offset(fence: int, horizon_records: int) -> int:
    """Where to read from, with an empty memory, to remember at `fence` what was remembered there before."""
    return max(0, (fence // horizon_records - 1) * horizon_records)
