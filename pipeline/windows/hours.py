"""The last hours of a community: a log of rows, of which the windows of hours are read.

`hours.lua` says how a log is laid out, sums its rows in Redis once they are many, and puts large sums aside.
"""

from __future__ import annotations

import struct
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from pipeline.history import WINDOW_HOURS
from pipeline.windows.columns import HOURS_REMEMBERED, KINDS
from pipeline.windows.rows import AMOUNTS, FIRST_WHAT, OF_OBJECT, ROW, hours_of
from pipeline.windows.store import HourWindow

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

_SUMS = b"\xff"
_SUMS_HEADER = struct.Struct("<BI")
_ASIDE_HEADER_BYTES = 3
_COLUMN_BITS = 5
_decode_sums = msgspec.msgpack.Decoder(tuple[list[int], list[str]]).decode


class _Hours(NamedTuple):
    """What a log says: (hour, column, amount) and (hour, active member), in no order."""

    amounts: list[tuple[int, int, int]]
    active: list[tuple[int, bytes]]


def recent(rows: bytearray) -> bytearray:
    """The rows of hours that are remembered."""
    found = np.frombuffer(rows, dtype=ROW)
    hours = hours_of(found)
    return bytearray(found[hours > hours.max(initial=0) - HOURS_REMEMBERED].tobytes())


def hour_windows(log: bytes, end_hour: int, aside: Sequence[bytes] = ()) -> dict[int, HourWindow]:
    """The windows that end before `end_hour` (hours since 1970, UTC), as far as hours are remembered.

    `aside` is the list of sums that were put aside.
    """
    amounts, active = _read(log, aside)
    remembered_from = max((hour for hour, _, _ in amounts), default=0) - HOURS_REMEMBERED + 1
    windows = {}
    for width in WINDOW_HOURS:
        hours = range(max(end_hour - width, remembered_from), end_hour)
        activities: dict[str, int] = {}
        for hour, column, amount in amounts:
            if hour in hours and column < len(KINDS):
                kind = KINDS[column].value
                activities[kind] = activities.get(kind, 0) + amount
        members = {member for hour, member in active if hour in hours}
        windows[width] = HourWindow(activities, len(members))
    return windows


def _read(log: bytes, aside: Sequence[bytes]) -> _Hours:
    found = _Hours([], [])
    rows_from = 0
    for sums in aside:
        _read_sums(sums[_ASIDE_HEADER_BYTES:], found)
    if log.startswith(_SUMS):
        rows_from = _SUMS_HEADER.size + _SUMS_HEADER.unpack_from(log)[1]
        _read_sums(log[_SUMS_HEADER.size : rows_from], found)
    rows = np.frombuffer(log, dtype=ROW, offset=rows_from)
    places, hours_of_rows = (rows["what"] - FIRST_WHAT).tolist(), hours_of(rows).tolist()
    for place, hour, rest in zip(places, hours_of_rows, rows["rest"].tolist(), strict=True):
        is_act = place < AMOUNTS
        found.amounts.append((hour, place % OF_OBJECT, 1 if is_act else int(rest)))
        if is_act:
            found.active.append((hour, rest))
    return found


def _read_sums(sums: bytes, found: _Hours) -> None:
    amounts, members = _decode_sums(sums)
    for place, amount in zip(amounts[::2], amounts[1::2], strict=True):
        found.amounts.append((place >> _COLUMN_BITS, place % (1 << _COLUMN_BITS), amount))
    for member, hours in zip(members[::2], members[1::2], strict=True):
        found.active.extend((hour, member.encode()) for hour in _hours_of_member(hours.encode()))


def _hours_of_member(packed: bytes) -> Iterator[int]:
    newest = (packed[0] << 14) + (packed[1] << 7) + packed[2]
    return (newest - age for age in accumulate(packed[3:], initial=0))
