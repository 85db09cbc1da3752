"""Which communities look like a strong decline at one boundary, before anything is remembered."""

from __future__ import annotations

from dataclasses import dataclass, fields, replace
from typing import TYPE_CHECKING

import numpy as np

from pipeline.detection.levels import mean_of_newest, trimmed_baseline
from pipeline.detection.likelihood import DECIMALS, drop_score
from pipeline.detection.silence import quiet_days, silence_score
from pipeline.model import PARTICIPATION, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.detection.levels import Levels
    from pipeline.history import History

PRESENT_WEEKS = (3, 4)
"""The present is the last 3 or the last 4 weeks, whichever tells the drop more clearly."""
FAST_WEEKS = (1, 2, 3)
SMOOTH_PARTICIPANTS = 25.0
SMOOTH_SIZE = 4.0
"""From 25 participants a week on, weekly counts vary by little more than chance (1.0 to 1.6 times the mean), and what
is rough about a community is in its roughness already: the size of a fast score is four times the level there."""


@dataclass(frozen=True, slots=True)
class Comparison:
    """The present of C communities against their baseline, each array (C,).

    `baseline`, `present` are weekly participants, `score` is in standard deviations, positive for a drop;
    `dropped` says that all conditions of a strong decline hold. `baseline_weeks` is 0 where none exists.
    """

    baseline: NDArray[np.float64]
    baseline_weeks: NDArray[np.int64]
    present: NDArray[np.float64]
    present_weeks: NDArray[np.int64]
    score: NDArray[np.float64]
    dropped: NDArray[np.bool_]


@dataclass(frozen=True, slots=True)
class Candidates:
    """The clearer comparison of each community, and its silence.

    `silence` is -ln of the probability of the quiet days, 0 where nobody asks for it; `silent` says that waiting for
    more adds nothing.
    """

    compared: Comparison
    quiet_days: NDArray[np.int64]
    silence: NDArray[np.float64]
    silent: NDArray[np.bool_]
    archived: NDArray[np.bool_]
    """Closed by its platform, and nobody has taken part since."""


def find_candidates(
    history: History, levels: Levels, remembered: Sequence[int], settings: DetectionSettings
) -> Candidates:
    """Evidence of every community from its levels: 3 or 4 present weeks, or 1 to 3 of a large one by its own test.

    `remembered` are the places of those whose silence is of interest whatever their size.
    """
    short, long = (_compare(levels, weeks, settings) for weeks in PRESENT_WEEKS)
    clearer = (long.dropped & ~short.dropped) | ((long.dropped == short.dropped) & (long.score > short.score))
    compared = _choose(clearer & (long.baseline_weeks > 0), long, short)
    _choose_fast(compared, levels, settings)
    large = _large_enough(compared.baseline, compared.baseline_weeks, settings)
    asked = large.copy()
    asked[list(remembered)] = True
    quiet = quiet_days(history)
    silence = silence_score(history, np.where(asked, compared.baseline, 0.0), quiet)
    return Candidates(compared, quiet, silence, large & (silence > settings.silence_score), archived(history))


def _choose_fast(compared: Comparison, levels: Levels, settings: DetectionSettings) -> None:
    """Put the fewest weeks that tell a drop of a large community in the place of 3 or 4 that do not, in `compared`."""
    # Most communities never had so many: a baseline is no higher than the highest of its weeks.
    rows = np.flatnonzero(levels.weeks.max(axis=1) >= settings.smallest_fast_baseline_participants)
    large = levels.take(rows)
    for weeks in FAST_WEEKS:
        fast = _compare_fast(large, weeks, settings)
        better = fast.dropped & ~compared.dropped[rows]
        for field in fields(Comparison):
            getattr(compared, field.name)[rows[better]] = getattr(fast, field.name)[better]


def archived(history: History) -> NDArray[np.bool_]:
    """Whether each community was archived within the history and nobody has taken part after that day, (C,)."""
    found = np.zeros(len(history.communities), dtype=np.bool_)
    closings = history.activities.get(Kind.COMMUNITY_ARCHIVED)
    if closings is None:
        return found
    taking_part = [history.activities[kind] for kind in PARTICIPATION if kind in history.activities]
    for place in np.flatnonzero(closings.any(axis=1)):
        day = int(np.flatnonzero(closings[place])[-1])
        found[place] = not any(acts[place, day + 1 :].any() for acts in taking_part)
    return found


def _compare(levels: Levels, weeks: int, settings: DetectionSettings) -> Comparison:
    """The newest `weeks` blocks against the baseline before them."""
    seen = _measure(levels, weeks, settings)
    low_weeks = (levels.weeks[:, :weeks] <= settings.each_week_ratio * seen.baseline[:, None]).sum(axis=1)
    dropped = (
        _large_enough(seen.baseline, seen.baseline_weeks, settings)
        & (seen.present <= settings.drop_ratio * seen.baseline)
        & (levels.weeks[:, 0] <= settings.latest_week_ratio * seen.baseline)
        & (low_weeks >= weeks - 1)
        & (seen.score > settings.likelihood_score)
    )
    return replace(seen, dropped=dropped)


def _compare_fast(levels: Levels, weeks: int, settings: DetectionSettings) -> Comparison:
    """The same for communities large enough that so few weeks say something; the score must be higher."""
    seen = _measure(levels, weeks, settings, smooth=True)
    dropped = (
        _large_enough(seen.baseline, seen.baseline_weeks, settings)
        & (seen.baseline >= settings.smallest_fast_baseline_participants)
        & (seen.present <= settings.fast_drop_ratio * seen.baseline)
        & (levels.weeks[:, 0] <= settings.fast_drop_ratio * seen.baseline)
        & (seen.score > settings.fast_score)
    )
    return replace(seen, dropped=dropped)


def _measure(levels: Levels, weeks: int, settings: DetectionSettings, *, smooth: bool = False) -> Comparison:
    """Baseline, present and score with this many present weeks; nothing is said of a drop yet.

    `smooth` takes the weekly counts of large communities as the smooth ones they are.
    """
    baseline, baseline_weeks = trimmed_baseline(levels, weeks, settings.baseline_weeks)
    present = mean_of_newest(levels.weeks, weeks)
    is_smooth = smooth & (baseline >= SMOOTH_PARTICIPANTS)
    smallest = np.where(is_smooth, SMOOTH_SIZE * baseline, settings.overdispersion_size)
    raw = drop_score(baseline, baseline_weeks, present, weeks, smallest)
    score = np.round(raw / levels.roughness, DECIMALS)
    return Comparison(
        baseline, baseline_weeks, present, np.full_like(baseline_weeks, weeks), score, np.zeros(len(baseline), np.bool_)
    )


def _large_enough(
    baseline: NDArray[np.float64], baseline_weeks: NDArray[np.int64], settings: DetectionSettings
) -> NDArray[np.bool_]:
    enough: NDArray[np.bool_] = (baseline_weeks > 0) & (baseline >= settings.smallest_baseline_participants)
    return enough


def _choose(first: NDArray[np.bool_], chosen: Comparison, otherwise: Comparison) -> Comparison:
    names = (field.name for field in fields(Comparison))
    return Comparison(*(np.where(first, getattr(chosen, name), getattr(otherwise, name)) for name in names))
