"""Alerts held against the truth of a simulated company: what was found, how late, what was missed or made up."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import date
from typing import TYPE_CHECKING

from pipeline.model import AlertKind, AlertState, Stage

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from pipeline.lab.company_plan import Decline
    from pipeline.model import AlertTransition

EARLIEST_HIT_DAYS = 14
"""Before the onset: a fall that takes weeks may be noticed as soon as it shows."""
LATEST_HIT_DAYS = 56
"""After the onset: what is said later is no longer in time to act."""
_DATE_CHARACTERS = 10


@dataclass(frozen=True, slots=True)
class Found:
    """A decline and the first alert that told of it; `delay_days` is negative when raised before the onset."""

    decline: Decline
    raised_on: date
    delay_days: int
    confirmed_on: date | None


@dataclass(frozen=True, slots=True)
class Comparison:
    """Every decline on purpose is found or missed; every raise that no decline explains is for nothing."""

    found: list[Found]
    missed: list[Decline]
    for_nothing: list[AlertTransition]


def compare(truth: Sequence[Decline], steps: Iterable[AlertTransition]) -> Comparison:
    """Match raised momentum alerts with the declines on purpose of their community.

    A raise is a hit from 14 days before to 56 days after the onset. Two raises for one decline count once; a raise
    that hits none is for nothing, unless it tells of another fall in the truth.
    """
    momentum = [step for step in steps if step.alert is AlertKind.MOMENTUM]
    raised = [step for step in momentum if step.state is AlertState.RAISED]
    confirmed = _confirmations(momentum)
    found, missed = [], []
    for decline in (each for each in truth if each.on_purpose):
        first = min((step for step in raised if _hits(step, decline)), key=_day, default=None)
        if first is None:
            missed.append(decline)
        else:
            delay_days = (_day(first) - decline.since).days
            found.append(Found(decline, _day(first), delay_days, confirmed.get(first.id)))
    for_nothing = [step for step in raised if not any(_hits(step, decline) for decline in truth)]
    return Comparison(found, missed, for_nothing)


def _confirmations(steps: Iterable[AlertTransition]) -> dict[str, date]:
    """Id of an alert -> the first day on which it was confirmed; a resolution confirms nothing."""
    days: dict[str, date] = {}
    for step in sorted(steps, key=_day):
        if step.stage is Stage.CONFIRMED and step.state is not AlertState.RESOLVED:
            days.setdefault(step.id, _day(step))
    return days


def _hits(step: AlertTransition, decline: Decline) -> bool:
    if step.community != decline.community:
        return False
    return -EARLIEST_HIT_DAYS <= (_day(step) - decline.since).days <= LATEST_HIT_DAYS


def _day(step: AlertTransition) -> date:
    return date.fromisoformat(step.at[:_DATE_CHARACTERS])
