"""What any worker does beside its partitions, one worker at a time: judge due boundaries, relay alerts."""

from __future__ import annotations

import logging
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

from pipeline import clock
from pipeline.errors import RetryLater
from pipeline.publish.alerts import day_start_seconds
from pipeline.scoring.life import SURVEY_DAYS, survey_day
from pipeline.windows.aggregate import local_day
from pipeline.windows.redis_verdicts import Lease

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from zoneinfo import ZoneInfo

    from pipeline.judging import Judge, Rules
    from pipeline.kafka_topics import ActivityTopic
    from pipeline.publish.relay import AlertsTopic
    from pipeline.telemetry import Telemetry
    from pipeline.windows.redis_progress import RedisProgress, Standing
    from pipeline.windows.redis_scripts import Client
    from pipeline.windows.redis_verdicts import RedisVerdicts
    from pipeline.windows.rolling import NetworkColumns

log = logging.getLogger(__name__)

COMMUNITIES_AT_ONCE = 1_000
"""Judged together: what one call costs whatever it judges is little against so many, and they take 20 MB."""
LEASE_SECONDS = 30.0
BOUNDARIES_A_STEP = 7
"""Boundaries judged on one reading of the windows; a crash repeats at most these."""


def low_watermark(standings: dict[str, Standing], topic: ActivityTopic) -> float | None:
    """The event time that every partition of the topic has passed, None while one has not told yet.

    `standings` are named topic:partition. What is kept of a topic of the same name that was there before, which may
    have had more partitions, says nothing any more.
    """
    told = [
        standing.watermark_seconds
        for name, standing in standings.items()
        if standing.watermark_seconds is not None
        and standing.topic_id == topic.identity
        and int(name.rpartition(":")[2]) < topic.partitions
    ]
    return min(told) if len(told) == topic.partitions else None


def groups_of(shards: int, communities: int) -> list[range]:
    """Shards that are judged together, in order, so that about `COMMUNITIES_AT_ONCE` of these communities are.

    Groups of another number of communities have these within them, or lie within these: whoever has counted earlier
    takes leases for the same ones.
    """
    size = 1
    while size < shards and 2 * size * communities <= COMMUNITIES_AT_ONCE * shards:
        size *= 2
    return [range(start, min(start + size, shards)) for start in range(0, shards, size)]


@dataclass(frozen=True, slots=True)
class Due:
    """Boundaries `first_day` … `last_day` of these shards of a network."""

    network: str
    shards: tuple[int, ...]
    first_day: int
    last_day: int


class Progress(NamedTuple):
    """What one round of judging did: boundaries judged, and the event time (unix seconds) up to which all is judged."""

    boundaries: int
    reached_seconds: float | None
    """None while a partition has not told its watermark."""


def due_survey(first_day: int, slowest_day: int, taught_day: int | None) -> int | None:
    """The survey day that is to be learnt from: all shards stand there or later, and its profile is not kept yet."""
    day = survey_day(slowest_day)
    return day if day >= first_day and (taught_day is None or taught_day < day) else None


def due_boundaries(  # noqa: PLR0917 - where a network, its shards and its survey stand
    network: str, first_day: int, passed_day: int, judged: dict[int, int], shards: Sequence[int], taught_day: int | None
) -> list[Due]:
    """What a group of shards has to judge, shards that stand at the same day together.

    `first_day` is the network's first, `passed_day` the last day that the watermark has left behind, `taught_day` the
    survey day of the profile that is kept. Shards on a survey day wait for the others, and for what it teaches.
    """
    standing_at: dict[int, list[int]] = {}
    for shard in shards:
        standing_at.setdefault(judged.get(shard, first_day - 1), []).append(shard)
    return [
        Due(network, tuple(together), day + 1, min(passed_day, day + BOUNDARIES_A_STEP, survey_day(day) + SURVEY_DAYS))
        for day, together in sorted(standing_at.items())
        if day < passed_day and due_survey(first_day, day, taught_day) is None
    ]


