"""Reads the packed members that `apply.lua` writes (its part on members says how they are laid out)."""

from __future__ import annotations

from pipeline.history import MemberDay

_CONTINUES = 0x80


def decode_member(value: bytes, oldest_day: int, seen_after: int, boundary_day: int) -> list[MemberDay]:
    """Active days `oldest_day` to `boundary_day`, both included, oldest first; none without one after `seen_after`."""
    hours = value[0]
    at = 1 if hours == 0 else 3 + hours
    day = value[at] | value[at + 1] << 8
    # Who has long been silent is not decoded at all.
    if day <= seen_after:
        return []
    days = _days(value, at + 2, day, oldest_day)
    while days and days[0].day > boundary_day:
        del days[0]
    return days[::-1] if days and days[0].day > seen_after else []


def _days(value: bytes, at: int, day: int, oldest_day: int) -> list[MemberDay]:
    """Active days newest first. Nearly every number is a single byte: the loop asks no function for those."""
    days = []
    end = len(value)
    while day >= oldest_day:
        conversational, relational, at = value[at], value[at + 1], at + 2
        if conversational >= _CONTINUES or relational >= _CONTINUES:
            conversational, at = _varint(value, at - 2)
            relational, at = _varint(value, at)
        days.append(MemberDay(day, conversational, relational >> 1, relational & 1 == 1))
        if at >= end:
            break
        gap, at = value[at], at + 1
        if gap >= _CONTINUES:
            gap, at = _varint(value, at - 1)
        day -= gap
    return days


def _varint(value: bytes, at: int) -> tuple[int, int]:
    number = shift = 0
    while True:
        byte = value[at]
        at += 1
        number |= (byte & ~_CONTINUES) << shift
        if not byte & _CONTINUES:
            return number, at
        shift += 7
