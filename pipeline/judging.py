"""One boundary after another: read the windows, measure, decide, keep the verdicts. The same live and in a backtest."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from pipeline.detection.advice import RUNBOOK, Champions, suggested_action
from pipeline.detection.detector import decide
from pipeline.history import WINDOW_DAYS, Reading
from pipeline.model import AlertKind, AlertState, AlertTransition
from pipeline.publish.alerts import alert_id, boundary_time, day_time, encode_transition
from pipeline.scoring.champions import CHAMPION_QUIET_DAYS, champions, lost_regulars, silent_champions
from pipeline.scoring.engagement import engagement_index
from pipeline.scoring.phase import phases
from pipeline.windows.rolling import Windows
from pipeline.windows.store import Verdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping, Sequence
    from zoneinfo import ZoneInfo

    from pipeline.detection.detection_settings import DetectionSettings
    from pipeline.detection.holiday_calendar import Calendar
    from pipeline.detection.verdict import Decision, Step
    from pipeline.history import DetectorState, History
    from pipeline.model import Phase
    from pipeline.windows.store import VerdictStore, WindowStore

    OnReadings = Callable[[str, Sequence[Reading]], None]

CHAMPION_WINDOW_DAYS = 91
READING_WEEKS = 26
_WEEK_DAYS = 7


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
    of_network: Callable[[str], NetworkRules]


class Judge:
    """Judges whole shards at once; a second judge of the same boundary is refused by the store."""

    def __init__(
        self, windows: WindowStore, verdicts: VerdictStore, rules: Rules, on_readings: OnReadings | None = None
    ) -> None:
        """`on_readings` is told the readings of every boundary, kept or not: a live worker has no use for it."""
        self._windows = windows
        self._on_readings = on_readings
        self._verdicts = verdicts
        self._rules = rules

    async def judge(self, network: str, shards: Sequence[int], first_day: int, last_day: int) -> list[AlertTransition]:
        """Judge boundaries `first_day` … `last_day` of these shards, which must all stand at `first_day` - 1.

        Returns the alert steps of the shards whose verdicts were kept.

        Raises:
            RetryLater: nothing, or some of the shards, may have been kept; ask where they stand and go on from there.
        """
        source = await self._windows.read_days(network, shards, first_day, last_day)
        windows = Windows(source)
        kept = await self._verdicts.states(network, shards)
        states = [dict(kept.get(community, {})) for community in source.communities]
        steps: list[list[AlertTransition]] = [[] for _ in states]
        readings: list[Reading] = []
        for day in range(first_day, last_day + 1):
            history = windows.as_of(day)
            readings = await self._judge_day(history, states, steps)
            if self._on_readings is not None:
                self._on_readings(network, readings)
        by_shard = {shard: Verdicts({}, [], [], {}) for shard in shards}
        for shard, community, state, reading, taken in zip(
            source.shards, source.communities, states, readings, steps, strict=True
        ):
            verdicts = by_shard[shard]
            verdicts.states[community] = state
            verdicts.readings.append(reading)
            verdicts.steps.extend(
                (step.id, step.state is not AlertState.RESOLVED, encode_transition(step)) for step in taken
            )
        held = set()
        for shard, verdicts in by_shard.items():
            if not await self._verdicts.commit(network, shard, first_day, last_day, verdicts):
                held.add(shard)
        kept_steps = [s for shard, taken in zip(source.shards, steps, strict=True) if shard not in held for s in taken]
        return sorted(kept_steps, key=lambda step: (step.at, step.id))

    async def _judge_day(
        self, history: History, states: list[DetectorState], steps: list[list[AlertTransition]]
    ) -> list[Reading]:
        rules = self._rules.of_network(history.network)
        detector_states = [state.get("detector", {}) for state in states]
        decisions = decide(history, detector_states, rules.calendar, self._rules.detection)
        found_phases, phase_states, _ = phases(history, [state.get("phase", {}) for state in states])
        index = engagement_index(history, self._rules.weights)
        readings = []
        for row, (decision, phase, phase_state, state) in enumerate(
            zip(decisions, found_phases, phase_states, states, strict=True)
        ):
            state["detector"], state["phase"] = decision.state, phase_state
            for step in decision.steps:
                state["stage"] = None if step.state is AlertState.RESOLVED else step.stage.value
                if self._is_told(history, row, step, state):
                    steps[row].append(await self._transition(history, row, step, phase, rules.zone))
            axes = (float(index.index[row]), float(index.conversational[row]), float(index.relational[row]))
            readings.append(_reading(history, row, decision, phase, axes, state.get("stage")))
        return readings

    def _is_told(self, history: History, row: int, step: Step, state: DetectorState) -> bool:
        """A community too small to be named raises no alert; an alert that was told of is told of to its end."""
        if step.state is AlertState.RAISED:
            state["untold"] = bool(history.active_members[365][row] < self._rules.smallest_group)
        return not state.get("untold", False)

    async def _transition(
        self, history: History, row: int, step: Step, phase: Phase, zone: ZoneInfo
    ) -> AlertTransition:
        network, community, day = history.network, history.communities[row], history.boundary_day
        evidence, action = dict(step.evidence), None
        if step.state is not AlertState.RESOLVED:
            evidence |= await self._members_evidence(network, community, day)
            carried = Champions(evidence["champions"], evidence["champions_silent"])
            action = suggested_action(step.evidence, carried)
        return AlertTransition(
            id=alert_id(network, community, AlertKind.MOMENTUM, step.since_day),
            network=network,
            community=community,
            communityname=history.names[row],
            alert=AlertKind.MOMENTUM,
            stage=step.stage,
            state=step.state,
            at=boundary_time(day, zone),
            since=day_time(step.since_day, zone),
            severity=step.severity,
            evidence=evidence,
            reason=step.reason.value if step.reason else None,
            phase=phase,
            action=action,
            runbook=RUNBOOK,
        )

    async def _members_evidence(self, network: str, community: str, day: int) -> dict[str, Any]:
        """Only for communities whose alert takes a step: members are read for nobody else."""
        members = await self._windows.members(network, community, day)
        carriers = champions(members, day - CHAMPION_QUIET_DAYS, CHAMPION_WINDOW_DAYS)
        return {
            "champions": len(carriers),
            "champions_silent": len(silent_champions(members, day)),
            "champions_first_share_ratio": round(carriers[0].share, 3) if carriers else 0.0,
            "lost_regulars": lost_regulars(members, day),
        }


def _reading(  # noqa: PLR0917 - one part a stage
    history: History,
    row: int,
    decision: Decision,
    phase: Phase,
    axes: tuple[float, float, float],
    stage: str | None,
) -> Reading:
    weekly = history.active_members_7_days[row, ::-1][: READING_WEEKS * _WEEK_DAYS : _WEEK_DAYS][::-1]
    return Reading(
        community=history.communities[row],
        boundary_day=history.boundary_day,
        verdict=decision.verdict.value,
        phase=phase.value,
        momentum_ratio=None if decision.momentum is None else round(float(decision.momentum), 4),
        engagement_index=round(axes[0], 4),
        conversational_index=round(axes[1], 4),
        relational_index=round(axes[2], 4),
        age_days=int(history.boundary_day - history.first_days[row]) + 1,
        active_members={f"{days}d": int(history.active_members[days][row]) for days in WINDOW_DAYS},
        weekly_active_members=[int(value) for value in weekly],
        weekly_participants=int(history.participants_7_days[row, -1]),
        baseline_weekly_participants=None if decision.baseline is None else round(decision.baseline, 2),
        name=history.names[row],
        alert_stage=stage,
    )
