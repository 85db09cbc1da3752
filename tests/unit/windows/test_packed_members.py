"""Packed members of many communities, read at once."""

from __future__ import annotations

import tracemalloc
from typing import TYPE_CHECKING
from unittest.mock import patch

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.history import MemberDay, Members
from pipeline.windows.members import BYTES_AT_ONCE, decode_members

if TYPE_CHECKING:
    from pipeline.history import MemberHistories

BOUNDARY = 20_000
OLDEST, SEEN_AFTER = BOUNDARY - 364, BOUNDARY - 182
ONE_BYTE, TWO_BYTES, THREE_BYTES = 127, 128, 20_000

numbers = st.sampled_from([0, 1, 2, ONE_BYTE, TWO_BYTES, THREE_BYTES])
member_days = st.dictionaries(
    st.integers(BOUNDARY - 450, BOUNDARY + 5), st.tuples(numbers, numbers, st.booleans()), min_size=1, max_size=8
)
communities = st.lists(st.dictionaries(st.text("abc", min_size=1, max_size=3), member_days, max_size=4), max_size=3)


def varint(number: int) -> bytes:
    out = bytearray()
    while number > ONE_BYTE:
        out.append(number % 128 + 128)
        number //= 128
    return bytes([*out, number])


def packed(days: list[MemberDay]) -> bytes:
    """As `apply.lua` writes a member of these days, oldest first."""
    out, after = b"", None
    for one in reversed(days):
        out += one.day.to_bytes(2, "little") if after is None else varint(after - one.day)
        out += varint(one.conversational) + varint(one.relational * 2 + one.participated)
        after = one.day
    return out


def read(found: list[MemberHistories]) -> list[Members]:
    raw = [{name.encode(): packed(days) for name, days in members.items()} for members in found]
    return decode_members(raw, OLDEST, SEEN_AFTER, BOUNDARY)


@given(communities, st.sampled_from([1, 20, BYTES_AT_ONCE]))
@settings(max_examples=60)
def test_every_day_within_the_year_is_read_of_members_seen_within_half_a_year(
    drawn: list[dict[str, dict[int, tuple[int, int, bool]]]], bytes_at_once: int
) -> None:
    found: list[MemberHistories] = [
        {name: [MemberDay(day, *acts) for day, acts in sorted(days.items())] for name, days in members.items()}
        for members in drawn
    ]
    expected: list[MemberHistories] = [
        {
            name: within
            for name, days in members.items()
            if (within := [one for one in days if OLDEST <= one.day <= BOUNDARY]) and within[-1].day > SEEN_AFTER
        }
        for members in found
    ]
    with patch("pipeline.windows.members.BYTES_AT_ONCE", bytes_at_once):
        assert [members.histories() for members in read(found)] == expected


def test_reading_a_large_community_takes_little_more_than_what_is_read() -> None:
    # 2,000 members, active on each of 300 days: 15 MB as columns
    days = [MemberDay(BOUNDARY - back, 2, 1, participated=True) for back in reversed(range(300))]
    raw = [{f"{number:05}".encode(): packed(days) for number in range(2_000)}]
    tracemalloc.start()
    (members,) = decode_members(raw, OLDEST, SEEN_AFTER, BOUNDARY)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    columns = (members.days, members.conversational, members.relational, members.participated)
    assert peak < 2.4 * sum(column.nbytes for column in columns), "about twice, while parts are put together"


@pytest.mark.parametrize("days_ago", [0, 181])
def test_a_member_is_read_up_to_the_last_day_of_half_a_year(days_ago: int) -> None:
    days = [MemberDay(BOUNDARY - days_ago, 3, 2, participated=True)]
    (members,) = read([{"a": days}])
    assert members.histories() == {"a": days}


def test_sums_are_of_each_member_within_the_days_asked_for() -> None:
    # a: 5 contributions 10 days ago, 1 today | b: 7 relational acts 3 days ago
    members = Members.of(
        {
            "b": [MemberDay(BOUNDARY - 3, 0, 7, participated=False)],
            "a": [MemberDay(BOUNDARY - 10, 5, 0, participated=True), MemberDay(BOUNDARY, 1, 0, participated=True)],
        }
    )
    assert members.pseudonyms == ["a", "b"]
    assert members.contributions(BOUNDARY - 10, BOUNDARY).tolist() == [1, 0]
    assert members.contributions(BOUNDARY - 11, BOUNDARY - 1).tolist() == [5, 0]
    assert members.relations(BOUNDARY - 11, BOUNDARY).tolist() == [0, 7]
    assert members.active_days(BOUNDARY - 11, BOUNDARY).tolist() == [2, 1]
    assert members.days_of_participation(BOUNDARY - 11, BOUNDARY).tolist() == [2, 0]
    assert (members.first_day(0), members.place("b"), members.place("c")) == (BOUNDARY - 10, 1, None)
