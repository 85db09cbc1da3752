"""Reads the packed members that `member_packing.lua` writes (its head says how they are laid out), many at once."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.history import Members

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from numpy.typing import NDArray

_CONTINUES = 0x80
_NUMBERS_A_DAY = 3


class _Days(NamedTuple):
    """Active days of many members, the days of each side by side, newest first: `starts` (M,), the others (N,)."""

    starts: NDArray[np.int64]
    counts: NDArray[np.int64]
    days: NDArray[np.int64]
    conversational: NDArray[np.int64]
    relational: NDArray[np.int64]
    """Relational acts * 2 + participated."""


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
    everybody = _decode(packed)
    inside = (everybody.days >= oldest_day) & (everybody.days <= boundary_day)
    newest = np.maximum.reduceat(np.where(inside, everybody.days, seen_after), everybody.starts)
    inside &= np.repeat(newest > seen_after, everybody.counts)
    counts = np.add.reduceat(inside, everybody.starts, dtype=np.int64)
    ends = np.append(0, np.cumsum(counts))
    days, conversational, relational = (column[inside] for column in everybody[2:])
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
                relational=relational[start:stop] >> 1,
                participated=relational[start:stop] % 2 > 0,
            )
        )
        place += len(known)
    return members


def _decode(packed: Sequence[bytes]) -> _Days:
    """All days of packed members; an active day is three numbers, of which the last member's last lacks the gap."""
    raw = np.frombuffer(b"".join(packed), dtype=np.uint8)
    ends = np.cumsum(np.fromiter(map(len, packed), dtype=np.int64, count=len(packed)))
    hours = raw[ends - np.diff(ends, prepend=0)].astype(np.int64)
    starts = ends - np.diff(ends, prepend=0) + np.where(hours == 0, 1, 3 + hours)
    newest = raw[starts] + raw[starts + 1].astype(np.int64) * 256
    numbers, counts = _numbers(raw, starts + 2, ends)
    days = (counts + 1) // _NUMBERS_A_DAY
    first = np.cumsum(days) - days
    back = np.arange(days.sum()) - np.repeat(first, days)
    place = np.repeat(np.cumsum(counts) - counts, days) + _NUMBERS_A_DAY * back
    ago = np.cumsum(np.where(back > 0, numbers[place - 1], 0))
    return _Days(first, days, np.repeat(newest + ago[first], days) - ago, numbers[place], numbers[place + 1])


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
