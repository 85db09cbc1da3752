"""Bands of the engagement index by age, and the place of a community within them."""

from __future__ import annotations

from itertools import pairwise
from time import perf_counter

import msgspec
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from pipeline.scoring.abaque import ALL_LINES, Abaque, Cell, learn_abaque, percentiles
from pipeline.scoring.life import DAYS_A_MONTH, Life

DAY = 20_000


def life(months: int, curve: list[float | None], line: str | None = None, silent_months: float = 0.0) -> Life:
    """A community that is `months` and a half old at DAY; the index is known from an age of one month on."""
    first_day = DAY - int((months + 0.5) * DAYS_A_MONTH)
    return Life(first_day, DAY - int(silent_months * DAYS_A_MONTH), index_by_month=curve, line=line)


def of_eleven(line: str | None = None, times: float = 1.0, months: int = 1) -> list[Life]:
    """Eleven communities with an index of 0, 1 .. 10 times something in each month: p10 is 1, p50 is 5, p90 is 9."""
    return [life(months, [times * index] * months, line) for index in range(11)]


def places(abaque: Abaque, index: list[float], months: float = 1.5, line: str | None = None) -> list[float]:
    ages = np.full(len(index), int(months * DAYS_A_MONTH))
    found: list[float] = percentiles(abaque, [line] * len(index), ages, np.array(index)).tolist()
    return found


def cell(abaque: Abaque, month: int, line: str = ALL_LINES) -> Cell:
    found = abaque.cells[line][month - 1]
    assert found.month == month
    return found


def test_bands_are_the_percentiles_of_all_communities_of_that_age() -> None:
    assert cell(learn_abaque(of_eleven(), DAY), 1) == Cell(
        1, 11, (1.0, 2.5, 5.0, 7.5, 9.0), 10, (1.9, 3.25, 5.5, 7.75, 9.1)
    )


def test_the_dead_stay_in_the_later_months() -> None:
    # month:    1    2    3
    # 10 live   4    4    4
    # 10 died   4    0    -   nothing is written of them any more, and they were silent
    living = [life(3, [4.0, 4.0, 4.0]) for _ in range(10)]
    died = [life(3, [4.0, 0.0], silent_months=2.6) for _ in range(10)]
    abaque = learn_abaque(living + died, DAY)
    assert [(cell(abaque, month).count, cell(abaque, month).bands) for month in (1, 2, 3)] == [
        (20, (4.0, 4.0, 4.0, 4.0, 4.0)),
        (20, (0.0, 0.0, 2.0, 4.0, 4.0)),
        (20, (0.0, 0.0, 2.0, 4.0, 4.0)),
    ]
    assert (cell(abaque, 3).alive_count, cell(abaque, 3).alive) == (10, (4.0, 4.0, 4.0, 4.0, 4.0))


def test_who_is_too_young_is_not_asked() -> None:
    abaque = learn_abaque([life(3, [4.0] * 3) for _ in range(10)] + [life(1, [1.0]) for _ in range(10)], DAY)
    assert [cell(abaque, month).count for month in (1, 2, 3)] == [20, 10, 10]
    assert cell(abaque, 2).bands == (4.0, 4.0, 4.0, 4.0, 4.0)


def test_an_earlier_day_knows_no_later_months() -> None:
    abaque = learn_abaque([life(3, [4.0] * 3) for _ in range(10)], DAY - 31)
    assert [found.month for found in abaque.cells[ALL_LINES]] == [1, 2]


def test_a_month_that_was_not_measured_counts_in_no_cell_of_that_month() -> None:
    abaque = learn_abaque([life(3, [4.0, None, 4.0]) for _ in range(10)] + [life(3, [2.0, 2.0, 2.0])], DAY)
    assert [cell(abaque, month).count for month in (1, 2, 3)] == [11, 1, 11]


def test_a_month_that_was_not_measured_and_silent_is_a_zero() -> None:
    # Nobody took part since the first days; the index of month 2 is made of days after that.
    abaque = learn_abaque([life(2, [None, None], silent_months=2.4)], DAY)
    assert [found.count for found in abaque.cells[ALL_LINES]] == [0, 1]
    never = [msgspec.structs.replace(life(2, []), last_active_day=None)]
    assert [found.count for found in learn_abaque(never, DAY).cells[ALL_LINES]] == [1, 1]


def test_too_few_communities_have_a_count_and_no_band() -> None:
    abaque = learn_abaque(of_eleven(), DAY, smallest_cell=12)
    assert cell(abaque, 1) == Cell(1, 11, None, 10, None)
    assert np.isnan(places(abaque, [5.0])).all()


def test_a_network_without_communities_has_an_abaque_that_knows_nothing() -> None:
    abaque = learn_abaque([], DAY)
    assert abaque.cells == {ALL_LINES: []}
    assert np.isnan(places(abaque, [5.0])).all()


def test_places_lie_between_the_points_of_the_band() -> None:
    abaque = learn_abaque(of_eleven(), DAY)
    assert places(abaque, [0.0, 0.5, 1.0, 2.5, 3.75, 5.0, 9.0, 18.0]) == [0.0, 5.0, 10.0, 25.0, 37.5, 50.0, 90.0, 95.0]


