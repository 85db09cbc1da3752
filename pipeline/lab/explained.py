"""What `elan explain` needs beyond a run: the abaque of the network and the holidays of its country."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipeline.lab.plots import date_of
from pipeline.lab.replay_file import backtest_of
from pipeline.lab.runs import CommunityRun, Recorder
from pipeline.rules import rules_of
from pipeline.scoring.abaque import Abaque
from pipeline.scoring.profile import Profile

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.model import Activity
    from pipeline.settings import Settings
    from pipeline.sources.report import ImportReport
    from pipeline.windows.store import VerdictStore


async def replayed_run(
    activities: Iterable[Activity], settings: Settings, community: str, report: ImportReport
) -> CommunityRun:
    """The run of one community through all activities, which must be in time order.

    Raises:
        SettingsError: there is no such community.
    """
    recorder = Recorder([community])
    backtest = backtest_of(settings, recorder.readings)
    async for step in backtest.run(activities):
        recorder.step(step)
    run = recorder.only(community, (name for _, name in report.communities))
    await add_surroundings(run, backtest.verdicts, settings)
    return run


async def add_surroundings(run: CommunityRun, verdicts: VerdictStore, settings: Settings) -> None:
    """Add the abaque that is in use, loaded or learnt, and the public holidays within the run."""
    loaded, profile = await verdicts.loaded_abaque(run.network), await verdicts.profile(run.network)
    if loaded is not None:
        run.abaque = msgspec.json.decode(loaded, type=Abaque)
    elif profile is not None:
        run.abaque = msgspec.json.decode(profile.value, type=Profile).abaque
    public = rules_of(settings).of_network(run.network).calendar.public
    if public is not None:
        run.holidays = {day: str(public[date_of(day)]) for day in run.days if date_of(day) in public}
