"""The detector on simulated communities, boundary by boundary: who was raised when."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from pipeline.detection.detector import decide
from pipeline.detection.holiday_calendar import Calendar
from pipeline.history import HISTORY_DAYS, WEEK_DAYS, History
from pipeline.model import AlertState, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.history import DetectorState
    from pipeline.lab.detection_bench.simulated import Simulated

FIRST_BOUNDARY = (date(2023, 1, 14) - date(1970, 1, 1)).days
"""The year-end gate is open from here on ..."""
OPEN_DAYS = 340
"""... until 19 December."""
YEAR_DAYS = 365.25
EVERYBODY = 1_000_000
"""Participants of the rest of the network: so many that its level never moves."""


def raised(simulated: Simulated, settings: DetectionSettings) -> Iterator[tuple[int, list[int]]]:
    """Each boundary, as a place in the arrays, with the communities whose watch was raised there."""
    # The segmenters cost much and change no watch.
    watching = replace(settings, confirmed_weeks_at_most=0)
    states: list[DetectorState] = [{} for _ in simulated.daily]
    for day in range(HISTORY_DAYS - 1, simulated.daily.shape[1]):
        decisions = list(decide(history_at(simulated, day), states, Calendar(), watching))
        states = [decision.state for decision in decisions]
        steps = [(place, step) for place, decision in enumerate(decisions) for step in decision.steps]
        yield day, [place for place, step in steps if step.state is AlertState.RAISED]


def count_raised(simulated: Simulated, settings: DetectionSettings) -> int:
    """All watches raised; where nothing changes they are false alarms."""
    return sum(len(places) for _, places in raised(simulated, settings))


def years(simulated: Simulated) -> float:
    """Community-years judged."""
    communities, days = simulated.daily.shape
    return float(communities * (days - HISTORY_DAYS + 1) / YEAR_DAYS)


def history_at(simulated: Simulated, day: int) -> History:
    """What the windows would hand to the detector at the end of that day."""
    window = slice(day - HISTORY_DAYS + 1, day + 1)
    weekly, count = simulated.weekly[:, window], len(simulated.weekly)
    return History(
        network="simulated",
        communities=tuple(map(str, range(count))),
        names=(None,) * count,
        lines=(None,) * count,
        boundary_day=simulated.first_day + day,
        first_days=np.full(count, simulated.first_day - HISTORY_DAYS),
        activities={Kind.POST: simulated.activities[:, window]},
        bot_activities=np.zeros_like(weekly),
        active_members={},
        weekly_active_members=lambda weeks: weekly[:, WEEK_DAYS - 1 :: WEEK_DAYS][:, -weeks:],
        participants_7_days=weekly,
        network_participants=np.full(HISTORY_DAYS, EVERYBODY),
        network_activities=np.full(HISTORY_DAYS, EVERYBODY),
    )
