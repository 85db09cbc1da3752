"""What an alert carries so that a reader can check it: plain JSON values, units in the names."""

from __future__ import annotations

from math import erfc, exp, sqrt
from typing import TYPE_CHECKING, Any

from pipeline.history import WEEK_DAYS
from pipeline.model import Stage

if TYPE_CHECKING:
    from pipeline.detection.lifecycle import OpenAlert, Sight


def evidence_of(
    alert: OpenAlert, sight: Sight, present_weeks: int, low_confidence_participants: float
) -> dict[str, Any]:
    """The evidence of one step.

    Weekly participants have the network's level divided out. `activities_to_baseline_ratio` is None where the
    baseline had no activities; beside the ratio of participants it tells fewer members from fewer acts of each.
    `chance_probability` is how often mere chance makes a level that holds look at least as low as this one does today.
    """
    return {
        "baseline_weekly_participants": round(alert.baseline, 2),
        "baseline_window_days": alert.baseline_weeks * WEEK_DAYS,
        "present_weekly_participants": round(sum(sight.weeks[:present_weeks]) / present_weeks, 2),
        "present_window_days": present_weeks * WEEK_DAYS,
        "present_to_baseline_ratio": alert.ratio,
        "activities_to_baseline_ratio": _activities_ratio(alert, sight, present_weeks),
        "score_standard_deviations": round(sight.score, 2),
        "chance_probability": _chance_probability(sight),
        "network_level_ratio": round(sight.network_level, 4),
        "quiet_days": sight.quiet_days,
        "confidence": _confidence(alert, low_confidence_participants),
    }


def _chance_probability(sight: Sight) -> float:
    """Of the drop (upper tail of the normal distribution) or of the quiet days, whichever is less of a chance."""
    of_drop = 0.5 * erfc(sight.score / sqrt(2.0))
    return float(f"{min(of_drop, exp(-sight.silence)):.2g}")


def _activities_ratio(alert: OpenAlert, sight: Sight, present_weeks: int) -> float | None:
    if alert.baseline_activities <= 0:
        return None
    now = sum(sight.weekly_activities[:present_weeks]) / present_weeks
    return round(now / alert.baseline_activities, 4)


def _confidence(alert: OpenAlert, low_confidence_participants: float) -> str:
    if alert.baseline < low_confidence_participants:
        return "low"
    return "high" if alert.stage is Stage.CONFIRMED else "medium"
