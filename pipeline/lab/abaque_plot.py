"""An abaque as a picture: bands of the engagement index over age, by matplotlib, or as characters by plotext."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from pipeline.scoring.abaque import Cell

OUTER_COLOUR, INNER_COLOUR, MEDIAN_COLOUR, ALIVE_COLOUR = "#dbeafe", "#93c5fd", "#1d4ed8", "#15803d"
SKETCH_HEIGHT = 18
P10, P25, P50, P75, P90 = range(5)
_NOT_A_NUMBER = float("nan")


def draw_bands(cells: Sequence[Cell], title: str, path: Path) -> None:
    """Draw the bands of one line over age. Months with too few communities are gaps. Raises OSError."""
    import matplotlib as mpl  # noqa: PLC0415 - half a second that only pictures need

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    months = [cell.month for cell in cells]
    p10, p25, p50, p75, p90 = (_column(cells, place) for place in range(5))
    figure, axes = plt.subplots(figsize=(10, 5), layout="constrained")
    axes.fill_between(months, p10, p90, color=OUTER_COLOUR, linewidth=0, label="8 of 10 communities")
    axes.fill_between(months, p25, p75, color=INNER_COLOUR, linewidth=0, label="the middle half")
    # With dots, since a month between two gaps would be a line of no length.
    axes.plot(months, p50, color=MEDIAN_COLOUR, marker=".", label="median, the dead counted as 0")
    alive = [_NOT_A_NUMBER if cell.alive is None else cell.alive[P50] for cell in cells]
    axes.plot(
        months, alive, color=ALIVE_COLOUR, marker=".", linestyle="--", linewidth=1.0, label="median of the living"
    )
    axes.set_title(title, loc="left")
    axes.set_xlabel("age in months")
    axes.set_ylabel("engagement index")
    axes.set_ylim(bottom=0)
    axes.margins(x=0.01)
    axes.legend(loc="upper right", fontsize="small", framealpha=0.9)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def sketch_bands(cells: Sequence[Cell], width: int) -> str:
    """The percentiles over age as characters; months with too few communities are left out."""
    import plotext as plt  # noqa: PLC0415 - only pictures need it

    plt.clear_figure()
    plt.theme("pro")
    plt.plot_size(width, SKETCH_HEIGHT)
    known = [(cell.month, cell.bands) for cell in cells if cell.bands is not None]
    months = [month for month, _ in known]
    for label, place in (("p90", P90), ("p75", P75), ("p50", P50), ("p25", P25), ("p10", P10)):
        plt.plot(months, [bands[place] for _, bands in known], label=label, marker="braille")
    plt.xlabel("age in months")
    return str(plt.build())


def _column(cells: Sequence[Cell], place: int) -> list[float]:
    return [_NOT_A_NUMBER if cell.bands is None else cell.bands[place] for cell in cells]
