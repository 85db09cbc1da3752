"""Reads the packed members that `member_packing.lua` writes (its head says how they are laid out), many at once."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.history import Members

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

    from numpy.typing import NDArray

BYTES_AT_ONCE = 128 * 1024
"""Packed bytes that are decoded together: while it is decoded, each takes 35."""
_CONTINUES = 0x80
_NUMBERS_A_DAY = 3


class _Days(NamedTuple):
    """Active days of many members, the days of each side by side, newest first: `counts` (M,), the others (N,)."""

    counts: NDArray[np.int64]
    days: NDArray[np.int64]
    conversational: NDArray[np.int64]
    relational: NDArray[np.int64]
    participated: NDArray[np.bool_]

    def within(self, oldest_day: int, seen_after: int, boundary_day: int) -> _Days:
        """The days `oldest_day` to `boundary_day`; none of members who have none of these after `seen_after`."""
        starts = np.cumsum(self.counts) - self.counts
        inside = (self.days >= oldest_day) & (self.days <= boundary_day)
        newest = np.maximum.reduceat(np.where(inside, self.days, seen_after), starts)
        inside &= np.repeat(newest > seen_after, self.counts)
        counts = np.add.reduceat(inside, starts, dtype=np.int64)
        return _Days(
            counts, self.days[inside], self.conversational[inside], self.relational[inside], self.participated[inside]
        )


def decode_members(
    communities: Sequence[Mapping[bytes, bytes]], oldest_day: int, seen_after: int, boundary_day: int
) -> list[Members]:
    """Pseudonym -> packed member of each community -> its members, of whom those without a day are left out.

    Active days are `oldest_day` to `boundary_day`, both included; members without any after `seen_after` have none.
    """
    names = [sorted(found) for found in communities]
    packed = [found[name] for found, known in zip(communities, names, strict=True) for name in known]
    if not packed:
        return [Members.of({}) for _ in communities]
    parts = [_decode(some).within(oldest_day, seen_after, boundary_day) for some in _parts(packed)]
    counts, days, conversational, relational, participated = map(np.concatenate, zip(*parts, strict=True))
    ends = np.append(0, np.cumsum(counts))
    members, place = [], 0
    for known in names:
        start, stop = ends[place], ends[place + len(known)]
        seen = np.flatnonzero(counts[place : place + len(known)])
        members.append(
            Members(
                pseudonyms=[known[number].decode() for number in seen.tolist()],
                starts=np.append(0, ends[place + 1 + seen] - start),
                days=days[start:stop],
                conversational=conversational[start:stop],
                relational=relational[start:stop],
                participated=participated[start:stop],
            )
        )
        place += len(known)
    return members


def _parts(packed: Sequence[bytes]) -> Iterator[Sequence[bytes]]:
    """Members of about `BYTES_AT_ONCE` together, in order."""
    ends = np.cumsum(np.fromiter(map(len, packed), dtype=np.int64, count=len(packed)))
    edges = np.flatnonzero(np.diff(ends // BYTES_AT_ONCE)) + 1
    for start, stop in pairwise([0, *edges.tolist(), len(packed)]):
        yield packed[start:stop]


def _decode(packed: Sequence[bytes]) -> _Days:
    """All days of packed members; an active day is three numbers, of which the last member's last lacks the gap."""
    raw = np.frombuffer(b"".join(packed), dtype=np.uint8)
    ends = np.cumsum(np.fromiter(map(len, packed), dtype=np.int64, count=len(packed)))
    starts = ends - np.diff(ends, prepend=0)
    newest = raw[starts] + raw[starts + 1].astype(np.int64) * 256
    numbers, counts = _numbers(raw, starts + 2, ends)
    days = (counts + 1) // _NUMBERS_A_DAY
    first = np.cumsum(days) - days
    back = np.arange(days.sum()) - np.repeat(first, days)
    place = np.repeat(np.cumsum(counts) - counts, days) + _NUMBERS_A_DAY * back
    ago = np.cumsum(np.where(back > 0, numbers[place - 1], 0))
    bond = numbers[place + 1]
    return _Days(days, np.repeat(newest + ago[first], days) - ago, numbers[place], bond >> 1, bond % 2 > 0)


def _numbers(
    raw: NDArray[np.uint8], starts: NDArray[np.int64], ends: NDArray[np.int64]
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """The varints that lie in some runs of bytes, and how many of them lie in each."""
    sizes = ends - starts
    first = np.cumsum(sizes) - sizes
    body = raw[np.arange(sizes.sum()) + np.repeat(starts - first, sizes)]
    is_last = body < _CONTINUES
    begins = np.flatnonzero(np.append(True, is_last[:-1]))
    shifts = 7 * (np.arange(len(body)) - np.repeat(begins, np.diff(begins, append=len(body))))
    numbers = np.add.reduceat((body % _CONTINUES).astype(np.int64) << shifts, begins)
    return numbers, np.add.reduceat(is_last, first, dtype=np.int64)
