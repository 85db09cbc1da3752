"""The days on which alerts were told, from a replay or from a file of alert steps."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from enum import Enum
from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import InputError, SettingsError
from pipeline.model import AlertKind, AlertState, Stage
from pipeline.sources.lines import numbered_lines
from pipeline.sources.report import ImportReport
from pipeline.windows.aggregate import local_day

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipeline.lab.evaluation.series import Series
    from pipeline.model import AlertTransition

AlertDays = dict[str, list[int]]
"""community -> days its alerts were told, ascending, counted from the first day of a series."""


class Tier(str, Enum):
    """What is taken as an alert: its raise, or the step that first says it is confirmed."""

    WATCH = "watch"
    CONFIRMED = "confirmed"


class AlertStep(msgspec.Struct, frozen=True):
    """The few fields of an alert step that a score needs, so that alerts of any detector can be scored."""

    id: str
    community: str | None
    alert: str
    state: str
    at: datetime
    stage: str | None = None
    network: str | None = None

    @classmethod
    def of(cls, step: AlertTransition) -> AlertStep:
        """The same of a step of our own."""
        stage = None if step.stage is None else step.stage.value
        at = datetime.fromisoformat(step.at.replace("Z", "+00:00"))
        return cls(step.id, step.community, step.alert.value, step.state.value, at, stage, step.network)


def read_alerts(path: Path, series: Series) -> list[AlertStep]:
    """The steps of a file as `elan backtest` or the alerts topic give them, one JSON object a line.

    Raises:
        InputError: the file cannot be read, or a line is no alert step.
        SettingsError: it has alerts, and none of them is about a community of the series.
    """
    report, steps = ImportReport(), []
    for line in numbered_lines(path, report):
        try:
            step = msgspec.json.decode(line, type=AlertStep)
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            raise InputError(
                f"{path}:{report.line} is no alert step ({error}); make the file with elan backtest."
            ) from None
        if step.at.tzinfo is None:
            raise InputError(
                f"{path}:{report.line} is no alert step (at has no offset); make the file with elan backtest."
            )
        steps.append(step)
    momentum = [step for step in steps if step.alert == AlertKind.MOMENTUM.value]
    if momentum and not any(_is_of(step, series) for step in momentum):
        raise SettingsError(
            f"{path} does not fit {series.archive}: none of its alerts is about a community of the network "
            f"{series.network!r}; give the alerts in the order of the events."
        )
    return steps


def alert_days(steps: Iterable[AlertStep], series: Series, tier: Tier) -> AlertDays:
    """When each community of the series had an alert of a sustained decline; notices and other alerts are ignored."""
    days: defaultdict[str, list[int]] = defaultdict(list)
    seen: set[str] = set()
    for step in steps:
        if step.community is None or not _is_of(step, series) or not _tells(step, tier) or step.id in seen:
            continue
        # The topic is written at least once, so a step may come twice.
        seen.add(step.id)
        days[step.community].append(local_day(step.at.timestamp(), series.zone) - series.first_day)
    return {community: sorted(told) for community, told in days.items()}


def _is_of(step: AlertStep, series: Series) -> bool:
    return step.network in {None, series.network} and step.community in series.communities


def _tells(step: AlertStep, tier: Tier) -> bool:
    if step.alert != AlertKind.MOMENTUM.value:
        return False
    return step.state == AlertState.RAISED.value if tier is Tier.WATCH else step.stage == Stage.CONFIRMED.value
