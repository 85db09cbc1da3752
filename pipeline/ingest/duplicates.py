"""Which activities a partition has seen before: producers retry, webhooks are delivered again.

The memory holds the ids of the present *generation* of a partition's log and of those before it, a generation being a
quarter of the horizon: the offsets from a multiple of it to the next. So an id is remembered for one horizon to one and
a quarter, and what is remembered at an offset follows from the log alone: who reads it again from `restart_offset`
remembers the same.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

MARK_SHIFT = 4
"""Bits of a hash that are left out: an integer of 60 bits needs 32 bytes, a greater one 48."""
NO_MARK = 1 << 62
"""Is no mark: those have 60 bits."""
GENERATIONS_A_HORIZON = 4
"""A set takes 60 bytes an id, what is kept in order 12: the fewer lie in the set, the smaller is the memory."""


def salt_of(source: str) -> int:
    """What tells the ids of one source from the same ids of another.

    Not the hash of the source itself: an id may read like the source of another id.
    """
    return hash((source,))


class DuplicateMemory:
    """Ids of at least the last horizon of one partition.

    An id is kept as 60 bits of Python's `hash` of it, salted by its source: about 60 bytes with its place in the set of
    the present generation, 12 in the sorted arrays of those before. The hash differs from process to process, so it
    never leaves one; two ids of a full memory of 125,000 are taken for one with a probability of about 7e-9 (birthday
    bound, n² / 2^61).
    """

    def __init__(self, horizon_records: int) -> None:
        self._records = _generation_records(horizon_records)
        self._generation = 0
        self.ends_at = self._records
        """The first offset of the next generation: until there `present` may be looked at directly."""
        self.present: set[int] = set()
        self._before: NDArray[np.int64] = np.empty(0, np.int64)
        self._generations_before: NDArray[np.int32] = np.empty(0, np.int32)
        """Of each mark in `_before`, which is in order."""

    def seen(self, offset: int, source: str, event_id: str) -> bool:
        """Whether the id came before; it is remembered from now on. Offsets must not decrease."""
        if offset >= self.ends_at:
            self._turn(offset // self._records)
        mark = (hash(event_id) ^ salt_of(source)) >> MARK_SHIFT
        if mark in self.present:
            return True
        self.present.add(mark)
        place = self._before.searchsorted(mark)
        return bool(place < len(self._before) and self._before[place] == mark)

    def among_before(self, marks: Sequence[int]) -> frozenset[int]:
        """The places of those marks that an earlier generation holds. To ask for many at once costs little each."""
        if not marks or not len(self._before):
            return frozenset()
        asked = np.fromiter(marks, np.int64, len(marks))
        places = np.minimum(np.searchsorted(self._before, asked), len(self._before) - 1)
        return frozenset(np.flatnonzero(self._before[places] == asked).tolist())

    def _turn(self, generation: int) -> None:
        is_kept = self._generations_before >= generation - GENERATIONS_A_HORIZON
        marks, generations = [self._before[is_kept]], [self._generations_before[is_kept]]
        if self._generation >= generation - GENERATIONS_A_HORIZON:
            marks.append(np.sort(np.fromiter(self.present, np.int64, len(self.present))))
            generations.append(np.full(len(self.present), self._generation, np.int32))
        together = np.concatenate(marks)
        # Two runs in order: this kind of sorting merges them.
        order = np.argsort(together, kind="stable")
        self._before, self._generations_before = together[order], np.concatenate(generations)[order]
        self.present = set()
        self._generation = generation
        self.ends_at = (generation + 1) * self._records


def restart_offset(fence: int, horizon_records: int) -> int:
    """Where to read from, with an empty memory, to remember at `fence` what was remembered there before."""
    records = _generation_records(horizon_records)
    return max(0, (fence // records - GENERATIONS_A_HORIZON) * records)


def _generation_records(horizon_records: int) -> int:
    return max(1, -(-horizon_records // GENERATIONS_A_HORIZON))
