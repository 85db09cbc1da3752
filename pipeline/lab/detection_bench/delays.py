"""How many days of a new level pass until a watch is raised, beside the best test at the same rate of false alarms."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.lab.detection_bench.oracle import Oracle
from pipeline.lab.detection_bench.simulated import Scenario, simulate
from pipeline.lab.detection_bench.watching import FIRST_BOUNDARY, OPEN_DAYS, count_raised, raised, years

if TYPE_CHECKING:
    from collections.abc import Callable, Sequence

    from numpy.typing import NDArray

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.lab.detection_bench.simulated import Simulated

LEVELS = (5, 10, 30, 100)
DROPS = (0.5, 0.3, 0.0)
STATIONARY = 2
"""Communities without a change for each one with: false alarms are rare."""
BEFORE_DAYS = 28
"""Days judged before the change, so that the detector does not start with it."""
LONGEST_DELAY_DAYS = 150
LIMIT_FALSE_ALARMS = 0.2
"""A community-year; the rate at which the limit of detection is told of in docs/detection.md."""
GOAL_LEVELS = (10, 30)
GOAL_RATIO = 1.6
GOAL_SILENCE_RATIO = 2.0
GOAL_SILENCE_DAYS = 4.0


class Delay(msgspec.Struct, frozen=True):
    """One level and one drop (the new rate over the old one).

    Medians in days of the new level, None where more than half were not found within 150 days. `goal_days` is what the
    watch may take, None where no goal is set; `met` says whether it does.
    """

    level: int
    drop: float
    limit_days: float | None
    """Of the oracle at .2 false alarms a community-year."""
    oracle_days: float | None
    """Of the oracle at as many false alarms as the detector had."""
    oracle_false_alarms: float
    """A community-year."""
    watch_days: float | None
    not_found_share: float
    ratio: float | None
    goal_days: float | None
    met: bool | None


class FalseAlarms(msgspec.Struct, frozen=True):
    """Watches raised in communities of one level in which nothing changes."""

    level: int
    watches: int
    years: float
    per_community_year: float


class DetectionBench(msgspec.Struct, frozen=True):
    """All that `elan bench detection` measures."""

    communities: int
    autocorrelation: float
    seed: int
    false_alarms: list[FalseAlarms]
    delays: list[Delay]

    @property
    def goals_met(self) -> bool:
        """Whether the watch keeps every goal."""
        return all(delay.met is not False for delay in self.delays)


def run_detection_bench(
    communities: int,
    autocorrelation: float,
    seed: int,
    settings: DetectionSettings,
    *,
    levels: Sequence[int] = LEVELS,
    progress: Callable[[str], None] | None = None,
) -> DetectionBench:
    """Delays and false alarms of the detector, `communities` for each level and drop; same seed, same figures."""
    false_alarms, delays = [], []
    for level in levels:
        if progress is not None:
            progress(f"Communities of {level} weekly participants …")
        quiet = simulate(
            Scenario(level, autocorrelation=autocorrelation),
            STATIONARY * communities,
            OPEN_DAYS,
            OPEN_DAYS,
            FIRST_BOUNDARY,
            np.random.default_rng([seed, level]),
        )
        watches = count_raised(quiet, settings)
        false_alarms.append(FalseAlarms(level, watches, years(quiet), watches / years(quiet)))
        for number, drop in enumerate(DROPS):
            scenario = Scenario(level, drop, autocorrelation)
            changed = simulate(
                scenario,
                communities,
                BEFORE_DAYS + LONGEST_DELAY_DAYS,
                BEFORE_DAYS,
                FIRST_BOUNDARY,
                np.random.default_rng([seed, level, number]),
            )
            delays.append(_delay(scenario, quiet, changed, watches, settings))
    return DetectionBench(communities, autocorrelation, seed, false_alarms, delays)


def _delay(
    scenario: Scenario, quiet: Simulated, changed: Simulated, watches: int, settings: DetectionSettings
) -> Delay:
    """The oracle gets as many false alarms as the detector had, one where it had none."""
    oracle = Oracle.of(scenario.drop, quiet)
    threshold = oracle.threshold(max(watches, 1))
    limit_threshold = oracle.threshold(LIMIT_FALSE_ALARMS * years(quiet))
    oracle_days = _median_days(oracle.days(changed, threshold))
    found = watch_delays(changed, settings)
    watch = _median_days(found)
    goal = goal_days(scenario.level, scenario.drop, oracle_days)
    return Delay(
        level=int(scenario.level),
        drop=scenario.drop,
        limit_days=_median_days(oracle.days(changed, limit_threshold)),
        oracle_days=oracle_days,
        oracle_false_alarms=oracle.false_alarms(threshold) / years(quiet),
        watch_days=watch,
        not_found_share=float(np.isinf(found).mean()),
        ratio=None if watch is None or oracle_days is None else watch / oracle_days,
        goal_days=goal,
        met=None if goal is None else watch is not None and watch <= goal,
    )


def watch_delays(changed: Simulated, settings: DetectionSettings) -> NDArray[np.float64]:
    """Days of the new level until the watch, inf where none came; communities alerted before the change left out."""
    first = np.full(len(changed.daily), np.inf)
    early = np.zeros(len(changed.daily), dtype=np.bool_)
    for day, places in raised(changed, settings):
        if day < changed.onset:
            early[places] = True
        else:
            first[places] = np.minimum(first[places], day - changed.onset + 1)
    return first[~early]


def goal_days(level: float, drop: float, oracle_days: float | None) -> float | None:
    """What a watch may take: silence twice the oracle's days or 4 more, a drop 1.6 times at 10 to 30 participants."""
    if oracle_days is None:
        return None
    if drop == 0.0:
        return max(GOAL_SILENCE_RATIO * oracle_days, oracle_days + GOAL_SILENCE_DAYS)
    return GOAL_RATIO * oracle_days if GOAL_LEVELS[0] <= level <= GOAL_LEVELS[1] else None


def _median_days(days: NDArray[np.float64]) -> float | None:
    median = float(np.median(days)) if len(days) else np.inf
    return None if np.isinf(median) else median
