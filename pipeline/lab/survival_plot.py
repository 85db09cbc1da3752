"""A picture of survival curves, and beside it whether the chances that follow from them came true."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.scoring.life import DAYS_A_MONTH
from pipeline.scoring.survival import SEED_INACTIVE_SHARE, SEED_MONTHS

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from matplotlib.axes import Axes

    from pipeline.lab.survival_calibration import Bin
    from pipeline.scoring.survival import Curve, Survival

COLOURS = ("#111827", "#1d4ed8", "#b91c1c", "#d97706", "#15803d", "#7c3aed", "#0e7490")
MONTHS_SHOWN = 60


def draw_survival(survival: Survival, bins: Sequence[Bin], network: str, path: Path) -> None:
    """Draw the curves, and the calibration where there are `bins`, into `path`. Raises OSError."""
    import matplotlib as mpl  # noqa: PLC0415 - half a second that only pictures need

    mpl.use("agg")
    from matplotlib import pyplot as plt  # noqa: PLC0415

    panels = 2 if bins else 1
    figure, axes = plt.subplots(1, panels, figsize=(7.5 * panels, 5), layout="constrained", squeeze=False)
    _draw_curves(axes[0][0], survival)
    axes[0][0].set_title(f"{network}: communities still alive", loc="left")
    if bins:
        _draw_calibration(axes[0][1], bins)
    figure.savefig(path, dpi=110)
    plt.close(figure)


def _draw_curves(axes: Axes, survival: Survival) -> None:
    curves = {"all spaces": survival.all_spaces, "established": survival.established}
    curves |= {f"{name} participants a week": curve for name, curve in survival.by_size.items()}
    for colour, (name, curve) in zip(COLOURS, curves.items(), strict=False):
        _draw_curve(axes, curve, name, colour)
    axes.plot(
        SEED_MONTHS, 1 - SEED_INACTIVE_SHARE, "x", color=COLOURS[0], markersize=9, label="Lecko's benchmark, 2014"
    )
    axes.set(xlim=(0, MONTHS_SHOWN), ylim=(0, 1.02), xlabel="age in months", ylabel="share alive")
    axes.legend(loc="lower left", fontsize="small")


def _draw_curve(axes: Axes, curve: Curve, name: str, colour: str) -> None:
    months = [curve.from_days / DAYS_A_MONTH + place for place in range(len(curve.points))]
    label = f"{name} ({curve.communities})"
    axes.step(months, [point.survival for point in curve.points], where="post", color=colour, label=label)
    low, high = [point.low for point in curve.points], [point.high for point in curve.points]
    axes.fill_between(months, low, high, step="post", color=colour, alpha=0.08, linewidth=0)


def _draw_calibration(axes: Axes, bins: Sequence[Bin]) -> None:
    told, seen = [each.told for each in bins], [each.seen for each in bins]
    below = [max(each.seen - each.low, 0.0) for each in bins]
    above = [max(each.high - each.seen, 0.0) for each in bins]
    axes.plot([0, 1], [0, 1], color="#9ca3af", linestyle="--", linewidth=1)
    axes.errorbar(told, seen, yerr=(below, above), fmt="o", color=COLOURS[1], capsize=3)
    for each in bins:
        axes.annotate(f" {each.chances}", (each.told, each.seen), fontsize=8, va="bottom")
    axes.set(xlim=(0, 1.02), ylim=(0, 1.02), xlabel="chance told", ylabel="share alive 12 months later")
    axes.set_title("chances told in the past, and what was seen", loc="left")
