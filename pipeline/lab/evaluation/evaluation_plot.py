"""Pictures of an evaluation: the communities with strong declines, what hindsight marks there, and what was told."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any

from pipeline.lab.evaluation.alert_days import Tier
from pipeline.lab.plots import date_of

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes
    from matplotlib.figure import Figure

    from pipeline.lab.evaluation.archives import EvaluatedArchive
    from pipeline.lab.evaluation.matching import Met

COMMUNITIES_A_PICTURE = 12
PANEL_INCHES = 1.7
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
LEVEL_COLOUR, NEUTRAL_COLOUR = "#1d4ed8", "#9ca3af"
HIT_COLOUR, MISS_COLOUR, FALSE_COLOUR = "#15803d", "#b91c1c", "#d97706"
MARKS = {Tier.WATCH: ("^", 0.92), Tier.CONFIRMED: ("D", 0.76)}
"""Shape of an alert, and its place on the height of a panel."""


def draw(evaluated: EvaluatedArchive, folder: Path) -> list[Path]:
    """Draw all communities of an archive that had a strong decline, twelve a picture; returns the files."""
    import matplotlib as mpl  # noqa: PLC0415 - half a second that only pictures need

    mpl.use("agg")
    chosen = [community for community, own in evaluated.labels.communities.items() if own.strong]
    pages = [chosen[start : start + COMMUNITIES_A_PICTURE] for start in range(0, len(chosen), COMMUNITIES_A_PICTURE)]
    name = _UNSAFE.sub("-", evaluated.series.archive)
    return [
        _draw_page(evaluated, page, folder / f"{name}_declines_{number}.png") for number, page in enumerate(pages, 1)
    ]


def _draw_page(evaluated: EvaluatedArchive, communities: Sequence[str], path: Path) -> Path:
    from matplotlib import pyplot as plt  # noqa: PLC0415 - see draw

    height = 1.0 + PANEL_INCHES * len(communities)
    figure, panels = plt.subplots(
        len(communities), figsize=(13, height), layout="constrained", sharex=True, squeeze=False
    )
    for axes, community in zip(panels[:, 0], communities, strict=True):
        _draw_community(axes, evaluated, community)
    _draw_legend(figure)
    figure.suptitle(f"{evaluated.series.archive}: communities with strong declines")
    figure.savefig(path, dpi=100)
    plt.close(figure)
    return path


def _draw_community(axes: Axes, evaluated: EvaluatedArchive, community: str) -> None:
    series = evaluated.series
    days: Any = [date_of(series.first_day + day) for day in range(series.days)]
    axes.plot(days, series.weekly[series.communities.index(community)], color=LEVEL_COLOUR, linewidth=0.9)
    for day in evaluated.labels.communities[community].neutral:
        axes.axvline(_x(series.first_day + day), color=NEUTRAL_COLOUR, linewidth=0.6, alpha=0.5)
    met = evaluated.tiers[Tier.WATCH.value][community]
    for colour, declines in {HIT_COLOUR: [day for day, _ in met.hits], MISS_COLOUR: met.missed}.items():
        for decline in declines:
            axes.axvline(_x(series.first_day + decline), color=colour, linewidth=1.6)
    for tier, (shape, place) in MARKS.items():
        _draw_alerts(axes, evaluated.tiers[tier.value][community], series.first_day, shape, place)
    axes.set_title(community, loc="left", fontsize=9)
    axes.set_ylim(bottom=0)
    axes.margins(x=0)


def _draw_alerts(axes: Axes, met: Met, first_day: int, shape: str, place: float) -> None:
    told = {HIT_COLOUR: [day for _, day in met.hits], NEUTRAL_COLOUR: met.neutral, FALSE_COLOUR: met.false}
    for colour, days in told.items():
        axes.plot(
            [_x(first_day + day) for day in days],
            [place] * len(days),
            shape,
            color=colour,
            markersize=5,
            transform=axes.get_xaxis_transform(),
        )


def _draw_legend(figure: Figure) -> None:
    from matplotlib.lines import Line2D  # noqa: PLC0415 - see draw

    entries = [
        Line2D([], [], color=LEVEL_COLOUR, label="members, last 7 days"),
        Line2D([], [], color=HIT_COLOUR, label="decline found"),
        Line2D([], [], color=MISS_COLOUR, label="decline missed"),
        Line2D([], [], color=NEUTRAL_COLOUR, label="doubtful decline"),
        *(
            Line2D([], [], color="black", marker=shape, linestyle="", label=tier.value)
            for tier, (shape, _) in MARKS.items()
        ),
        Line2D([], [], color=FALSE_COLOUR, marker="s", linestyle="", label="false alarm"),
    ]
    figure.legend(handles=entries, ncols=len(entries), fontsize="small", loc="outside lower center")


def _x(day: float) -> Any:
    """A day on an axis of dates; a decline may lie between two."""
    return date_of(int(day))
