"""A case like that of a supermarket chain's network: a curve in three parts over four years."""

from __future__ import annotations

import asyncio
from datetime import date, datetime, timedelta
from itertools import groupby
from zoneinfo import ZoneInfo

import numpy as np
import pytest

from pipeline.lab.community_life import CommunityLife
from pipeline.lab.company_plan import CommunityPlan
from pipeline.lab.dice import Dice
from pipeline.lab.people import hire
from pipeline.lab.replay_file import backtest_of
from pipeline.lab.runs import CommunityRun, Recorder
from pipeline.lab.seasons import TIME_ZONE, seasons
from pipeline.model import Activity, AlertKind, AlertState
from pipeline.scoring.three_points import three_points
from pipeline.settings import load_settings

pytestmark = pytest.mark.slow

START = date(2021, 2, 1)
WEEKS = 4 * 52
MONTH = 30
# level  1.0 ┤   ╭────╮                                  ╭───────────────────── department heads accompany it
#        0.3 ┤ ╭─╯    ╰──────╮_______________________╭───╯
#             └─ curiosity ── peak ── trough ──────── rebound ── plateau
CURVE = [(0, 0.3), (2 * MONTH, 1.0), (8 * MONTH, 1.0), (10 * MONTH, 0.3), (20 * MONTH, 0.3), (23 * MONTH, 0.95)]


def lived(seed: int) -> list[Activity]:
    """The activities of four years of one community of thirty a week."""
    plan = CommunityPlan("fresh-produce", "Fresh produce", "process", 30.0, curve=list(CURVE))
    end = START + timedelta(weeks=WEEKS)
    calendar = seasons(Dice(seed, "seasons"), START, end)
    life = CommunityLife(Dice(seed, plan.id), "acme", plan, hire(Dice(seed, "people"), 300))
    zone = ZoneInfo(TIME_ZONE)
    for number in range(WEEKS * 7):
        day = START + timedelta(days=number)
        life.live(number, datetime(day.year, day.month, day.day, tzinfo=zone).timestamp(), calendar.level(day))
    return sorted(life.activities, key=lambda activity: (activity.time, activity.id))


def run_of(seed: int) -> CommunityRun:
    """The community's run through the whole pipeline, judged every day."""
    recorder = Recorder()

    async def replay() -> None:
        settings = load_settings(environ={"ELAN_MODE": "development", "ELAN_NETWORK_DEFAULT_TIME_ZONE": TIME_ZONE})
        async for step in backtest_of(settings, recorder.readings).run(lived(seed)):
            recorder.step(step)

    asyncio.run(replay())
    (run,) = recorder.runs.values()
    return run


@pytest.mark.parametrize("seed", [1, 2])
def test_a_curve_in_three_parts_is_recognised_live_and_in_hindsight(seed: int) -> None:
    run = run_of(seed)
    phases = [phase for phase, _ in groupby(run.phases)]
    assert phases[0] == "curiosity"
    # In this order, whatever lies in between.
    course = iter(phases)
    assert all(wanted in course for wanted in ("decline", "trough", "rebound", "plateau")), phases
    points = three_points(np.array(run.weekly_participants[6::7]))
    assert points.peak_week is not None
    assert points.trough_week is not None
    assert points.rebound_week is not None
    assert 8 * MONTH <= points.trough_week * 7 <= 13 * MONTH
    assert 20 * MONTH <= points.rebound_week * 7 <= 26 * MONTH


def test_its_decline_is_told_of_and_its_rebound_too() -> None:
    def months(alert: AlertKind) -> list[float]:
        """When alerts of this kind were raised, or told, in months since the beginning."""
        news = [
            step for step in run.alerts if step.alert is alert and step.state in {AlertState.RAISED, AlertState.NOTICE}
        ]
        return [(date.fromisoformat(step.at[:10]) - START).days / MONTH for step in news]

    run = run_of(2)
    assert any(8 <= month <= 11 for month in months(AlertKind.MOMENTUM))
    assert any(20 <= month <= 26 for month in months(AlertKind.REBOUND))
