"""How troughs of comparable communities ended, the open ones counted for as long as they were watched."""

from __future__ import annotations

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.history import WEEK_DAYS
from pipeline.scoring.life import Life
from pipeline.scoring.trough_tracking import Trough
from pipeline.scoring.troughs import ALL_SIZES, TroughAbaque, TroughCell, comparable_troughs, learn_troughs

DAY = 20_000


def trough(weeks: float, *, back: bool, peak: float = 20.0, ended_ago_weeks: float = 0.0) -> Trough:
    """Return a trough that lasted so long: it came back then, or is open still."""
    length, ago = int(weeks * WEEK_DAYS), int(ended_ago_weeks * WEEK_DAYS)
    return Trough(DAY - ago - length, peak, DAY - ago if back else None)


def learnt(troughs: list[Trough], smallest_cell: int = 1) -> TroughAbaque:
    return learn_troughs([Life(10_000, DAY, troughs=[each]) for each in troughs], DAY, smallest_cell)


def test_where_all_came_back_the_median_is_that_of_their_weeks() -> None:
    # weeks:  4   8   12   30   60, all back
    abaque = learnt([trough(weeks, back=True) for weeks in (4, 8, 12, 30, 60)])
    assert abaque.cells[ALL_SIZES] == TroughCell("all", 5, 5, 12.0, 0.6, 0.6, 0.8)


def test_an_open_trough_counts_as_long_as_it_was_watched() -> None:
    # back after 4 and 20 weeks, one open since 10 weeks and one since 60.
    # after 4: 3 of 4 are left; at 20 two are watched, one comes back: 3/4 · 1/2 are left
    watched = [trough(4, back=True), trough(20, back=True), trough(10, back=False), trough(60, back=False)]
    assert learnt(watched).cells[ALL_SIZES] == TroughCell("all", 4, 2, 20.0, 0.25, 0.625, 0.625)


def test_a_median_needs_half_to_come_back() -> None:
    cell = learnt([trough(4, back=True), trough(80, back=False), trough(90, back=False)]).cells[ALL_SIZES]
    assert (cell.median_weeks, cell.back_within_52_weeks) == (None, 0.333)


def test_nothing_is_said_of_weeks_that_no_trough_was_watched_for() -> None:
    cell = learnt([trough(4, back=True), trough(30, back=False)]).cells[ALL_SIZES]
    assert (cell.back_within_13_weeks, cell.back_within_26_weeks, cell.back_within_52_weeks) == (0.5, 0.5, None)


def test_none_back_is_a_share_of_zero() -> None:
    cell = learnt([trough(30, back=False), trough(20, back=False)]).cells[ALL_SIZES]
    assert cell == TroughCell("all", 2, 0, None, 0.0, 0.0, None)


def test_what_happened_after_the_day_is_not_known() -> None:
    abaque = learn_troughs([Life(10_000, troughs=[Trough(DAY - 70, 20.0, DAY + 7), Trough(DAY + 14, 20.0)])], DAY, 1)
    cell = abaque.cells[ALL_SIZES]
    assert (cell.count, cell.back) == (1, 0)


@pytest.mark.parametrize(
    ("peak", "size"),
    [
        *((2.0, "<6"), (5.99, "<6"), (6.0, "6-12"), (12.0, "12-25"), (25.0, "25-50")),
        *((49.9, "25-50"), (50.0, "50+"), (4000.0, "50+")),
    ],
)
def test_troughs_are_compared_within_the_size_of_the_peak(peak: float, size: str) -> None:
    abaque = learnt([trough(10, back=True, peak=each) for each in (3.0, 8.0, 20.0, 40.0, 100.0)])
    assert comparable_troughs(abaque, peak) == abaque.cells[size]
    assert abaque.cells[size].count == 1


def test_a_class_with_too_few_gives_way_to_all_and_all_to_nothing() -> None:
    troughs = [trough(10, back=True, peak=3.0)] * 6 + [trough(10, back=True, peak=20.0)] * 4
    abaque = learnt(troughs, smallest_cell=5)
    assert abaque.cells["12-25"] == TroughCell("12-25", 4, 4)
    found = [comparable_troughs(abaque, peak) for peak in (3.0, 20.0, 70.0)]
    assert [cell and (cell.size, cell.count) for cell in found] == [("<6", 6), ("all", 10), ("all", 10)]
    assert comparable_troughs(learnt(troughs, smallest_cell=11), 3.0) is None


def test_a_week_off_of_a_single_member_is_no_trough() -> None:
    abaque = learnt([trough(10, back=True, peak=each) for each in (0.0, 1.0, 1.9, 2.0)])
    assert (abaque.cells[ALL_SIZES].count, abaque.cells["<6"].count) == (1, 1)


def test_a_network_without_troughs_has_nothing_to_compare_with() -> None:
    abaque = learn_troughs([Life(10_000, DAY)], DAY, 0)
    assert abaque.cells[ALL_SIZES] == TroughCell("all", 0, 0)


def test_an_abaque_of_troughs_survives_json() -> None:
    abaque = learnt([trough(weeks, back=weeks < 20, peak=weeks) for weeks in range(2, 60)], smallest_cell=10)
    assert msgspec.json.decode(msgspec.json.encode(abaque), type=TroughAbaque) == abaque


any_trough = st.builds(
    trough,
    weeks=st.integers(0, 120),
    back=st.booleans(),
    peak=st.floats(2, 80),
    ended_ago_weeks=st.integers(0, 50),
)


@settings(max_examples=40, deadline=None)
@given(troughs=st.lists(any_trough, max_size=40), data=st.data())
def test_the_order_of_communities_changes_nothing(troughs: list[Trough], data: st.DataObject) -> None:
    other = data.draw(st.permutations(troughs))
    assert learnt(troughs, 3) == learnt(other, 3)


@settings(max_examples=40, deadline=None)
@given(troughs=st.lists(any_trough, max_size=40))
def test_shares_grow_with_time_and_classes_add_up(troughs: list[Trough]) -> None:
    cells = learnt(troughs).cells
    for cell in cells.values():
        shares = (cell.back_within_13_weeks, cell.back_within_26_weeks, cell.back_within_52_weeks)
        known = [share for share in shares if share is not None]
        assert known == sorted(known)
        assert all(0 <= share <= 1 for share in known)
    assert (
        sum(cell.count for name, cell in cells.items() if name != ALL_SIZES) == cells[ALL_SIZES].count == len(troughs)
    )


@settings(max_examples=40, deadline=None)
@given(troughs=st.lists(any_trough, min_size=1, max_size=40))
def test_one_more_that_never_came_back_never_raises_the_shares(troughs: list[Trough]) -> None:
    before = learnt(troughs).cells[ALL_SIZES]
    after = learnt([*troughs, trough(200, back=False)]).cells[ALL_SIZES]
    for weeks in (13, 26, 52):
        old, new = (getattr(cell, f"back_within_{weeks}_weeks") for cell in (before, after))
        assert old is None or new <= old
