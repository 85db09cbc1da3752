"""Reads the packed members that `apply.lua` writes (its part on members says how they are laid out)."""

from __future__ import annotations

from pipeline.history import MemberDay

_CONTINUES = 0x80


def newest_day(value: bytes) -> int:
    """The newest active day."""
    at = _days_at(value)
    return value[at] | value[at + 1] << 8


def decode_member(value: bytes, oldest_day: int, boundary_day: int) -> list[MemberDay]:
    """Active days from `oldest_day` up to and with `boundary_day`, oldest first."""
    day, at = newest_day(value), _days_at(value) + 2
    days = []
    while day >= oldest_day:
        conversational, at = _varint(value, at)
        relational, at = _varint(value, at)
        if day <= boundary_day:
            days.append(MemberDay(day, conversational, relational >> 1, bool(relational & 1)))
        if at >= len(value):
            break
        gap, at = _varint(value, at)
        day -= gap
    return days[::-1]


def _days_at(value: bytes) -> int:
    """Where the days begin, behind the hours."""
    hours = value[0]
    return 1 if hours == 0 else 3 + hours


def _varint(value: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = value[at]
        at += 1
        number |= (byte & ~_CONTINUES) << shift
        if not byte & _CONTINUES:
            return number, at
        shift += 7
