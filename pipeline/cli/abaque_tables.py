"""What `elan abaque show` prints: the bands by age, the abaque of troughs, and how many show the three points."""

from __future__ import annotations

from typing import TYPE_CHECKING

from rich import box
from rich.table import Table

from pipeline.scoring.abaque import PERCENTILES
from pipeline.scoring.life import ESTABLISHED_ACTIVE_WEEKS
from pipeline.scoring.three_points import count_three_points, three_points_of
from pipeline.scoring.troughs import ALL_SIZES, HORIZONS_WEEKS

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.scoring.abaque import Cell
    from pipeline.scoring.life import Life
    from pipeline.scoring.troughs import TroughAbaque, TroughCell

TOO_FEW = "too few"
UNKNOWN = "-"
EACH_MONTH_UP_TO = 12
THEN_EVERY_MONTHS = 6
MEDIAN = PERCENTILES.index(50)
_TOO_FEW_BANDS = [TOO_FEW if place == MEDIAN else UNKNOWN for place in range(len(PERCENTILES))]
BANDS_LEGEND = (
    "Engagement index by age. The dead are counted as 0, so that survivors do not brighten the later months; alive: "
    "those with an index above 0. too few: fewer than {smallest_cell} communities."
)
TROUGHS_LEGEND = (
    "Troughs by participants a week at the peak, and the share that was back at three quarters of it after so many "
    "weeks; a trough still open counts as long as it has been watched."
)


def bands_table(cells: Sequence[Cell]) -> Table:
    """One row a month of the first year, then one for each half year."""
    table = _table("month", "communities", *(f"p{percentile}" for percentile in PERCENTILES), "alive", "their p50")
    for cell in cells:
        if cell.month <= EACH_MONTH_UP_TO or cell.month % THEN_EVERY_MONTHS == 0:
            bands = _TOO_FEW_BANDS if cell.bands is None else [f"{value:.1f}" for value in cell.bands]
            alive = TOO_FEW if cell.alive is None else f"{cell.alive[MEDIAN]:.1f}"
            table.add_row(str(cell.month), str(cell.count), *bands, str(cell.alive_count), alive)
    return table


def troughs_table(troughs: TroughAbaque) -> Table:
    """One row for each size of the peak that has troughs, all of them at the end."""
    table = _table("peak", "troughs", "back", "median weeks", *(f"{weeks} weeks" for weeks in HORIZONS_WEEKS))
    cells = [cell for name, cell in troughs.cells.items() if name != ALL_SIZES and cell.count]
    for cell in (*cells, troughs.cells[ALL_SIZES]):
        table.add_row(cell.size, str(cell.count), str(cell.back), *_trough_figures(cell, troughs.smallest_cell))
    return table


def three_points_sentence(lives: Iterable[Life]) -> str:
    """How many communities that took off have been through a trough, and how many of those came back."""
    took_off = (life for life in lives if life.active_weeks >= ESTABLISHED_ACTIVE_WEEKS)
    counts = count_three_points(three_points_of(life) for life in took_off)
    sentence = (
        f"Three points: {counts.communities} communities took off ({ESTABLISHED_ACTIVE_WEEKS} active weeks or more)"
    )
    if counts.month_of_trough is None:
        return f"{sentence}, none of them had a trough."
    sentence += f", {counts.with_trough} had a trough, the first at an age of {counts.month_of_trough:g} months"
    if counts.weeks_to_rebound is None:
        return f"{sentence}, none of them came back."
    return f"{sentence}, {counts.with_rebound} of them came back, after {counts.weeks_to_rebound:g} weeks (medians)."


def _table(*headings: str) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False)
    for heading in headings:
        table.add_column(heading, justify="right", no_wrap=True)
    return table


def _trough_figures(cell: TroughCell, smallest_cell: int) -> list[str]:
    if cell.count < smallest_cell:
        return [TOO_FEW, *[UNKNOWN] * len(HORIZONS_WEEKS)]
    shares = (cell.back_within_13_weeks, cell.back_within_26_weeks, cell.back_within_52_weeks)
    median = "over half stay" if cell.median_weeks is None else f"{cell.median_weeks:.0f}"
    return [median, *(UNKNOWN if share is None else f"{share:.0%}" for share in shares)]
