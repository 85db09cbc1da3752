"""Which communities look like a strong decline at one boundary, before anything is remembered."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.detection.levels import mean_of_newest, trimmed_baseline
from pipeline.detection.likelihood import drop_score, quiet_days, silence_score

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.detection.levels import Levels
    from pipeline.history import History

PRESENT_WEEKS = (3, 4)
"""The present is the last 3 or the last 4 weeks, whichever tells the drop more clearly."""


@dataclass(frozen=True, slots=True)
class Candidates:
    """Evidence of C communities, each array (C,).

    `baseline`, `present` weekly participants; `score` standard deviations; `dropped`: all conditions of a strong
    decline hold; `silent`: so many quiet days that waiting adds nothing.
    """

    baseline: NDArray[np.float64]
    baseline_weeks: NDArray[np.int64]
    present: NDArray[np.float64]
    present_weeks: NDArray[np.int64]
    score: NDArray[np.float64]
    quiet_days: NDArray[np.int64]
    silence: NDArray[np.float64]
    dropped: NDArray[np.bool_]
    silent: NDArray[np.bool_]


def find_candidates(history: History, levels: Levels, settings: DetectionSettings) -> Candidates:
    """Evidence of every community from its levels, with 3 or 4 present weeks."""
    short, long = (_compare(levels, weeks, settings) for weeks in PRESENT_WEEKS)
    better = (long[3] & ~short[3]) | ((long[3] == short[3]) & (long[4] > short[4]))
    baseline, baseline_weeks, present, dropped, score = (
        np.where(better, later, sooner) for later, sooner in zip(long, short, strict=True)
    )
    quiet = quiet_days(history.participants_7_days)
    silence = silence_score(baseline, quiet)
    large_enough = (baseline_weeks > 0) & (baseline >= settings.smallest_baseline_participants)
    silent = large_enough & (quiet > 0) & (silence > settings.silence_score)
    present_weeks = np.where(better, PRESENT_WEEKS[1], PRESENT_WEEKS[0])
    return Candidates(baseline, baseline_weeks, present, present_weeks, score, quiet, silence, dropped, silent)


Comparison = tuple[
    "NDArray[np.float64]", "NDArray[np.int64]", "NDArray[np.float64]", "NDArray[np.bool_]", "NDArray[np.float64]"
]


def _compare(levels: Levels, weeks: int, settings: DetectionSettings) -> Comparison:
    """Baseline, its weeks, present, whether all conditions hold, score: with `weeks` present weeks."""
    baseline, baseline_weeks = trimmed_baseline(levels, weeks, settings.baseline_weeks)
    present = mean_of_newest(levels.weeks, weeks)
    raw = drop_score(baseline, baseline_weeks, present, weeks, settings.overdispersion_size)
    score = np.round(raw / levels.roughness, 6)
    low_weeks = (levels.weeks[:, :weeks] <= settings.each_week_ratio * baseline[:, None]).sum(axis=1)
    dropped = (
        (baseline_weeks > 0)
        & (baseline >= settings.smallest_baseline_participants)
        & (present <= settings.drop_ratio * baseline)
        & (levels.weeks[:, 0] <= settings.latest_week_ratio * baseline)
        & (low_weeks >= weeks - 1)
        & (score > settings.likelihood_score)
    )
    return baseline, baseline_weeks, present, dropped, score
