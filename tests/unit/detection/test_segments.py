"""Partitions of weekly levels, and the second opinion that rests on them."""

from __future__ import annotations

from itertools import pairwise

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from numpy.typing import NDArray

from pipeline.detection.confirmation import agreement
from pipeline.detection.segments import SHORTEST_WEEKS, cuts, partitions
from tests.unit.detection.timeline import FEBRUARY, history_at, weeks

Series = NDArray[np.float64]


def changes(series: Series, penalty: float = 3.0, *, anscombe: bool = False) -> list[int]:
    ((begins,),) = partitions(series[None, :], [penalty], anscombe=anscombe)
    return [cut.at for cut in cuts(begins)][::-1]


@pytest.mark.parametrize("anscombe", [False, True])
def test_a_halved_level_is_cut_where_it_fell(*, anscombe: bool) -> None:
    # 20 20 20 … (16 weeks) | 6 6 6 … (10 weeks)
    noise = np.tile([0.0, 2.0, -1.0, -1.0], 7)[:26]
    level = np.r_[np.full(16, 20.0), np.full(10, 6.0)] + noise
    assert changes(level, anscombe=anscombe) == [16]


@pytest.mark.parametrize("anscombe", [False, True])
def test_noise_around_one_level_is_not_cut(*, anscombe: bool) -> None:
    noise = np.random.default_rng(5).negative_binomial(8, 8 / (8 + 12), size=52).astype(float)
    assert changes(noise, 4.0, anscombe=anscombe) == []


def cost_by_hand(series: Series, bounds: list[int], penalty: float) -> float:
    """-2 ln of a negative binomial of size 8 with one mean a segment, and the penalties."""
    total = 0.0
    for start, end in pairwise(bounds):
        mean = max(series[start:end].mean(), 1e-12)
        total += sum(-2 * (x * np.log(mean) - (x + 8) * np.log(mean + 8) + 8 * np.log(8)) for x in series[start:end])
    return float(total + penalty * np.log(len(series)) * (len(bounds) - 2))


@settings(max_examples=30, deadline=None)
@given(st.lists(st.integers(1, 30), min_size=12, max_size=12), st.sampled_from([2.0, 4.0]))
def test_no_other_partition_costs_less(counts: list[int], penalty: float) -> None:
    series = np.array(counts, dtype=float)
    found = cost_by_hand(series, [0, *changes(series, penalty), 12], penalty)
    others = [[], [4], [5], [6], [7], [8], [4, 8]]
    assert found <= min(cost_by_hand(series, [0, *inner, 12], penalty) for inner in others) + 1e-6


@settings(max_examples=20, deadline=None)
@given(st.lists(st.integers(0, 40), min_size=16, max_size=16), st.lists(st.integers(0, 40), min_size=16, max_size=16))
def test_a_series_is_cut_the_same_whichever_others_are_beside_it(one: list[int], other: list[int]) -> None:
    ((alone,),) = partitions(np.array([one], dtype=float), [3.0], anscombe=True)
    together = partitions(np.array([other, one], dtype=float), [2.0, 3.0], anscombe=True)
    assert (together[1, 1] == alone).all()
    bounds = [0, *sorted(cut.at for cut in cuts(alone)), 16]
    assert all(end - start >= SHORTEST_WEEKS for start, end in pairwise(bounds))


def test_segmenters_agree_on_a_lasting_fall_and_on_no_steady_level() -> None:
    #        30 weeks at 20          7 weeks at 6
    # ──────────────────────────┐______________▶ boundary
    series = np.stack([weeks((30, 20), (7, 6)), weeks((37, 20))])
    history = history_at(series, 37 * 7 - 1, FEBRUARY)
    onset = FEBRUARY + 30 * 7
    fallen, steady = agreement(history, [0, 1], [onset, onset])
    assert fallen >= 0.9
    assert steady == 0.0


def test_segmenters_do_not_take_a_fall_of_half_a_year_ago_for_this_one() -> None:
    history = history_at(weeks((20, 20), (26, 6))[None, :], 46 * 7 - 1, FEBRUARY)
    assert agreement(history, [0], [FEBRUARY + 41 * 7]) == [0.0]


def test_a_community_of_less_than_twelve_weeks_is_not_asked_about() -> None:
    history = history_at(weeks((6, 20), (5, 2))[None, :], 11 * 7 - 1, FEBRUARY)
    assert agreement(history, [0], [FEBRUARY + 6 * 7]) == [0.0]
