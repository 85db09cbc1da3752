"""Reads the packed rings that `ring.lua` writes (its head says how they are laid out), many at once."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.windows.columns import RING_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from numpy.typing import NDArray

    from pipeline.windows.rolling import Counts

HEADER_BYTES = 48
RINGS_AT_ONCE = 256
"""What is made of so many, a megabyte, stays in the cache of a processor: distinct members take half the time."""
_POSITION_BYTES = slice(36, 48)
_TYPES: dict[int, np.dtype[np.unsignedinteger]] = {1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}
EMPTY_RING = struct.pack("<33B3x3I", 1, 1, *bytes(31), 0, 0, 1 << 30)
"""A ring without a column, for a community that has none yet: its first day lies far ahead, as in `memory_store`."""


class _Alike(NamedTuple):
    """At most `RINGS_AT_ONCE` rings of one width with the same columns in order: `values` is (rows, L, columns)."""

    rows: NDArray[np.int64]
    columns: tuple[int, ...]
    values: NDArray[np.unsignedinteger]

    def column(self, number: int) -> NDArray[np.unsignedinteger]:
        """(rows, L), zeros where these rings do not have the column."""
        if number in self.columns:
            return self.values[:, :, self.columns.index(number)]
        return np.zeros(self.values.shape[:2], dtype=self.values.dtype)


class Rings:
    """Rings of C communities over positions `first` … `last`: `Columns` that are decoded as they are looked at.

    `last` must be at or after the newest position of every ring.
    """

    def __init__(self, raws: Sequence[bytes], first: int, last: int) -> None:
        self._raws = raws
        self._first, self._last = first, last
        self._rows_of: dict[bytes, list[int]] = {}
        """Layout -> rows: the width of a count, how many columns there are, and their numbers."""
        for row, raw in enumerate(raws):
            self._rows_of.setdefault(raw[1 : 3 + raw[2]], []).append(row)

    @property
    def numbers(self) -> frozenset[int]:
        """See `Columns`."""
        return frozenset(column for layout in self._rows_of for column in layout[2:])

    @property
    def dtype(self) -> np.dtype[np.unsignedinteger]:
        """See `Columns`."""
        return _TYPES[max((layout[0] for layout in self._rows_of), default=1)]

    def blocks(self) -> Iterator[_Alike]:
        """See `Columns`."""
        for layout, rows in self._rows_of.items():
            for start in range(0, len(rows), RINGS_AT_ONCE):
                some = rows[start : start + RINGS_AT_ONCE]
                values = _unroll([self._raws[row] for row in some], self._first, self._last)
                yield _Alike(np.array(some), tuple(layout[2:]), values)

    def totals(self, numbers: Sequence[int]) -> Counts:
        """Sums over all rings of each of these columns, (N, L)."""
        totals: Counts = np.zeros((len(numbers), self._last - self._first + 1), dtype=np.int64)
        for block in self.blocks():
            totals += [block.column(number).sum(axis=0, dtype=np.int64) for number in numbers]
        return totals


def positions(raws: Sequence[bytes]) -> NDArray[np.int64]:
    """What the headers of C rings say: base, newest and first position, (3, C)."""
    packed = b"".join([raw[_POSITION_BYTES] for raw in raws])
    return np.frombuffer(packed, dtype="<u4").reshape(-1, 3).T.astype(np.int64)


def _unroll(raws: Sequence[bytes], first: int, last: int) -> NDArray[np.unsignedinteger]:
    """Rings of one layout -> (C, L, columns), oldest position first.

    Record i of a ring holds position p where (p - base) % RING_DAYS == i, so that what is newest lies before record
    (head + 1 - base) % RING_DAYS, and what is oldest from there on.
    """
    width, count = raws[0][1], raws[0][2]
    record, length = width * count, last - first + 1
    base, head, _ = positions(raws)
    cut = (head - base) % RING_DAYS + 1
    unrolled = np.zeros(len(raws) * length * record, dtype=np.uint8)
    ends = np.arange(1, len(raws) + 1) * length - (last - head)
    wanted = np.clip(head - first + 1, 0, RING_DAYS)
    newest = np.minimum(wanted, cut)
    oldest = wanted - newest
    _copy(raws, record, (cut - newest, newest), (ends - newest, unrolled))
    _copy(raws, record, (RING_DAYS - oldest, oldest), (ends - wanted, unrolled))
    return unrolled.view(_TYPES[width]).reshape(len(raws), length, count)


def _copy(
    raws: Sequence[bytes],
    record: int,
    source: tuple[NDArray[np.int64], NDArray[np.int64]],
    target: tuple[NDArray[np.int64], NDArray[np.uint8]],
) -> None:
    """Copy a run of records of each ring, (first records, how many), to (places, bytes); what is missing stays zero."""
    starts = source[0] * record + HEADER_BYTES
    sizes = np.minimum(source[1] * record, np.fromiter(map(len, raws), dtype=np.int64, count=len(raws)) - starts)
    places = target[0] * record
    some = np.flatnonzero(sizes > 0)
    runs = np.stack([some, places[some], (places + sizes)[some], starts[some], (starts + sizes)[some]], axis=1)
    view = target[1].data
    for row, place, end, start, stop in runs.tolist():
        view[place:end] = raws[row][start:stop]