def test_nobody_stands_higher_than_the_share_that_is_below() -> None:
    # 6 of 10 are at 0: an index of 0 is the lowest place, although half of the others share it.
    abaque = learn_abaque([life(1, [0.0]) for _ in range(6)] + [life(1, [8.0]) for _ in range(5)], DAY)
    assert cell(abaque, 1).bands == (0.0, 0.0, 0.0, 8.0, 8.0)
    assert places(abaque, [0.0, 8.0]) == [0.0, 75.0]


def test_the_first_month_and_ages_beyond_the_oldest_cell_have_no_place() -> None:
    abaque = learn_abaque(of_eleven(months=2), DAY)
    found = [places(abaque, [5.0], months)[0] for months in (0.2, 0.99, 1.0, 2.99, 3.2, 500.0)]
    assert np.isnan(found).tolist() == [True, True, True, False, True, True]
    # 1.0 months are 30 whole days, just short of a month.
    assert places(abaque, [5.0], 31.5 / DAYS_A_MONTH) == [50.0]


def test_a_line_is_compared_with_its_own_and_falls_back_to_the_network() -> None:
    lives = of_eleven("practice") + of_eleven("process", times=10.0) + of_eleven("rare", times=2.0)[:5]
    abaque = learn_abaque(lives, DAY)
    assert list(abaque.cells) == [ALL_LINES, "practice", "process", "rare"]
    assert places(abaque, [5.0], line="practice") == [50.0]
    assert places(abaque, [50.0], line="process") == [50.0]
    of_network = places(abaque, [5.0])
    assert [places(abaque, [5.0], line=line) for line in ("rare", "unheard of", None)] == [of_network] * 3


def test_a_line_that_is_younger_than_the_network_falls_back_in_later_months() -> None:
    abaque = learn_abaque(of_eleven("practice", times=3.0) + of_eleven(months=4), DAY)
    assert places(abaque, [15.0], line="practice") == [50.0]
    assert places(abaque, [5.0], months=4.5, line="practice") == [50.0]


def test_an_abaque_survives_json() -> None:
    abaque = learn_abaque(of_eleven("practice", months=3) + of_eleven(months=2), DAY)
    assert msgspec.json.decode(msgspec.json.encode(abaque), type=Abaque) == abaque


def test_a_hundred_thousand_places_are_a_matter_of_milliseconds() -> None:
    abaque = learn_abaque(of_eleven("practice", months=100), DAY)
    ages, index = np.full(100_000, 900), np.linspace(0, 20, 100_000)
    lines = ["practice", None] * 50_000
    started = perf_counter()
    percentiles(abaque, lines, ages, index)
    # About 10 ms; a loop over communities takes more than a second.
    assert perf_counter() - started < 0.5


indices = st.floats(0, 50).map(lambda value: round(value, 3))
any_life = st.builds(
    life,
    months=st.integers(0, 6),
    curve=st.lists(st.none() | st.just(0.0) | indices, max_size=6),
    line=st.sampled_from([None, "practice", "process"]),
    silent_months=st.floats(0, 4),
)


@settings(max_examples=60, deadline=None)
@given(lives=st.lists(any_life, max_size=30), data=st.data())
def test_the_order_of_communities_changes_nothing(lives: list[Life], data: st.DataObject) -> None:
    other = data.draw(st.permutations(lives))
    assert learn_abaque(lives, DAY, 3) == learn_abaque(other, DAY, 3)


@settings(max_examples=60, deadline=None)
@given(lives=st.lists(any_life, max_size=30))
def test_bands_are_in_order_and_the_living_are_above_all(lives: list[Life]) -> None:
    for cells in learn_abaque(lives, DAY, 1).cells.values():
        for found in cells:
            if found.bands is not None:
                assert all(low <= high for low, high in pairwise(found.bands))
            if found.bands is not None and found.alive is not None:
                assert all(alive >= band - 1e-3 for alive, band in zip(found.alive, found.bands, strict=True))


@settings(max_examples=60, deadline=None)
@given(lives=st.lists(any_life, max_size=30), index=st.lists(indices, min_size=2, max_size=20), month=st.integers(1, 6))
def test_more_engagement_never_lowers_the_place(lives: list[Life], index: list[float], month: int) -> None:
    found = places(learn_abaque(lives, DAY, 3), sorted(index), month + 0.5)
    assert np.isnan(found).all() or (found[0] >= 0 and found[-1] <= 100 and (np.diff(found) >= -1e-9).all())


@settings(max_examples=60, deadline=None)
@given(lives=st.lists(any_life, min_size=3, max_size=30), alive_months=st.integers(1, 3))
def test_a_death_never_raises_a_later_band(lives: list[Life], alive_months: int) -> None:
    # It lives up to its month 1, 2 or 3, then falls silent; month 5 and 6 are those of silence.
    dead = life(6, [9.0] * alive_months, silent_months=6.4 - alive_months)
    before, after = learn_abaque(lives, DAY, 3), learn_abaque([*lives, dead], DAY, 3)
    for old, new in zip(before.cells[ALL_LINES][4:], after.cells[ALL_LINES][4:], strict=False):
        assert new.count == old.count + 1
        if old.bands is not None and new.bands is not None:
            # Bands are rounded to three digits.
            assert all(lower <= band + 2e-3 for lower, band in zip(new.bands, old.bands, strict=True))
