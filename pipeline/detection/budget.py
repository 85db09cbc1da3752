"""From a budget of false alarms to the score thresholds of the detector, by a table that was measured once.

`elan bench detection --calibrate` writes the table (pipeline/lab/detection_bench/calibration.py).
"""

from __future__ import annotations

from dataclasses import replace
from functools import lru_cache
from pathlib import Path
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from pipeline.detection.detection_settings import DetectionSettings

TABLE = Path(__file__).with_name("score_thresholds.json")
DEFAULT_FALSE_ALARMS_PER_COMMUNITY_YEAR = 0.1


class ScoreThresholds(msgspec.Struct, frozen=True):
    """What a drop, a silence and a drop of the last weeks must exceed: fields of `DetectionSettings` of these names."""

    likelihood_score: float
    silence_score: float
    fast_score: float


class Budget(msgspec.Struct, frozen=True):
    """One row of the table: a rate of false alarms, of watches, and the thresholds that keep it."""

    false_alarms_per_community_year: float
    thresholds: ScoreThresholds


def score_thresholds(false_alarms_per_community_year: float) -> ScoreThresholds:
    """The thresholds that keep a budget; between two rows of the table by the logarithm of the rate.

    A smaller budget never lowers a threshold.

    Raises:
        SettingsError: the budget lies outside of what was measured.
    """
    table = measured()
    rates = [row.false_alarms_per_community_year for row in table]
    if not rates[0] <= false_alarms_per_community_year <= rates[-1]:
        raise SettingsError(
            f"detection.false_alarms_per_community_year is {false_alarms_per_community_year:g}: "
            f"it should lie between {rates[0]:g} and {rates[-1]:g}, the range that was measured."
        )
    return ScoreThresholds(
        **{
            name: round(float(np.interp(np.log(false_alarms_per_community_year), np.log(rates), scores)), 4)
            for name in ScoreThresholds.__struct_fields__
            for scores in [[getattr(row.thresholds, name) for row in table]]
        }
    )


def with_thresholds(settings: DetectionSettings, thresholds: ScoreThresholds) -> DetectionSettings:
    """The same settings with these thresholds."""
    return replace(settings, **msgspec.structs.asdict(thresholds))


@lru_cache(maxsize=1)
def measured() -> tuple[Budget, ...]:
    """The table, smallest rate first."""
    return msgspec.json.decode(TABLE.read_bytes(), type=tuple[Budget, ...])
