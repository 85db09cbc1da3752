"""What a batch brings, as rows: nothing of it is lost on the way to the stores, however it is cut."""

from __future__ import annotations

from collections import Counter
from datetime import datetime, timezone
from itertools import pairwise

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.model import Details, Kind, trusted_activity
from pipeline.windows.aggregate import Aggregator
from pipeline.windows.columns import BOT, KINDS, member_increment
from pipeline.windows.rows import ROW_CHARACTERS, summed

DAY_SECONDS, FIRST_DAY = 86_400, 20_000

acts = st.tuples(
    st.integers(0, 3 * DAY_SECONDS - 1),
    st.sampled_from(range(len(KINDS))),
    st.sampled_from(["wine", "é/b"]),
    st.sampled_from([None, "member-0001", "member-0002"]),
    st.builds(Details, st.booleans(), st.sampled_from([1, 2, 1_000_000]), st.booleans()),
)


@given(st.lists(acts, max_size=80), st.lists(st.integers(0, 80), max_size=4))
@settings(max_examples=60)
def test_rows_sum_to_what_happened(drawn: list[tuple[int, int, str, str | None, Details]], cuts: list[int]) -> None:
    log = [
        trusted_activity(n, float(FIRST_DAY * DAY_SECONDS + at), kind, "acme", community, member, details)
        for n, (at, kind, community, member, details) in enumerate(drawn)
    ]
    counts: Counter[tuple[str, int, int]] = Counter()
    members: Counter[tuple[str, int, str]] = Counter()
    active: set[tuple[str, int, str]] = set()
    for at, kind, community, member, details in drawn:
        day = FIRST_DAY + at // DAY_SECONDS
        counts[community, day, BOT if details.bot else kind] += details.count
        if member is not None and KINDS[kind] is not Kind.VIEW and not details.bot:
            members[community, day, member] += member_increment(KINDS[kind], of_object=details.of_object)
            active.add((community, day, member))
    aggregator, edges = Aggregator(1, lambda _: "UTC"), [0, *sorted(min(cut, len(log)) for cut in cuts), len(log)]
    for first, last in pairwise(edges):
        delta = aggregator.add(log[first:last]).get(0, {}).get("acme")
        for day, rows_of in delta.days.items() if delta else ():
            for community, rows in rows_of.items():
                found, found_members = summed(rows)
                counts.subtract({(community, day, column): amount for column, amount in found.items()})
                members.subtract({(community, day, member): packed for member, packed in found_members.items()})
                active -= {(community, day, member) for member in found_members}
    assert not any(counts.values())
    assert not any(members.values())
    assert not active


def test_a_plain_act_is_one_row_and_an_act_of_many_two() -> None:
    one = trusted_activity(0, 0.0, 0, "acme", "wine", "member-0001")
    many = trusted_activity(1, 0.0, 0, "acme", "wine", "member-0001", Details(count=70_000))
    delta = Aggregator(1, lambda _: "UTC").add([one, many])[0]["acme"]
    rows = delta.days[0]["wine"]
    assert len(rows) == 3 * ROW_CHARACTERS
    assert summed(rows) == ({0: 70_001}, {"member-0001": 2 * member_increment(Kind.POST, of_object=False)})


def test_a_member_who_is_no_pseudonym_is_refused_before_anything_is_counted() -> None:
    activity = trusted_activity(0, 0.0, 0, "acme", "wine", "ada")
    with pytest.raises(ValueError, match="pseudonyms of 11 characters"):
        Aggregator(1, lambda _: "UTC").add([activity])


@pytest.mark.parametrize("year", [1900, 1970, 2026, 2148, 2300, 9999])
def test_a_row_is_as_long_as_any_other_whatever_its_year(year: int) -> None:
    seconds = datetime(year, 1, 1, tzinfo=timezone.utc).timestamp()
    delta = Aggregator(1, lambda _: "UTC").add([trusted_activity(0, seconds, 0, "acme", "wine", "member-0001")])[0]
    (rows_of,) = delta["acme"].days.values()
    assert len(rows_of["wine"].encode()) == ROW_CHARACTERS
