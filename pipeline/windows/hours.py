"""The last hours of a community: the rows that a batch appends, and the windows that are read of them.

`hours.lua` says how a log of rows is laid out, and sums them in Redis once they are many.
"""

from __future__ import annotations

import struct
from functools import lru_cache
from itertools import accumulate
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from pipeline.history import WINDOW_HOURS
from pipeline.pseudonyms import PSEUDONYM_CHARACTERS
from pipeline.windows.columns import HOURS_REMEMBERED, KINDS
from pipeline.windows.store import HourWindow

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

AMOUNTS = 16
"""Place of the first head of an amount among the heads of an hour; those of acts come before."""
_FIRST_HEAD = ord("A")
_ROW = np.dtype([("head", "u1"), ("hour", "u1", 3), ("rest", f"S{PSEUDONYM_CHARACTERS}")])
_HOUR_DIGITS = np.array([1 << 14, 1 << 7, 1])
_SUMS = b"\xff"
_SUMS_HEADER = struct.Struct("<BI")
_COLUMN_BITS = 5
_HOURS_KNOWN = 4_096
"""Hours whose heads are kept: some 8 MB."""
_decode_sums = msgspec.msgpack.Decoder(tuple[list[int], list[str]]).decode


class _Hours(NamedTuple):
    """What a log says: (hour, column, amount) and (hour, active member), in no order."""

    amounts: list[tuple[int, int, int]]
    active: list[tuple[int, bytes]]


@lru_cache(_HOURS_KNOWN)
def row_heads(hour: int) -> tuple[str, ...]:
    """Heads of the rows of one hour, by column: of one act of a member, and from `AMOUNTS` on of an amount."""
    digits = chr(hour >> 14) + chr(hour >> 7 & 127) + chr(hour & 127)
    return tuple(chr(_FIRST_HEAD + place) + digits for place in range(2 * AMOUNTS))


def amount_text(amount: int) -> str:
    """What follows the head of an amount."""
    return f"{amount:0{PSEUDONYM_CHARACTERS}}"


def joined(rows: list[str]) -> str:
    """The rows of a batch as they are appended.

    Raises:
        ValueError: one is not as long as the others, and nothing behind it could be read.
    """
    text = "".join(rows)
    if len(text) != _ROW.itemsize * len(rows):
        raise ValueError(f"members are named by pseudonyms of {PSEUDONYM_CHARACTERS} characters")
    return text


def recent(rows: bytearray) -> bytearray:
    """The rows of hours that are remembered."""
    found = np.frombuffer(rows, dtype=_ROW)
    hours = _hours_of(found)
    return bytearray(found[hours > hours.max(initial=0) - HOURS_REMEMBERED].tobytes())


def hour_windows(log: bytes, end_hour: int) -> dict[int, HourWindow]:
    """The windows that end before `end_hour` (hours since 1970, UTC), as far as hours are remembered."""
    amounts, active = _read(log)
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


def _read(log: bytes) -> _Hours:
    found = _Hours([], [])
    rows_from = 0
    if log.startswith(_SUMS):
        rows_from = _SUMS_HEADER.size + _SUMS_HEADER.unpack_from(log)[1]
        amounts, members = _decode_sums(log[_SUMS_HEADER.size : rows_from])
        for place, amount in zip(amounts[::2], amounts[1::2], strict=True):
            found.amounts.append((place >> _COLUMN_BITS, place % (1 << _COLUMN_BITS), amount))
        for member, hours in zip(members[::2], members[1::2], strict=True):
            found.active.extend((hour, member.encode()) for hour in _hours_of_member(hours.encode()))
    rows = np.frombuffer(log, dtype=_ROW, offset=rows_from)
    places, hours_of_rows = (rows["head"] - _FIRST_HEAD).tolist(), _hours_of(rows).tolist()
    for place, hour, rest in zip(places, hours_of_rows, rows["rest"].tolist(), strict=True):
        if place < AMOUNTS:
            found.amounts.append((hour, place, 1))
            found.active.append((hour, rest))
        else:
            found.amounts.append((hour, place - AMOUNTS, int(rest)))
    return found


def _hours_of(rows: NDArray[np.void]) -> NDArray[np.int64]:
    hours: NDArray[np.int64] = rows["hour"] @ _HOUR_DIGITS
    return hours


def _hours_of_member(packed: bytes) -> Iterator[int]:
    newest = (packed[0] << 14) + (packed[1] << 7) + packed[2]
    return (newest - age for age in accumulate(packed[3:], initial=0))