class Judging:
    """Judges whatever is due, under a lease a group of shards; the fence in the store keeps it exact."""

    def __init__(
        self,
        client: Client,
        namespace: str,
        shards: int,
        *,
        judge: Judge,
        rules: Rules,
        verdicts: RedisVerdicts,
        progress: RedisProgress,
        ask_topic: Callable[[], Awaitable[ActivityTopic]],
        telemetry: Telemetry,
    ) -> None:
        self._client = client
        self._namespace = namespace
        self._shards = shards
        self._judge = judge
        self._rules = rules
        self._verdicts = verdicts
        self._progress = progress
        self._ask_topic = ask_topic
        self._topic: ActivityTopic | None = None
        self._days_known: list[int] | None = None
        """The days that had passed in each zone when Kafka was last asked."""
        self._judged_gauge = telemetry.gauge("elan_judged_boundary_timestamp_seconds")
        self._duration = telemetry.histogram("elan_judge_duration_seconds")
        self._transitions = telemetry.counter("elan_alert_transitions_total")
        self._leases: dict[str, Lease] = {}

    async def run_once(self) -> Progress:
        """Judge what is due. Raises RetryLater."""
        standings, first_days = await self._progress.standings(), await self._progress.first_days()
        zones = {network: self._rules.of_network(network).zone for network in sorted(first_days)}
        passed_seconds = await self._see_what_has_passed(standings, list(zones.values()))
        if passed_seconds is None:
            return Progress(0, None)
        boundaries, reached = 0, passed_seconds
        for network, zone in zones.items():
            first_day, passed_day = first_days[network], local_day(passed_seconds, zone) - 1
            await self._learn(network, first_day)
            boundaries += await self._judge_network(network, first_day, passed_day)
            slowest = await self._slowest_day(network, first_day)
            reached = min(reached, day_start_seconds(slowest + 1, zone))
        return Progress(boundaries, reached)

    async def _see_what_has_passed(self, standings: dict[str, Standing], zones: Sequence[ZoneInfo]) -> float | None:
        """The low watermark; before it passes another midnight, Kafka is asked how many partitions there are.

        After the standings were read: a partition that was added holds nothing older than its topic's change, and what
        the standings say was written by then. Asked before them, the day would be judged without the activities of a
        partition that is not known yet.
        """
        if self._topic is None or self._days_passed(standings, zones) != self._days_known:
            self._topic = await self._ask_topic()
            self._days_known = self._days_passed(standings, zones)
        return low_watermark(standings, self._topic)

    def _days_passed(self, standings: dict[str, Standing], zones: Sequence[ZoneInfo]) -> list[int] | None:
        """In each of these zones; None while no day is known to have passed."""
        seconds = None if self._topic is None else low_watermark(standings, self._topic)
        return None if seconds is None else [local_day(seconds, zone) for zone in zones]

    async def _slowest_day(self, network: str, first_day: int) -> int:
        judged = await self._verdicts.judged(network)
        return min((judged.get(shard, first_day - 1) for shard in range(self._shards)), default=first_day - 1)

    async def _learn(self, network: str, first_day: int) -> None:
        """Once every shard stands at a survey day: learn from it, so that the next boundaries may be judged."""
        slowest = await self._slowest_day(network, first_day)
        day = due_survey(first_day, slowest, await self._verdicts.profile_day(network))
        if day is not None and await self._lease(f"learn:{network}").take():
            await self._judge.learn(network, range(self._shards), day)

    async def _judge_network(self, network: str, first_day: int, passed_day: int) -> int:
        taught_day, judged = await self._verdicts.profile_day(network), await self._verdicts.judged(network)
        if not due_boundaries(network, first_day, passed_day, judged, range(self._shards), taught_day):
            return 0
        boundaries = 0
        of_network: dict[tuple[int, int], NetworkColumns] = {}
        for group in groups_of(self._shards, await self._verdicts.communities(network)):
            if not due_boundaries(network, first_day, passed_day, judged, group, taught_day):
                continue
            if not await self._lease(f"judge:{network}:{group[0]}").take():
                continue
            # Where the shards stand is asked again: another judge may have moved on before the lease was ours.
            present = await self._verdicts.judged(network)
            for due in due_boundaries(network, first_day, passed_day, present, group, taught_day):
                span = (due.first_day, due.last_day)
                if span not in of_network:
                    # Once for all groups: it is the same for each, and one more command a shard.
                    of_network[span] = await self._judge.read_network(network, *span)
                await self._judge_step(due, of_network[span])
                boundaries += due.last_day - due.first_day + 1
        return boundaries

    async def _judge_step(self, due: Due, network_columns: NetworkColumns) -> None:
        started = clock.monotonic_seconds()
        await self._verdicts.see_fences(due.shards)
        steps = await self._judge.judge(
            due.network, due.shards, due.first_day, due.last_day, network_columns=network_columns
        )
        self._duration.observe(clock.monotonic_seconds() - started)
        for step in steps:
            self._transitions.labels(step.alert.value, step.state.value).inc()
            log.info("alert %s of %s: %s at %s", step.id, step.network, step.state.value, step.at)
        zone = self._rules.of_network(due.network).zone
        self._judged_gauge.labels(due.network).set(day_start_seconds(due.last_day + 1, zone))

    def _lease(self, name: str) -> Lease:
        if name not in self._leases:
            self._leases[name] = Lease(self._client, self._namespace, name, LEASE_SECONDS)
        return self._leases[name]

    async def give_back(self) -> None:
        """Let other workers judge at once."""
        for lease in self._leases.values():
            await lease.give_back()


class Relaying:
    """Takes the outbox to the alerts topic; two relays at once write a step twice, which compaction undoes."""

    def __init__(self, lease: Lease, verdicts: RedisVerdicts, topic: AlertsTopic, telemetry: Telemetry) -> None:
        self._lease = lease
        self._verdicts = verdicts
        self._topic = topic
        self._relayed = telemetry.counter("elan_alerts_relayed_total")

    async def run_once(self) -> int:
        """Relay what is in the outbox -> records written."""
        if not await self._lease.take():
            return 0
        entries = await self._verdicts.outbox()
        if entries:
            try:
                await self._topic.write(entries)
            except RetryLater:
                # Another worker may reach Kafka where this one does not.
                await self._lease.give_back()
                raise
            await self._verdicts.relayed(entries)
            self._relayed.inc(len(entries))
        return len(entries)
