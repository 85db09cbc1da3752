"""What a batch brings, a row of 15 characters for each activity: both stores sum their windows from these.

A row is what happened, in which hour, and by whom; `rows.lua` reads them in Redis.

    what   'A' + kind, an act of a member; 'Q' + kind, one that carries the time of its object; 'a' + column, an amount
    hour   since 1970, UTC: three characters of 7 bits, the highest first, so that 2209 reads like 1970
    rest   the member's pseudonym, or the digits of an amount
"""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

import numpy as np

from pipeline.pseudonyms import PSEUDONYM_CHARACTERS
from pipeline.windows.columns import KINDS, member_increment

if TYPE_CHECKING:
    from numpy.typing import NDArray

OF_OBJECT, AMOUNTS = 16, 32
"""Places among the heads of an hour: of acts that carry their object's time, and of amounts; plain acts come first."""
ROW = np.dtype([("what", "u1"), ("hour", "u1", 3), ("rest", f"S{PSEUDONYM_CHARACTERS}")])
ROW_CHARACTERS = ROW.itemsize
FIRST_WHAT = ord("A")
_HEAD_CHARACTERS = ROW_CHARACTERS - PSEUDONYM_CHARACTERS
_HOUR_DIGITS = np.array([1 << 14, 1 << 7, 1])
_HOURS_KNOWN = 4_096
"""Hours whose heads are kept: some 12 MB."""
_INCREMENTS = tuple(
    member_increment(KINDS[place % OF_OBJECT], of_object=place >= OF_OBJECT) if place % OF_OBJECT < len(KINDS) else 0
    for place in range(AMOUNTS)
)


@lru_cache(_HOURS_KNOWN)
def row_heads(hour: int) -> tuple[str, ...]:
    """What rows of one hour begin with, by kind; from `OF_OBJECT` and `AMOUNTS` on those of the others."""
    digits = chr(hour >> 14 & 127) + chr(hour >> 7 & 127) + chr(hour & 127)
    return tuple(chr(FIRST_WHAT + place) + digits for place in range(AMOUNTS + OF_OBJECT))


def amount_text(amount: int) -> str:
    """What follows the head of an amount."""
    return f"{amount:0{PSEUDONYM_CHARACTERS}}"


def joined(rows: list[str]) -> str:
    """Rows as one text.

    Raises:
        ValueError: one is not as long as the others, and nothing behind it could be read.
    """
    text = "".join(rows)
    if len(text) != ROW_CHARACTERS * len(rows):
        raise ValueError(f"members are named by pseudonyms of {PSEUDONYM_CHARACTERS} characters")
    return text


def summed(rows: str) -> tuple[dict[int, int], dict[str, int]]:
    """-> (column -> amount, pseudonym -> acts packed as `columns.member_increment` says)."""
    counts: dict[int, int] = {}
    members: dict[str, int] = {}
    for start in range(0, len(rows), ROW_CHARACTERS):
        place, amount = ord(rows[start]) - FIRST_WHAT, 1
        rest = rows[start + _HEAD_CHARACTERS : start + ROW_CHARACTERS]
        if place < AMOUNTS:
            members[rest] = members.get(rest, 0) + _INCREMENTS[place]
        else:
            amount = int(rest)
        column = place % OF_OBJECT
        counts[column] = counts.get(column, 0) + amount
    return counts, members


def hours_of(rows: NDArray[np.void]) -> NDArray[np.int64]:
    """The hour of each of these rows (N,) of type `ROW`."""
    hours: NDArray[np.int64] = rows["hour"] @ _HOUR_DIGITS
    return hours
