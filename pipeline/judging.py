"""One boundary after another: read the windows, measure, decide, keep the verdicts. The same live and in a backtest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.detection.candidates import archived
from pipeline.detection.detector import decide
from pipeline.detection.network_drop import NetworkCause, decide_network
from pipeline.detection.network_level import NetworkSeries
from pipeline.detection.verdict import Resolution
from pipeline.history import WEEK_DAYS
from pipeline.judging_work import TELLING_SHARD, Work
from pipeline.learning import decode_life, learn_here
from pipeline.member_reading import members_of
from pipeline.model import AlertState
from pipeline.reading_columns import EARLY_RECOVERIES_DAYS, readings_of
from pipeline.remembering import unpack
from pipeline.reviewing import review_champions
from pipeline.scoring.abaque import Abaque, percentiles
from pipeline.scoring.engagement import ACTIVE_YEAR_DAYS, engagement_index
from pipeline.scoring.life import survey, survey_day
from pipeline.scoring.phase import phases
from pipeline.scoring.profile import Profile
from pipeline.telling import Boundary, momentum_step, network_step, phase_notice
from pipeline.windows.day_columns import Windows
from pipeline.windows.store import KeptProfile

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.detection.holiday_calendar import Calendar
    from pipeline.detection.verdict import Decisions, Step
    from pipeline.history import DetectorState, History, Reading
    from pipeline.learning import Learn
    from pipeline.model import AlertTransition
    from pipeline.scoring.engagement import EngagementIndex
    from pipeline.scoring.phase import Turn
    from pipeline.windows.day_columns import NetworkColumns
    from pipeline.windows.store import VerdictStore, WindowStore

    OnReadings = Callable[[str, Sequence[Reading]], None]

EARLY_RECOVERY_DAYS = 42


@dataclass(frozen=True, slots=True)
class NetworkRules:
    """What differs from network to network."""

    zone: ZoneInfo
    calendar: Calendar


@dataclass(frozen=True, slots=True)
class Rules:
    """What judging goes by. `of_network` gives the zone and the calendar of a network."""

    weights: Mapping[str, float]
    detection: DetectionSettings
    smallest_group: int
    champion_notices: bool
    of_network: Callable[[str], NetworkRules]


class Judge:
    """Judges whole shards at once; a second judge of the same boundary is refused by the store."""

    def __init__(
        self,
        windows: WindowStore,
        verdicts: VerdictStore,
        rules: Rules,
        *,
        on_readings: OnReadings | None = None,
        learn: Learn = learn_here,
    ) -> None:
        """`on_readings` is told the readings of every boundary, kept or not: a live worker has no use for it."""
        self._windows = windows
        self._on_readings = on_readings
        self._verdicts = verdicts
        self._rules = rules
        self._learn = learn

    async def judge(
        self,
        network: str,
        shards: Sequence[int],
        first_day: int,
        last_day: int,
        *,
        network_columns: NetworkColumns | None = None,
    ) -> list[AlertTransition]:
        """Judge boundaries `first_day` … `last_day` of these shards, which must all stand at `first_day` - 1.

        A survey day may only be the last of them: what it teaches must be learnt by `learn` before the next is judged.
        Returns the alert steps of the shards whose verdicts were kept. Whoever judges one group of shards after the
        other hands over the `network_columns` of these boundaries, or each group reads those of all shards.

        Raises:
            RetryLater: nothing, or some of the shards, may have been kept; ask where they stand and go on from there.
        """
        work = await self._begin(network, shards)
        source = await self._windows.read_days(network, shards, first_day, last_day, network_columns=network_columns)
        work.take(source)
        windows = Windows(source)
        for day in range(first_day, last_day + 1):
            await self._judge_day(windows.as_of(day), work, wanted=day == last_day)
        held = {
            shard
            for shard, verdicts in work.verdicts_by_shard().items()
            if not await self._verdicts.commit(network, shard, first_day, last_day, verdicts)
        }
        return sorted(work.kept_steps(held), key=lambda step: (step.at, step.id))

    async def read_network(self, network: str, first_day: int, last_day: int) -> NetworkColumns:
        """What the network as a whole did, for boundaries `first_day` … `last_day` of any of its shards."""
        return await self._windows.read_network(network, first_day, last_day)

    async def learn(self, network: str, shards: Sequence[int], day: int) -> None:
        """Learn what is ordinary in a network from the lives of all its shards, which all stand at survey `day`.

        Raises:
            RetryLater: nothing was kept; do it again.
        """
        lives = await self._verdicts.lives(network, shards)
        profile = await self._learn([life for _, life in sorted(lives.items())], day)
        await self._verdicts.keep_profile(network, KeptProfile(day, profile))

    async def _begin(self, network: str, shards: Sequence[int]) -> Work:
        kept = await self._verdicts.profile(network)
        profile = None if kept is None else _decode_profile(kept.value)
        loaded = await self._verdicts.loaded_abaque(network)
        abaque = _decode_abaque(loaded) if loaded is not None else profile.abaque if profile else None
        return Work(network, tuple(shards), unpack(await self._verdicts.states(network, shards)), profile, abaque)

    async def _judge_day(self, history: History, work: Work, *, wanted: bool) -> None:
        """One boundary; readings are made where they are `wanted`, or where somebody listens to all of them.

        No notice is told while the source is stopped, nor after a week without anything, which tells as little of
        anybody: phases stand still, and champions are reviewed when their day comes again.
        """
        rules = self._rules.of_network(history.network)
        remembered = work.remembered
        network_down = self._network_alert(history, work, rules)
        decisions = decide(
            history, remembered.detector_states(), rules.calendar, self._rules.detection, network_down=network_down
        )
        unknown = network_down or not history.network_activities[-WEEK_DAYS:].any()
        remembered.phases, turns = phases(history, remembered.phases, held=unknown)
        index = engagement_index(history, self._rules.weights)
        ages = history.boundary_day - history.first_days + 1
        places = (
            np.full(len(ages), np.nan)
            if work.abaque is None
            else percentiles(work.abaque, history.lines, ages, index.index)
        )
        boundary = Boundary(history, rules.zone, remembered.phases.phase, places, work.profile)
        await self._momentum_steps(boundary, work, decisions)
        self._phase_turns(boundary, work, turns)
        if self._rules.champion_notices and not unknown:
            await review_champions(self._windows, boundary, work, self._rules.smallest_group)
        if history.boundary_day == survey_day(history.boundary_day):
            await self._survey(history, work, index)
        if wanted or self._on_readings is not None:
            work.readings = readings_of(history, decisions, remembered.phases.phase, index, places, remembered.alerts)
            if self._on_readings is not None:
                self._on_readings(history.network, work.readings.readings())

    async def _momentum_steps(self, boundary: Boundary, work: Work, decisions: Decisions) -> None:
        """Remember the alert of each community that has one, and tell the steps of those that may be named."""
        alerts, told = work.remembered.alerts, {}
        for row, decision in decisions.busy.items():
            alert = {**alerts.pop(row, {}), "detector": decision.state}
            if steps := [step for step in decision.steps if self._is_told(boundary.history, row, step, alert)]:
                told[row] = steps
            if any(alert.values()):
                alerts[row] = alert
        async for row, members in members_of(self._windows, boundary.history, list(told)):
            work.steps[row].extend(momentum_step(boundary, row, step, members) for step in told[row])

    def _is_told(self, history: History, row: int, step: Step, alert: DetectorState) -> bool:
        """A community too small to be named raises no alert; an alert that was told of is told of to its end.

        What the step changes is put into `alert`.
        """
        day = history.boundary_day
        if step.state is AlertState.RAISED:
            alert["untold"], alert["raised"] = self._is_too_small(history, row), day
        alert["stage"] = step.stage.value
        untold, raised = alert["untold"], alert["raised"]
        if step.state is AlertState.RESOLVED:
            del alert["untold"], alert["raised"], alert["stage"]
        if step.reason is Resolution.RECOVERED and not untold and day - raised <= EARLY_RECOVERY_DAYS:
            before = [known for known in alert.get("early", ()) if day - known < EARLY_RECOVERIES_DAYS]
            alert["early"] = [*before, day]
        return not untold

    def _phase_turns(self, boundary: Boundary, work: Work, turns: Sequence[Turn]) -> None:
        # Whoever closed a community knows that nobody takes part in it.
        closed = archived(boundary.history) if turns else ()
        for turn in turns:
            notice = None if closed[turn.place] else phase_notice(boundary, turn)
            if notice is not None and not self._is_too_small(boundary.history, turn.place):
                work.steps[turn.place].append(notice)

    def _network_alert(self, history: History, work: Work, rules: NetworkRules) -> bool:
        """Whether nothing arrives from the network. Every shard keeps its state, one of them tells of it."""
        first_day = history.boundary_day - len(history.network_activities) + 1
        seen = np.flatnonzero(history.network_activities)
        series = NetworkSeries(
            boundary_day=history.boundary_day,
            first_day=first_day + int(seen[0]) if len(seen) else history.boundary_day,
            participants=history.network_participants,
            activities=history.network_activities,
        )
        decision = decide_network(series, work.remembered.network, rules.calendar)
        work.remembered.network = decision.state
        if TELLING_SHARD in work.shards:
            work.network_steps.extend(network_step(history, rules.zone, step) for step in decision.steps)
        # Where people stopped, each community is held against the rest of the network: one that makes up most of it
        # must not hide behind its own drop.
        return decision.cause is NetworkCause.SOURCE_STOPPED

    async def _survey(self, history: History, work: Work, index: EngagementIndex) -> None:
        kept = await self._verdicts.lives(history.network, work.shards)
        known = [kept.get(community) for community in history.communities]
        before = [None if life is None else decode_life(life) for life in known]
        for community, life in zip(history.communities, survey(history, index.index, before), strict=True):
            if life is not None:
                work.lives[community] = msgspec.json.encode(life)

    def _is_too_small(self, history: History, row: int) -> bool:
        return bool(history.active_members[ACTIVE_YEAR_DAYS][row] < self._rules.smallest_group)


_decode_profile = msgspec.json.Decoder(Profile).decode
_decode_abaque = msgspec.json.Decoder(Abaque).decode
