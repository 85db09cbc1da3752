"""Laws of a whole replay: who people are and where midnight lies changes nothing but names and hours."""

from __future__ import annotations

import asyncio
from datetime import datetime, timedelta
from functools import lru_cache
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pipeline.clock import rfc3339
from pipeline.lab.company import simulate
from pipeline.lab.replay_file import backtest_of
from pipeline.model import AlertKind, AlertState
from pipeline.settings import load_settings

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.model import Activity, AlertTransition

pytestmark = pytest.mark.slow

SHIFT_HOURS = 5
ABOUT_MEMBERS = {AlertKind.CHAMPION_SILENT, AlertKind.SOLE_CONTRIBUTOR, AlertKind.NEW_CHAMPION}


@lru_cache(maxsize=1)
def activities() -> tuple[Activity, ...]:
    """Fourteen months of eight communities, some of which decline."""
    return tuple(simulate(3, communities=8, members=160, months=14).activities)


def told(events: Iterable[Activity], **environ: str) -> list[AlertTransition]:
    """Every step of a replay."""

    async def run() -> list[AlertTransition]:
        settings = load_settings(environ={"ELAN_MODE": "development", **environ})
        return [step async for step in backtest_of(settings).run(events)]

    return asyncio.run(run())


def without_people(step: AlertTransition) -> dict[str, Any]:
    """The step as JSON values, without ids and pseudonyms of members."""
    row: dict[str, Any] = msgspec.to_builtins(step)
    if step.state is AlertState.NOTICE:
        row["summary"] = row["id"] = None
        row["evidence"].pop("champion", None)
    return row


def test_who_the_members_are_changes_no_alert() -> None:
    renamed = [
        msgspec.structs.replace(event, actor=None if event.actor is None else f"x{event.actor[::-1]}")
        for event in activities()
    ]
    before, after = told(activities()), told(renamed)
    assert any(step.state is AlertState.RAISED for step in before)
    assert sorted(map(str, map(without_people, after))) == sorted(map(str, map(without_people, before)))


def test_no_notice_names_a_member_where_that_is_not_wanted() -> None:
    loud, quiet = told(activities()), told(activities(), ELAN_PRIVACY_CHAMPION_NOTICES="false")
    assert any(step.alert in ABOUT_MEMBERS for step in loud)
    assert quiet == [step for step in loud if step.alert not in ABOUT_MEMBERS]


def test_a_network_five_hours_to_the_east_is_told_the_same_five_hours_earlier() -> None:
    # local midnights │ UTC       ──┼────────────┼──
    #                 │ UTC+5     ┼────────────┼────      the same local times of day
    shift = timedelta(hours=SHIFT_HOURS)
    east = [msgspec.structs.replace(event, time=event.time - shift) for event in activities()]
    before = told(activities(), ELAN_NETWORK_DEFAULT_TIME_ZONE="UTC")
    after = told(east, ELAN_NETWORK_DEFAULT_TIME_ZONE="Etc/GMT-5")

    def earlier(moment: str) -> str:
        return rfc3339((datetime.fromisoformat(moment.replace("Z", "+00:00")) - shift).timestamp())

    moved = [msgspec.structs.replace(step, at=earlier(step.at), since=earlier(step.since)) for step in before]
    assert any(step.state is AlertState.RAISED for step in before)
    assert after == moved
