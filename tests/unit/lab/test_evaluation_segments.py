"""The segmenters of the labels against every partition there is."""

from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.lab.evaluation.segments import SHORTEST_WEEKS, AnscombeCosts, Costs, NegativeBinomialCosts, partitions

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

COUNTS = st.lists(st.integers(0, 30), min_size=8, max_size=15).map(lambda counts: np.array(counts, dtype=np.float64))
BOTH_COSTS = pytest.mark.parametrize("costs", [AnscombeCosts, NegativeBinomialCosts])


def every_partition(weeks: int, start: int = 0) -> Iterator[list[int]]:
    yield [start, weeks]
    for cut in range(start + SHORTEST_WEEKS, weeks - SHORTEST_WEEKS + 1):
        for rest in every_partition(weeks, cut):
            yield [start, *rest]


def price(counts: NDArray[np.float64], cuts: list[int], penalty: float, costs: type[Costs]) -> float:
    cost = costs(counts[None, :], np.array([len(counts)]))
    segments = [float(cost.until(end, start + 1)[0, start]) for start, end in pairwise(cuts)]
    return sum(segments) + penalty * float(np.log(len(counts))) * (len(segments) - 1)


@BOTH_COSTS
@given(counts=COUNTS, penalty=st.sampled_from([0.0, 0.5, 2.0]))
def test_no_partition_is_cheaper(costs: type[Costs], counts: NDArray[np.float64], penalty: float) -> None:
    (((found),),) = partitions([counts], [penalty], costs)
    cheapest = min(price(counts, cuts, penalty, costs) for cuts in every_partition(len(counts)))
    assert found in list(every_partition(len(counts)))
    assert price(counts, found, penalty, costs) == pytest.approx(cheapest, abs=1e-6)


@BOTH_COSTS
@given(rows=st.lists(COUNTS, min_size=2, max_size=5))
def test_a_series_is_cut_alone_as_it_is_beside_longer_ones(costs: type[Costs], rows: list[NDArray[np.float64]]) -> None:
    together = partitions(rows, [0.5, 2.0], costs)
    for place, row in enumerate(rows):
        assert [cuts[place] for cuts in together] == [cuts for (cuts,) in partitions([row], [0.5, 2.0], costs)]


@BOTH_COSTS
def test_a_fall_is_cut_where_it_happens_and_a_flat_level_is_not(costs: type[Costs]) -> None:
    fall = np.repeat([20.0, 6.0], [30, 20])
    assert partitions([fall, np.full(40, 9.0)], [3.0], costs) == [[[0, 30, 50], [0, 40]]]
