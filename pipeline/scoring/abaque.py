"""Abaques: what engagement index is ordinary at which age, as percentile bands learnt from a network's own communities.

Survivors alone would paint the later months too bright: where only the living are asked, the band rises because the
others have died. So a month's band is made of *every* community old enough to have reached it. One that has fallen
silent goes on with an index of 0; one that is too young yet is not asked; one that was not measured in that month is
left out of that month alone. Places among peers are read from this band, since the question is how a community stands
among those that once began like it. What the living alone do is kept beside it, as `alive`.
"""

from __future__ import annotations

from itertools import chain, repeat
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.scoring.life import DAYS_A_MONTH, MONTHS_KEPT, SURVEY_DAYS, age_months

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.scoring.life import Life

PERCENTILES = (10, 25, 50, 75, 90)
ALL_LINES = ""
SMALLEST_CELL = 10
_DIGITS = 3

Bands = tuple[float, float, float, float, float]


class Cell(msgspec.Struct, frozen=True, omit_defaults=True):
    """Communities of one age: from `month` to `month` + 1 months. A band is None where too few stand behind it."""

    month: int
    count: int
    """Communities that are old enough and were measured at that age, the dead ones among them."""
    bands: Bands | None = None
    """The index at percentiles 10, 25, 50, 75 and 90 of all of them."""
    alive_count: int = 0
    """Those of them with an index above 0 in that month."""
    alive: Bands | None = None
    """The same percentiles of the living ones: brighter than what a community may expect."""


class Abaque(msgspec.Struct, frozen=True):
    """Bands by line and age. `cells[line][k]` is of month k + 1; line "" holds all communities of the network."""

    day: int
    smallest_cell: int
    cells: dict[str, list[Cell]]


def learn_abaque(lives: Sequence[Life], day: int, smallest_cell: int = SMALLEST_CELL) -> Abaque:
    """The abaque of a network as of a day, for all its communities and for each line that one of them carries.

    The first month has no cell: no index is measured before an age of one month.
    """
    curves = _curves(lives, day)
    of_line: dict[str, list[int]] = {}
    for place, life in enumerate(lives):
        if life.line:
            of_line.setdefault(life.line, []).append(place)
    cells = {ALL_LINES: _cells(curves, smallest_cell)}
    cells.update({line: _cells(curves[places], smallest_cell) for line, places in sorted(of_line.items())})
    return Abaque(day, smallest_cell, cells)


def percentiles(
    abaque: Abaque, lines: Sequence[str | None], age_days: NDArray[np.int64], index: NDArray[np.float64]
) -> NDArray[np.float64]:
    """The place of each index among communities of the same line and age, (C,): 0 lowest, 100 highest.

    `age_days` counts the first day, as in `Reading`. Between two points of a band the place is linear; from 0 to p10 it
    goes from 0 to 10. Above p90 it is 100 - 10 · p90 / index, so twice the p90 is at 95. Where several points of a band
    are equal the lowest counts: nobody stands higher than the share of communities that is truly below. A line's cell
    that is missing or too small gives way to the cell of the whole network; where that is missing too the place is NaN.
    """
    codes, bands = _tables(abaque)
    rows = np.fromiter(map(codes.get, lines, repeat(0)), dtype=np.int64, count=len(lines))
    months = (np.asarray(age_days) / DAYS_A_MONTH).astype(np.int64)
    band = bands[rows, np.clip(months, 0, bands.shape[1] - 1)]
    known = ~np.isnan(band[:, 0])
    places = np.full(len(rows), np.nan)
    places[known] = _places(band[known], np.asarray(index, dtype=np.float64)[known])
    return places


def band_of(abaque: Abaque, line: str | None, months: int) -> Bands | None:
    """The band of communities of a line that are `months` months old, else of all; None where too few are known."""
    for name in (line or ALL_LINES, ALL_LINES):
        cells = abaque.cells.get(name, [])
        band = cells[months - 1].bands if 1 <= months <= len(cells) else None
        if band is not None:
            return band
    return None


