"""Reads the packed rings that `apply.lua` writes (its head says how they are laid out)."""

from __future__ import annotations

import struct
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.windows.rolling import Counts

HEADER_BYTES = 48
_POSITIONS = struct.Struct("<III")
_POSITIONS_AT = 36
_TYPES: dict[int, np.dtype[np.unsignedinteger]] = {1: np.dtype("u1"), 2: np.dtype("<u2"), 4: np.dtype("<u4")}


class Ring(NamedTuple):
    """One ring: `values` is (records, columns), record i holds position p where (p - base) % size == i."""

    size: int
    base: int
    head: int
    first: int
    columns: tuple[int, ...]
    values: NDArray[np.unsignedinteger]

    def between(self, first: int, last: int) -> tuple[slice, NDArray[np.unsignedinteger]]:
        """-> (places first … last that this ring remembers, as a slice; their records, (n, columns))."""
        low = max(first, self.head - self.size + 1)
        high = min(last, self.head)
        if high < low:
            return slice(0, 0), self.values[:0]
        places = (np.arange(low, high + 1) - self.base) % self.size
        records = np.zeros((len(places), len(self.columns)), dtype=self.values.dtype)
        stored = places < len(self.values)
        records[stored] = self.values[places[stored]]
        return slice(low - first, high - first + 1), records


def decode_ring(raw: bytes, size: int) -> Ring:
    """The ring in these bytes."""
    width, count = raw[1], raw[2]
    base, head, first = _POSITIONS.unpack_from(raw, _POSITIONS_AT)
    values = np.frombuffer(raw, dtype=_TYPES[width], offset=HEADER_BYTES).reshape(-1, count)
    return Ring(size, base, head, first, tuple(raw[3 : 3 + count]), values)


def stack_rings(rings: list[Ring | None], first: int, last: int) -> dict[int, Counts]:
    """Rings of C communities -> column -> (C, last - first + 1); communities without a ring are zeros."""
    stacked: dict[int, Counts] = {}
    shape = (len(rings), last - first + 1)
    for row, ring in enumerate(rings):
        if ring is None:
            continue
        span, records = ring.between(first, last)
        for place, column in enumerate(ring.columns):
            if column not in stacked:
                stacked[column] = np.zeros(shape, dtype=np.int64)
            stacked[column][row, span] = records[:, place]
    return stacked
