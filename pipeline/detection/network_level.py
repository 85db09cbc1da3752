"""How a network as a whole stands: its weekly participants against the 8 weeks before, and days without anything."""

from __future__ import annotations

from bisect import bisect_right
from dataclasses import dataclass
from datetime import timedelta
from typing import TYPE_CHECKING

import numpy as np

from pipeline.detection.holiday_calendar import EPOCH
from pipeline.detection.levels import REFERENCE_WEEKS, ROUGHNESS_WEEKS, roughness
from pipeline.detection.likelihood import DECIMALS, drop_score
from pipeline.history import WEEK_DAYS

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.detection.holiday_calendar import Calendar

PROFILE_DAYS = REFERENCE_WEEKS * WEEK_DAYS
ACTIVITIES_LEVELS = (10.0, 100.0)
ACTIVITIES_SIZES = (0.4, 1.0, 2.0)
"""Negative-binomial size of all activities of a network a day, by their level a day: about the lowest tenth of what
four archives show (0.2 to 0.4, 0.9, 2.3), since a smaller size makes empty days more probable."""


@dataclass(frozen=True, slots=True)
class NetworkDropSettings:
    """When the network as a whole is worth an alert."""

    participants_needed: int = 20
    """Weekly participants, summed over the communities, that the baseline must have: below, chance rules."""
    drop_ratio: float = 0.6
    """Participants of 7 days over the baseline at or below which the network is low."""
    likelihood_score: float = 2.5
    """Signed root of the likelihood ratio, in standard deviations, that a drop must exceed."""
    overdispersion_size: float = 8.0
    """Smallest size of the negative binomial of weekly participants."""
    days_in_a_row: int = 2
    """Consecutive boundaries a drop must show."""
    silence_score: float = 20.0
    """-ln of the probability of days without anything that is enough to say that the source has stopped."""
    silence_beside_drop_score: float = 5.0
    """The same beside a drop that chance is excluded for already: it only has to name the cause."""
    silence_days: int = 2
    """Days without anything below which nothing is said of the source."""
    weekly_activities_needed: int = 20
    """Median activities a week below which days without anything are nothing to wake up for."""
    recovered_ratio: float = 0.8
    """Participants of 7 days over the frozen baseline at or above which an alert is resolved."""
    settled_weeks: int = 8
    """Weeks after which an open alert is resolved: the lower level is the new one."""
    update_ratio_change: float = 0.15
    """Change of the ratio, at least 7 days after the last step, that is worth an update."""
    holidays_a_week: int = 3
    """Public holidays on working days within a week at or above which nothing is raised."""


@dataclass(frozen=True, slots=True)
class NetworkSeries:
    """One network over T days, at best `history.HISTORY_DAYS`; the last value is `boundary_day`'s.

    `participants` (T,) sum over its communities of distinct participants in the 7 days up to each day
    `activities`   (T,) all activities a day, of all kinds, bots and views included
    `first_day`    day of the network's first activity
    """

    boundary_day: int
    first_day: int
    participants: NDArray[np.int64]
    activities: NDArray[np.int64]


@dataclass(frozen=True, slots=True)
class Silence:
    """Days without any activity up to the boundary.

    `expected_activities` by the weekday medians of the 8 weeks before, `score` is -ln of the probability of as many
    empty days; both 0 where there are no 8 weeks before, or too little happened in them.
    """

    days: int
    expected_activities: float = 0.0
    score: float = 0.0


@dataclass(frozen=True, slots=True)
class NetworkLevel:
    """What is seen of a network at one boundary. `baseline` is None where the network is too young."""

    day: int
    present: int
    """Participants of the 7 days up to the boundary."""
    baseline: float | None
    """Median of the 8 weeks before."""
    score: float
    """How improbable the drop is, in standard deviations; 0 without a baseline."""
    silence: Silence
    recent: NDArray[np.int64]
    """(T,) participants of 7 days as of each day; the last is `present`."""


def measure_network(series: NetworkSeries, calendar: Calendar, settings: NetworkDropSettings) -> NetworkLevel:
    """How the network stands at the boundary."""
    age_days = min(series.boundary_day - series.first_day + 1, len(series.participants))
    weeks = series.participants[::-1][:age_days:WEEK_DAYS][: age_days // WEEK_DAYS].astype(np.float64)
    lived = series.activities[len(series.activities) - age_days :]
    silence = measure_silence(lived, series.boundary_day, calendar, settings)
    present = int(series.participants[-1])
    if len(weeks) <= REFERENCE_WEEKS:
        return NetworkLevel(series.boundary_day, present, None, 0.0, silence, series.participants)
    before = weeks[1 : REFERENCE_WEEKS + 1]
    baseline = float(np.median(before))
    newest = weeks[None, : ROUGHNESS_WEEKS + 1]
    improbable = drop_score(
        np.array([baseline]), REFERENCE_WEEKS, weeks[:1], 1, settings.overdispersion_size
    ) / roughness(newest, np.array([newest.shape[1]]))
    score = round(float(improbable[0]), DECIMALS)
    return NetworkLevel(series.boundary_day, present, baseline, score, silence, series.participants)


def measure_silence(
    activities: NDArray[np.int64], last_day: int, calendar: Calendar, settings: NetworkDropSettings
) -> Silence:
    """Days without anything at the end of a network's life so far, (days of life,) up to `last_day`."""
    seen = activities[::-1] > 0
    days = int(seen.argmax()) if seen.any() else len(activities)
    before = activities[: len(activities) - days][-PROFILE_DAYS:]
    if days == 0 or len(before) < PROFILE_DAYS:
        return Silence(days)
    profile = before.reshape(REFERENCE_WEEKS, WEEK_DAYS)
    weekly = float(np.median(profile.sum(axis=1)))
    if weekly < settings.weekly_activities_needed:
        return Silence(days)
    # Medians, since a single day on which an archive was loaded would make every day after it improbable.
    by_weekday = np.median(profile, axis=0)
    expected = np.where(_is_public_holiday(last_day, days, calendar), by_weekday.min(), np.resize(by_weekday, days))
    size = ACTIVITIES_SIZES[bisect_right(ACTIVITIES_LEVELS, weekly / WEEK_DAYS)]
    score = size * float(np.log1p(expected / size).sum())
    return Silence(days, round(float(expected.sum()), 2), round(score, DECIMALS))


def _is_public_holiday(last_day: int, days: int, calendar: Calendar) -> NDArray[np.bool_]:
    """Of the days up to `last_day`, which are public holidays: nobody is expected beyond the quietest weekday."""
    if calendar.public is None:
        return np.zeros(days, dtype=bool)
    dates = (EPOCH + timedelta(days=last_day - back) for back in reversed(range(days)))
    return np.array([on in calendar.public for on in dates])
