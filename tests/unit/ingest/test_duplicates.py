from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.duplicates import DuplicateMemory, restart_offset

HORIZON = 12
"""Four generations of three offsets."""


def test_an_id_is_remembered_for_one_horizon_at_least_and_forgotten_after_one_and_a_quarter() -> None:
    # offsets   0 1 2 | … | 12 | … | 24 | … 39
    #           a b c       a         a (its repeat is remembered)
    memory = DuplicateMemory(HORIZON)
    assert not memory.seen(0, "s", "a")
    assert not memory.seen(1, "s", "b")
    assert not memory.seen(2, "s", "c")
    assert memory.seen(12, "s", "a")
    assert memory.seen(14, "s", "c")
    assert not memory.seen(15, "s", "b"), "fourteen offsets ago, in a generation that is forgotten"
    assert memory.seen(24, "s", "a")
    assert not memory.seen(39, "s", "a")


def test_no_horizon_is_the_shortest() -> None:
    memory = DuplicateMemory(0)
    assert not memory.seen(0, "s", "a")
    assert memory.seen(1, "s", "a")
    assert not memory.seen(9, "s", "a")
    assert restart_offset(9, 0) == 5


def test_the_same_id_of_another_source_is_another_activity() -> None:
    memory = DuplicateMemory(HORIZON)
    assert not memory.seen(0, "slack", "a")
    assert not memory.seen(1, "zulip", "a")


def test_a_gap_of_a_whole_horizon_forgets_everything() -> None:
    # offsets   5 ....(compacted away).... 25
    memory = DuplicateMemory(HORIZON)
    assert not memory.seen(5, "s", "a")
    assert not memory.seen(25, "s", "a")


@given(
    ids=st.lists(st.integers(0, 12), min_size=1, max_size=80),
    gaps=st.lists(st.sampled_from([1, 1, 1, 1, 4, 13]), min_size=80, max_size=80),
    restart=st.integers(0, 79),
)
def test_a_restart_changes_no_answer(ids: list[int], gaps: list[int], restart: int) -> None:
    offsets = [sum(gaps[:place]) for place in range(len(ids))]
    log = [(offset, f"id{number}") for offset, number in zip(offsets, ids, strict=True)]
    memory = DuplicateMemory(HORIZON)
    undisturbed = [(offset, memory.seen(offset, "s", name)) for offset, name in log]
    fence = offsets[restart % len(ids)]

    memory = DuplicateMemory(HORIZON)
    begin = restart_offset(fence, HORIZON)
    again = [(offset, memory.seen(offset, "s", name)) for offset, name in log if offset >= begin]

    assert [pair for pair in again if pair[0] >= fence] == [pair for pair in undisturbed if pair[0] >= fence]