def _curves(lives: Sequence[Life], day: int) -> NDArray[np.float64]:
    """(C, M) the index at 1 .. M months; 0 in silent months, NaN where a community is too young or was not measured."""
    ages = np.array([min(age_months(life.first_day, day), MONTHS_KEPT) for life in lives], dtype=np.int64)
    kept = [life.index_by_month[: max(age, 0)] for life, age in zip(lives, ages.tolist(), strict=True)]
    months = np.arange(1, ages.max(initial=0) + 1)
    curves = np.full((len(lives), len(months)), np.nan)
    written = months <= np.array([len(curve) for curve in kept], dtype=np.int64)[:, None]
    # None turns into NaN.
    curves[written] = np.array(list(chain.from_iterable(kept)), dtype=np.float64)
    curves[np.isnan(curves) & (months <= ages[:, None]) & _silent(lives, months)] = 0.0
    return curves


def _silent(lives: Sequence[Life], months: NDArray[np.int64]) -> NDArray[np.bool_]:
    """(C, M) months whose index can only be 0, measured or not: nobody took part in the days it is made of."""
    first = np.array([life.first_day for life in lives], dtype=np.float64)
    last = np.array([-np.inf if life.last_active_day is None else life.last_active_day for life in lives])
    return last[:, None] < first[:, None] + months * DAYS_A_MONTH - SURVEY_DAYS


def _cells(curves: NDArray[np.float64], smallest_cell: int) -> list[Cell]:
    counts, bands = _bands(curves)
    alive_counts, alive = _bands(np.where(curves > 0, curves, np.nan))
    reached = int(np.flatnonzero(counts)[-1]) + 1 if counts.any() else 0
    return [
        Cell(
            month=place + 1,
            count=int(counts[place]),
            bands=_band(bands[place]) if counts[place] >= smallest_cell else None,
            alive_count=int(alive_counts[place]),
            alive=_band(alive[place]) if alive_counts[place] >= smallest_cell else None,
        )
        for place in range(reached)
    ]


def _bands(curves: NDArray[np.float64]) -> tuple[NDArray[np.int64], NDArray[np.float64]]:
    """(C, M) -> (M,) how many are not NaN, (M, 5) their percentiles, linear between neighbours."""
    # NaN is sorted to the end. A last row of NaN gives months without any community something to be read from.
    ordered = np.sort(np.vstack([curves, np.full((1, curves.shape[1]), np.nan)]), axis=0)
    counts = (~np.isnan(curves)).sum(axis=0)
    last = np.maximum(counts - 1, 0)
    position = last * np.array(PERCENTILES)[:, None] / 100
    below = position.astype(np.int64)
    low = np.take_along_axis(ordered, below, axis=0)
    high = np.take_along_axis(ordered, np.minimum(below + 1, last), axis=0)
    # Never above the upper neighbour, not even by a rounding: bands are in order.
    return counts, np.minimum(low + (position - below) * (high - low), high).T


def _band(row: NDArray[np.float64]) -> Bands:
    p10, p25, p50, p75, p90 = np.round(row, _DIGITS).tolist()
    return p10, p25, p50, p75, p90


def _tables(abaque: Abaque) -> tuple[dict[str | None, int], NDArray[np.float64]]:
    """The row of each line, the network's being 0, and (L, M + 1, 5) bands by row and month; NaN where there is none.

    Month 0 and the month after the last are never known, so every other age can be clipped to one of them.
    """
    months = max((cell.month for cells in abaque.cells.values() for cell in cells), default=0) + 2
    names = [ALL_LINES, *(line for line in abaque.cells if line != ALL_LINES)]
    bands = np.full((len(names), months, len(PERCENTILES)), np.nan)
    for row, name in enumerate(names):
        bands[row] = bands[0]
        for cell in abaque.cells.get(name, ()):
            if cell.bands is not None:
                bands[row, cell.month] = cell.bands
    return {name: row for row, name in enumerate(names)}, bands


def _places(band: NDArray[np.float64], index: NDArray[np.float64]) -> NDArray[np.float64]:
    """(K, 5), (K,) -> (K,)."""
    below = (band < index[:, None]).sum(axis=1)
    points = np.column_stack([np.zeros(len(band)), band])
    ranks = np.array([0, *PERCENTILES], dtype=np.float64)
    rows, top = np.arange(len(band)), len(PERCENTILES)
    above = np.minimum(below + 1, top)
    low, high = points[rows, below], points[rows, above]
    share = np.divide(index - low, high - low, out=np.zeros_like(index), where=high > low)
    between = ranks[below] + share * (ranks[above] - ranks[below])
    beyond = 100.0 - (100.0 - ranks[top]) * np.divide(points[:, top], index, out=np.ones_like(index), where=index > 0)
    return np.asarray(np.where(below == top, beyond, between))
