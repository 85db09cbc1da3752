"""What any worker does beside its partitions, one worker at a time: judge due boundaries, relay alerts."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING, NamedTuple

from pipeline import clock
from pipeline.due import due_boundaries, due_survey, groups_of, low_watermark
from pipeline.errors import RetryLater
from pipeline.publish.alerts import day_start_seconds
from pipeline.windows.aggregate import local_day
from pipeline.windows.redis_verdicts import Lease

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence
    from zoneinfo import ZoneInfo

    from pipeline.due import Due
    from pipeline.judging import Judge, Rules
    from pipeline.kafka_topics import ActivityTopic
    from pipeline.publish.relay import AlertsTopic
    from pipeline.telemetry import Telemetry
    from pipeline.windows.day_columns import NetworkColumns
    from pipeline.windows.redis_progress import RedisProgress, Standing
    from pipeline.windows.redis_scripts import Client
    from pipeline.windows.redis_verdicts import RedisVerdicts

log = logging.getLogger(__name__)

LEASE_SECONDS = 30.0


class Progress(NamedTuple):
    """What one round of judging did: boundaries judged, and the event time (unix seconds) up to which all is judged."""

    boundaries: int
    reached_seconds: float | None
    """None while nothing is known: no network has begun, and a partition has not told its watermark."""


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
        boundaries, reached = 0, [] if passed_seconds is None else [passed_seconds]
        for network, zone in zones.items():
            first_day, judged = first_days[network], await self._verdicts.judged(network)
            if passed_seconds is not None:
                passed_day = local_day(passed_seconds, zone) - 1
                taught_day = await self._learn(network, first_day, judged)
                newly_judged = await self._judge_network(network, first_day, passed_day, judged, taught_day)
                boundaries += newly_judged
                if newly_judged:
                    judged = await self._verdicts.judged(network)
            reached.append(day_start_seconds(self._slowest_day(judged, first_day) + 1, zone))
        return Progress(boundaries, min(reached, default=None))

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

    def _slowest_day(self, judged: dict[int, int], first_day: int) -> int:
        return min(judged.get(shard, first_day - 1) for shard in range(self._shards))

    async def _learn(self, network: str, first_day: int, judged: dict[int, int]) -> int | None:
        """Once every shard stands at a survey day: learn from it, so that the next boundaries may be judged.

        Returns the survey day of the profile that is kept.
        """
        taught_day = await self._verdicts.profile_day(network)
        day = due_survey(first_day, self._slowest_day(judged, first_day), taught_day)
        if day is None or not await self._lease(f"learn:{network}").take():
            return taught_day
        await self._judge.learn(network, range(self._shards), day)
        return day

    async def _judge_network(
        self, network: str, first_day: int, passed_day: int, judged: dict[int, int], taught_day: int | None
    ) -> int:
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
    """Takes the outbox to the alerts topic, one worker at a time.

    Written twice, a step does no harm: compaction keeps the last record of an alert. Written late, it would stand over
    a newer one; so the producer gives a record up before the lease can be another's. Only a process that is halted in
    the midst of writing, or takes longer than the lease for one outbox, may still do that.
    """

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
