"""The abaque of troughs: how troughs of comparable communities ended, so that a new one can be placed among them.

Comparable are troughs below a peak of the same size class. One that is still open, or whose community has died in it,
is not a failure yet: it is censored at `day` and counts as long as it has been watched (Kaplan and Meier, 1958). Each
trough counts once, so a community with three of them counts three times. Troughs below a peak of less than two
participants a week are left out: they are one member's week off (`three_points.py`).
"""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.history import WEEK_DAYS
from pipeline.scoring.survival import SIZE_CLASSES, size_class
from pipeline.scoring.trough_tracking import LOWEST_PEAK

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.scoring.life import Life
    from pipeline.scoring.trough_tracking import Trough

ALL_SIZES = "all"
HORIZONS_WEEKS = (13, 26, 52)
SMALLEST_CELL = 10
_HALF = 0.5
_TINY = 1e-9


class TroughCell(msgspec.Struct, frozen=True, omit_defaults=True):
    """Troughs below peaks of one size; where they are too few, only `count` and `back` are known."""

    size: str
    """Size class of the peak in participants a week, or "all"."""
    count: int
    back: int
    """How many of them have come back to three quarters of the peak so far."""
    median_weeks: float | None = None
    """Weeks until half of all troughs, the open ones too, are back; None where half never came back."""
    back_within_13_weeks: float | None = None
    """Share that is back 13 weeks after it began; None where no trough has been watched for so long."""
    back_within_26_weeks: float | None = None
    back_within_52_weeks: float | None = None


class TroughAbaque(msgspec.Struct, frozen=True):
    """The cells by name of their size class, "all" among them. JSON values."""

    day: int
    smallest_cell: int
    cells: dict[str, TroughCell]


def learn_troughs(lives: Sequence[Life], day: int, smallest_cell: int = SMALLEST_CELL) -> TroughAbaque:
    """How the troughs of a network's communities have ended, as known at the end of `day`."""
    troughs = [
        trough for life in lives for trough in life.troughs if trough.since_day <= day and trough.peak >= LOWEST_PEAK
    ]
    cells = {ALL_SIZES: _cell(ALL_SIZES, troughs, day, smallest_cell)}
    for _, name in SIZE_CLASSES:
        cells[name] = _cell(name, [each for each in troughs if size_class(each.peak) == name], day, smallest_cell)
    return TroughAbaque(day, smallest_cell, cells)


def comparable_troughs(abaque: TroughAbaque, peak: float) -> TroughCell | None:
    """The troughs below a peak of that size, in participants a week; of all sizes where those are too few.

    None where the network has too few troughs altogether.
    """
    for name in (size_class(peak), ALL_SIZES):
        cell = abaque.cells.get(name)
        if cell is not None and cell.count >= abaque.smallest_cell:
            return cell
    return None


def _cell(size: str, troughs: Sequence[Trough], day: int, smallest_cell: int) -> TroughCell:
    back = sum(_is_back(trough, day) for trough in troughs)
    if not troughs or len(troughs) < smallest_cell:
        return TroughCell(size, len(troughs), back)
    median_weeks, shares = _kaplan_meier(troughs, day)
    return TroughCell(size, len(troughs), back, median_weeks, *shares)


def _kaplan_meier(troughs: Iterable[Trough], day: int) -> tuple[float | None, list[float | None]]:
    """The median of the weeks until back, and the share that is back at each horizon."""
    from scipy.stats import CensoredData, ecdf  # noqa: PLC0415 - 60 MB and most of a second that a survey alone needs

    ends = [(trough.since_day, trough.back_day if _is_back(trough, day) else None) for trough in troughs]
    weeks = np.array([((day if back is None else back) - since) / WEEK_DAYS for since, back in ends])
    is_open = np.array([back is None for _, back in ends])
    estimate = ecdf(CensoredData.right_censored(weeks, is_open))
    reached = estimate.cdf.quantiles[estimate.cdf.probabilities >= _HALF - _TINY]
    # Beyond the longest wait nothing is known, unless all were back by then.
    known_weeks = np.inf if estimate.cdf.probabilities[-1] >= 1 - _TINY else weeks.max()
    shares = estimate.cdf.evaluate(np.array(HORIZONS_WEEKS, dtype=np.float64))
    return (
        round(float(reached[0]), 1) if reached.size else None,
        [
            round(float(share), 3) if horizon <= known_weeks else None
            for horizon, share in zip(HORIZONS_WEEKS, shares, strict=True)
        ],
    )


def _is_back(trough: Trough, day: int) -> bool:
    return trough.back_day is not None and trough.back_day <= day
