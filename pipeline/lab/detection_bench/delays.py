"""How many days of the new level pass until a watch is raised, and how often one is raised for nothing."""

from __future__ import annotations

from datetime import date
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from msgspec.structs import asdict

from pipeline.detection.detector import decide
from pipeline.detection.holiday_calendar import Calendar
from pipeline.history import HISTORY_DAYS, History
from pipeline.lab.detection_bench.oracle import alarms, evidence, fitted_size, threshold_for
from pipeline.lab.detection_bench.simulated import Scenario, simulate
from pipeline.model import AlertState, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

    from numpy.typing import NDArray

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.history import DetectorState
    from pipeline.lab.detection_bench.simulated import Simulated

FIRST_BOUNDARY = (date(2023, 1, 14) - date(1970, 1, 1)).days
"""The year-end gate is open from here on ..."""
QUIET_YEAR_DAYS = 340
"""... until 19 December."""
YEAR_DAYS = 365.25
ONSET = 28
"""Days judged before the change, so that the detector does not start with it."""
LONGEST_DELAY_DAYS = 150
EVERYBODY = 1_000_000
"""Participants of the rest of the network: so many that it never moves."""


def raised(simulated: Simulated, settings: DetectionSettings) -> Iterator[tuple[int, list[int]]]:
    """Each boundary, as a place in the arrays, with the communities in which a watch was raised."""
    states: list[DetectorState] = [{} for _ in simulated.daily]
    for day in range(HISTORY_DAYS - 1, simulated.daily.shape[1]):
        decisions = decide(history_at(simulated, day), states, Calendar(), settings)
        states = [decision.state for decision in decisions]
        yield day, [
            place for place, decision in enumerate(decisions)
            if any(step.state is AlertState.RAISED for step in decision.steps)
        ]


def history_at(simulated: Simulated, day: int) -> History:
    """What a boundary would hand to the detector at the end of that day."""
    window = slice(day - HISTORY_DAYS + 1, day + 1)
    weekly, count = simulated.weekly[:, window], len(simulated.weekly)
    return History(
        network="simulated",
        communities=tuple(f"c{place}" for place in range(count)),
        names=(None,) * count,
        boundary_day=simulated.first_day + day,
        first_days=np.full(count, simulated.first_day - HISTORY_DAYS),
        activities={Kind.POST: simulated.activities[:, window]},
        bot_activities=np.zeros_like(weekly),
        active_members={},
        active_members_7_days=weekly,
        participants_7_days=weekly,
        network_participants=np.full(HISTORY_DAYS, EVERYBODY),
    )
