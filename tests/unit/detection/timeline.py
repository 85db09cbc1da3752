"""Made-up communities, drawn as weekly levels, judged day by day."""

from __future__ import annotations

from dataclasses import dataclass, replace
from datetime import date
from typing import TYPE_CHECKING

import numpy as np

from pipeline.detection.detection_settings import DetectionSettings
from pipeline.detection.detector import decide
from pipeline.detection.holiday_calendar import Calendar
from pipeline.history import HISTORY_DAYS
from pipeline.model import Kind
from tests.unit.histories import plain_history

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray

    from pipeline.detection.verdict import Decision, Step
    from pipeline.history import DetectorState, History

FEBRUARY = (date(2023, 2, 6) - date(1970, 1, 1)).days
"""A Monday after which 45 weeks pass without the turn of the year."""


def weeks(*levels: tuple[int, int]) -> NDArray[np.int64]:
    """`weeks((12, 20), (8, 5))`: 12 weeks at 20 participants of the last 7 days, then 8 weeks at 5; one value a day."""
    return np.concatenate([np.full(7 * count, level) for count, level in levels]).astype(np.int64)


def history_at(
    series: NDArray[np.int64], day: int, first_day: int, network: NDArray[np.int64] | None = None
) -> History:
    """The history of communities (C, days) as of day `day` of their life; `network` (days,) is everybody's total."""
    total = series.sum(axis=0) if network is None else network
    padded = np.pad(series, ((0, 0), (HISTORY_DAYS - 1, 0)))[:, day : day + HISTORY_DAYS]
    padded_total = np.pad(total, (HISTORY_DAYS - 1, 0))[day : day + HISTORY_DAYS]
    return replace(
        plain_history(padded, first_day + day),
        first_days=np.full(len(series), first_day),
        activities={Kind.POST: 2 * padded},
        active_members=dict.fromkeys((7, 28, 91, 365), padded[:, -1]),
        network_participants=padded_total,
        network_activities=padded_total,
    )


@dataclass(frozen=True)
class Told:
    """One step: the day of the timeline at whose end it was told, the place of its community, the step."""

    day: int
    place: int
    step: Step


def judge(
    series: NDArray[np.int64] | Sequence[NDArray[np.int64]],
    first_day: int = FEBRUARY,
    calendar: Calendar | None = None,
    settings: DetectionSettings | None = None,
    network: NDArray[np.int64] | None = None,
) -> tuple[list[Told], list[list[Decision]]]:
    """All steps told, and the decisions of every day, of communities judged together from their first day on."""
    rows = np.atleast_2d(np.asarray(series, dtype=np.int64))
    states: list[DetectorState] = [{} for _ in rows]
    told: list[Told] = []
    days = []
    for day in range(rows.shape[1]):
        history = history_at(rows, day, first_day, network)
        decisions = list(decide(history, states, calendar or Calendar(), settings or DetectionSettings()))
        told.extend(Told(day, place, step) for place, decision in enumerate(decisions) for step in decision.steps)
        states = [decision.state for decision in decisions]
        days.append(decisions)
    return told, days
