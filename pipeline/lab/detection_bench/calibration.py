"""Which score thresholds keep which budget of false alarms: measured on networks in which nothing changes."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.detection.budget import Budget, ScoreThresholds, with_thresholds
from pipeline.lab.detection_bench.simulated import Scenario, simulate
from pipeline.lab.detection_bench.watching import FIRST_BOUNDARY, OPEN_DAYS, count_raised, years

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.lab.detection_bench.simulated import Simulated

LEVEL_SHARES = {2: 0.40, 4: 0.21, 8: 0.19, 16: 0.12, 35: 0.06, 100: 0.02}
"""Weekly participants -> share of communities, about that of the archives: many are too small to be judged at all."""
AUTOCORRELATION = 0.127
"""Less than archives have (.2 to .3), so that the defaults give about the false alarms that were measured on them."""
LIKELIHOOD_SCORES = (1.5, 1.75, 2.0, 2.25, 2.5, 2.75, 3.0, 3.25, 3.5, 4.0, 4.5)
SILENCE_TO_LIKELIHOOD = 8.0
FAST_ABOVE_LIKELIHOOD = 0.8
"""All thresholds move together, in the proportions that were best on the archives (2.5, 20, 3.3)."""
FEWEST_ALARMS = 5
"""Of fewer the rate is anybody's guess."""


def thresholds_at(likelihood_score: float) -> ScoreThresholds:
    """The thresholds that go with one strictness."""
    return ScoreThresholds(
        likelihood_score=likelihood_score,
        silence_score=SILENCE_TO_LIKELIHOOD * likelihood_score,
        fast_score=FAST_ABOVE_LIKELIHOOD + likelihood_score,
    )


def stationary_network(communities: int, seed: int) -> Simulated:
    """About `communities` of all levels in which nothing changes."""
    levels = [
        simulate(
            Scenario(level, autocorrelation=AUTOCORRELATION),
            max(1, round(share * communities)),
            OPEN_DAYS,
            OPEN_DAYS,
            FIRST_BOUNDARY,
            np.random.default_rng([seed, level]),
        )
        for level, share in LEVEL_SHARES.items()
    ]
    return replace(
        levels[0],
        daily=np.concatenate([level.daily for level in levels]),
        weekly=np.concatenate([level.weekly for level in levels]),
        activities=np.concatenate([level.activities for level in levels]),
        expected=np.concatenate([level.expected for level in levels]),
    )


def calibrate(
    communities: int,
    seed: int,
    settings: DetectionSettings,
    *,
    scores: Sequence[float] = LIKELIHOOD_SCORES,
    progress: Callable[[str], None] | None = None,
) -> list[Budget]:
    """The table of `pipeline/detection/score_thresholds.json`, strictest first, from likelihood scores that rise.

    Each rate is one standard error above the measured one, so that a budget is kept rather than met.
    """
    network, table = stationary_network(communities, seed), []
    exposed = years(network)
    for score in scores:
        thresholds = thresholds_at(score)
        alarms = count_raised(network, with_thresholds(settings, thresholds))
        if progress is not None:
            progress(f"Scores from {score}: {alarms} false alarms in {exposed:.0f} community-years.")
        if alarms >= FEWEST_ALARMS:
            table.append(Budget(round((alarms + alarms**0.5) / exposed, 4), thresholds))
    return _rising(table[::-1])


def _rising(table: list[Budget]) -> list[Budget]:
    """Without the steps at which stricter thresholds gave no fewer alarms, by chance."""
    kept = table[:1]
    for budget in table[1:]:
        if budget.false_alarms_per_community_year > kept[-1].false_alarms_per_community_year:
            kept.append(budget)
    return kept


def encode_table(table: list[Budget]) -> bytes:
    """As it is committed: one JSON array, indented."""
    return msgspec.json.format(msgspec.json.encode(table), indent=2) + b"\n"
