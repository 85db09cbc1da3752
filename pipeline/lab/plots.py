"""Pictures of a community's run: PNG files by matplotlib, and a sketch for the terminal by plotext."""

from __future__ import annotations

import re
from datetime import date, datetime, timedelta, timezone
from itertools import pairwise
from typing import TYPE_CHECKING, Any

from pipeline.detection.holiday_calendar import Calendar
from pipeline.model import AlertState, Stage

if TYPE_CHECKING:
    from pathlib import Path

    from matplotlib.axes import Axes

    from pipeline.lab.runs import CommunityRun
    from pipeline.model import AlertTransition

_EPOCH = date(1970, 1, 1)
_UNSAFE = re.compile(r"[^A-Za-z0-9._-]+")
PHASE_COLOURS = {
    "curiosity": "#dbeafe",
    "peak": "#bbf7d0",
    "trough": "#fecaca",
    "rebound": "#a7f3d0",
    "plateau": "#f3f4f6",
    "decline": "#fed7aa",
    "dormant": "#d1d5db",
}
STAGE_COLOURS = {Stage.WATCH: "#d97706", Stage.CONFIRMED: "#b91c1c"}


def date_of(day: int) -> date:
    """The date of a day numbered from 1970-01-01."""
    return _EPOCH + timedelta(days=day)


def draw(run: CommunityRun, folder: Path) -> Path:
    """Draw level, baseline, phases and alerts of one community into `folder`; returns the file."""
    import matplotlib as mpl  # noqa: PLC0415 - half a second that only pictures need

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    has_index = len(run.engagement_indices) == len(run.days)
    figure, panels = plt.subplots(
        1 + has_index, 1, figsize=(12, 4.5 + 2.5 * has_index), layout="constrained", sharex=True, squeeze=False
    )
    axes = panels[0, 0]
    days: Any = [date_of(day) for day in run.days]
    _draw_phases(axes, run)
    axes.plot(days, run.weekly_participants, color="#1d4ed8", linewidth=1.1, label="participants, last 7 days")
    baselines = [float("nan") if value is None else value for value in run.baselines]
    axes.plot(days, baselines, color="#6b7280", linestyle="--", linewidth=1.0, label="own baseline")
    _draw_alerts(axes, run)
    axes.set_title(f"{run.network} / {run.name or run.community}", loc="left")
    axes.set_ylabel("members a week")
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    axes.legend(loc="upper right", fontsize="small", framealpha=0.9)
    _draw_holidays(axes, run)
    if has_index:
        _draw_index(panels[1, 0], run)
    path = folder / f"{_UNSAFE.sub('-', run.network)}_{_UNSAFE.sub('-', run.community)}.png"
    figure.savefig(path, dpi=110)
    plt.close(figure)
    return path


def _draw_index(axes: Axes, run: CommunityRun) -> None:
    """The engagement index over the band of the abaque at the community's age."""
    days: Any = [date_of(day) for day in run.days]
    bands = [band or (float("nan"),) * 5 for band in run.bands()]
    for low, high, alpha, label in ((0, 4, 0.12, "abaque, p10 to p90"), (1, 3, 0.22, "abaque, p25 to p75")):
        edges = [[band[place] for band in bands] for place in (low, high)]
        axes.fill_between(days, edges[0], edges[1], color="#7c3aed", alpha=alpha, linewidth=0, label=label)
    axes.plot(days, [band[2] for band in bands], color="#7c3aed", linewidth=0.8, linestyle="--", label="abaque, median")
    axes.plot(days, run.engagement_indices, color="#0f766e", linewidth=1.1, label="engagement index, last 28 days")
    axes.set_ylabel("weighted activities\nper active member")
    axes.set_ylim(bottom=0)
    axes.margins(x=0)
    axes.legend(loc="upper right", fontsize="small", framealpha=0.9)


def _draw_holidays(axes: Axes, run: CommunityRun) -> None:
    """Small marks along the top: public holidays, and the turn of the year during which nothing is raised."""
    for day in run.days:
        if day in run.holidays or Calendar().is_year_end(day):
            colour = "#be185d" if day in run.holidays else "#9ca3af"
            axes.axvspan(date_of(day), date_of(day + 1), ymin=0.97, color=colour, linewidth=0)  # type: ignore[arg-type]


def _draw_phases(axes: Axes, run: CommunityRun) -> None:
    changes = [*run.phase_changes(), (run.days[-1] + 1, "")]
    shown = set()
    for (start, phase), (end, _) in pairwise(changes):
        label = None if phase in shown else phase
        shown.add(phase)
        axes.axvspan(date_of(start), date_of(end), color=PHASE_COLOURS[phase], linewidth=0, zorder=0, label=label)  # type: ignore[arg-type]


def _draw_alerts(axes: Axes, run: CommunityRun) -> None:
    confirmed = set()
    for step in run.alerts:
        if step.stage is None:
            _draw_notice(axes, step)
            continue
        known_on = datetime.fromisoformat(step.at.replace("Z", "+00:00")).astimezone(timezone.utc).date()
        colour = "#15803d" if step.state is AlertState.RESOLVED else STAGE_COLOURS[step.stage]
        style = ":" if step.state is AlertState.UPDATED else "-"
        axes.axvline(known_on, color=colour, linestyle=style, linewidth=1.2)  # type: ignore[arg-type]
        text = step.reason if step.state is AlertState.RESOLVED else step.stage.value
        is_news = step.state is not AlertState.UPDATED or (step.stage is Stage.CONFIRMED and step.id not in confirmed)
        if step.stage is Stage.CONFIRMED:
            confirmed.add(step.id)
        if is_news:
            axes.annotate(
                str(text),
                (known_on, 1.0),
                xycoords=("data", "axes fraction"),
                rotation=90,
                fontsize=7,
                va="top",
                ha="right",
                color=colour,
            )


def _draw_notice(axes: Axes, notice: AlertTransition) -> None:
    """A small mark below the curve."""
    day = date.fromisoformat(notice.at[:10])
    axes.annotate(
        notice.alert.value.replace("_", " "),
        (day, 0.0),
        xycoords=("data", "axes fraction"),
        rotation=90,
        fontsize=6,
        va="bottom",
        ha="right",
        color="#0e7490",
    )


def sketch(run: CommunityRun, width: int, height: int = 14) -> str:
    """The curve and the baseline as characters."""
    import plotext as plt  # noqa: PLC0415 - only pictures need it

    plt.clear_figure()
    plt.theme("pro")
    plt.plot_size(width, height)
    plt.date_form("Y-m-d")
    labels = [date_of(day).isoformat() for day in run.days]
    plt.plot(labels, run.weekly_participants, label="participants, last 7 days", marker="braille")
    known = [(label, value) for label, value in zip(labels, run.baselines, strict=True) if value is not None]
    if known:
        plt.plot([label for label, _ in known], [value for _, value in known], label="own baseline", marker="dot")
    for step in run.alerts:
        if step.state is AlertState.RAISED:
            plt.vline(step.at[:10], color="red")
    return str(plt.build())
