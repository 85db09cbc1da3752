"""The harness of the fault suite. A *trial* is (name, seed): the same pair meets the same load and the same choices.

    def test_something(trials: Trials) -> None:
        trial = trials.begin()                           # topics, an empty namespace; options: see `Trials.begin`
        first = trial.deployment.start_worker()
        trial.produce(Load(trial.seed))                  # a thread; spoil records with `trial.producer.spoil`
        trial.deployment.wait_for_records(2_000)
        trial.fault("kill -9 of a worker")               # a line of the table
        trial.deployment.kill(first)                     # random choices: trial.random
        trial.deployment.start_worker()
        trial.heal()                                     # from here the seconds to catch up are counted
        trial.settle().assert_exact()                    # waits, reads log and Redis, adds a row to the table

`settle` compares Redis with what the log says at the end (oracle.py), cell by cell: lost is what is missing, double
what is too much; and the alerts topic, read with compaction, with the alerts of an undisturbed run over the same log.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections import Counter
from dataclasses import dataclass, field
from random import Random
from typing import TYPE_CHECKING
from zlib import crc32

import orjson

from tests.faults.oracle import Expected, distinct_activities, last_steps, read_log, redis_cells
from tests.faults.producer import TrialProducer

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from kafka.consumer.fetcher import ConsumerRecord

    from pipeline.model import Activity
    from pipeline.settings import Settings
    from tests.faults.deployment import FaultyDeployment
    from tests.faults.load import Load
    from tests.faults.oracle import Cells

PRODUCER_SECONDS = 300.0
SHOWN = 8


@dataclass
class Outcome:
    """One row of the table; `details` say what differs."""

    name: str
    seed: int
    faults: list[str]
    events: int = 0
    lost: int = 0
    double: int = 0
    alerts: int = 0
    alerts_equal: bool = False
    catch_up_seconds: float | None = None
    is_settled: bool = False
    details: list[str] = field(default_factory=list)

    def assert_exact(self, fewest_alerts: int = 3) -> None:
        """Fail unless everything was counted once and the alerts are those of the undisturbed run."""
        replay = f"replay: FAULT_SEED={self.seed}"
        assert self.events > 0, f"nothing was written: {replay}"
        assert (self.lost, self.double) == (0, 0), "\n".join([replay, *self.details])
        assert self.alerts_equal, "\n".join([replay, *self.details])
        assert self.alerts >= fewest_alerts, f"only {self.alerts} alerts to compare: {replay}"


@dataclass
class Trial:
    """One run. `not_counted` are ids that must not be counted: poison, or deleted before anybody could read them.

    `gone` are records that were counted, and that the log no longer holds. `expect` makes the undisturbed run.
    """

    name: str
    seed: int
    deployment: FaultyDeployment
    outcome: Outcome
    random: Random
    producer: TrialProducer | None = None
    not_counted: set[str] = field(default_factory=set)
    gone: list[ConsumerRecord] = field(default_factory=list)
    healed_at: float | None = None
    expect: Callable[[list[Activity], Settings], Expected] = Expected

    def produce(self, load: Load, events_per_second: float = 2_000, bootstrap: str | None = None) -> TrialProducer:
        """Start to write a load, by another way to Kafka where told so."""
        producer = self.prepare_producer(load, events_per_second, bootstrap)
        producer.start()
        return producer

    def prepare_producer(
        self, load: Load, events_per_second: float = 2_000, bootstrap: str | None = None
    ) -> TrialProducer:
        """The producer of a load, to be spoiled and then started."""
        topic = self.deployment.environment["ELAN_KAFKA_ACTIVITY_TOPIC"]
        where = bootstrap or self.deployment.kafka
        self.producer = TrialProducer(where, topic, self.deployment.partitions, load.chunks(), events_per_second)
        return self.producer

    def fault(self, what: str) -> None:
        """Note a fault for the table, at the moment it is made."""
        self.outcome.faults.append(what)

    def heal(self) -> None:
        """Say that no fault is left; everything must be counted soon."""
        self.healed_at = time.monotonic()

    def settle(self, *, alerts: bool = True) -> Outcome:
        """Wait until everything is counted (and told), read all, compare.

        `alerts=False` where the log's end was not closed, or where alerts cannot be those of an undisturbed run.
        """
        if self.producer is not None:
            self.producer.finish(PRODUCER_SECONDS)
        written_at = time.monotonic()
        self.deployment.wait_until_counted()
        self.outcome.catch_up_seconds = time.monotonic() - max(written_at, self.healed_at or 0.0)
        asyncio.run(self._compare(alerts=alerts))
        self.outcome.is_settled = True
        return self.outcome

    async def _compare(self, *, alerts: bool) -> None:
        deployment, outcome = self.deployment, self.outcome
        log = [*self.gone, *read_log(deployment.kafka, deployment.environment["ELAN_KAFKA_ACTIVITY_TOPIC"])]
        activities = distinct_activities(log, self.not_counted)
        expected = self.expect(activities, deployment.settings)
        await expected.compute()
        outcome.events = len(activities)
        if self.producer is not None:
            written = {activity.id for activity in activities}
            unlogged = sorted(self.producer.acknowledged - written - self.not_counted)
            outcome.lost += len(unlogged)
            outcome.details += [f"acknowledged, but not in the log: {name}" for name in unlogged[:SHOWN]]
        if alerts:
            for network, day in expected.last_days().items():
                deployment.wait_until_told(network, day)
            self._compare_alerts(expected)
        else:
            outcome.alerts_equal = True
        self._compare_cells(
            expected.cells,
            await redis_cells(deployment.redis_url, deployment.name, deployment.shards, expected.last_days()),
        )

    def _compare_cells(self, expected: Cells, found: Cells) -> None:
        missing, surplus = expected - found, found - expected
        self.outcome.lost += missing.total()
        self.outcome.double += surplus.total()
        for cell in (*list(missing)[:SHOWN], *list(surplus)[:SHOWN]):
            self.outcome.details.append(f"{cell}: {expected[cell]} expected, {found[cell]} found")

    def _compare_alerts(self, expected: Expected) -> None:
        topic = self.deployment.environment["ELAN_KAFKA_ALERTS_TOPIC"]
        records = read_log(self.deployment.kafka, topic)
        found = last_steps((record.key.decode(), orjson.loads(record.value)) for record in records)
        self.outcome.alerts = len(expected.alerts)
        self.outcome.alerts_equal = found == expected.alerts
        for alert_id in sorted(found.keys() | expected.alerts.keys()):
            if found.get(alert_id) != expected.alerts.get(alert_id):
                self.outcome.details.append(
                    f"alert {alert_id}: {expected.alerts.get(alert_id)} expected, {found.get(alert_id)} found"
                )


@dataclass
class Trials:
    """Begins the trials of one test; all are stopped at its end."""

    test: str
    seed: int
    make_deployment: Callable[[str, int], FaultyDeployment]
    begun: list[Trial] = field(default_factory=list)

    def begin(
        self,
        name: str = "",
        *,
        kafka: str | None = None,
        redis_url: str | None = None,
        partitions: int = 4,
        changes: Mapping[str, str] | None = None,
        for_workers: Mapping[str, str] | None = None,
    ) -> Trial:
        """A trial with its own topics and namespace, on the servers of the run or on those named.

        `changes` are settings of everything, `for_workers` of the workers alone (environment variables ELAN_…).
        """
        shown = f"{self.test} {name}".strip()
        deployment = self.make_deployment(shown, partitions)
        deployment.kafka = kafka or deployment.kafka
        deployment.redis_url = redis_url or deployment.redis_url
        deployment.changes.update(changes or {})
        deployment.for_workers.update(for_workers or {})
        deployment.prepare()
        outcome = Outcome(shown, self.seed, [])
        trial = Trial(shown, self.seed, deployment, outcome, Random(crc32(shown.encode()) ^ self.seed))
        self.begun.append(trial)
        return trial

    def stop(self) -> None:
        """End the producers and the workers of all trials."""
        for trial in self.begun:
            if trial.producer is not None:
                trial.producer.give_up()
        for trial in self.begun:
            trial.deployment.stop()


def chosen_seed() -> int:
    """FAULT_SEED where set; in CI always the same; else another one each time."""
    if given := os.environ.get("FAULT_SEED"):
        return int(given)
    return 6 if os.environ.get("CI") == "true" else Random().randrange(1_000_000)


def table(outcomes: list[Outcome]) -> Iterator[str]:
    """The lines of the table of runs."""
    width = max((len(outcome.name) for outcome in outcomes), default=0)
    yield f"{'run':<{width}}    seed   events   lost double alerts equal      s  faults"
    for row in outcomes:
        if row.is_settled:
            equal = "yes" if row.alerts_equal else "NO"
            counted = f"{row.events:>8} {row.lost:>6} {row.double:>6} {row.alerts:>6} {equal:>5}"
            caught_up = "" if row.catch_up_seconds is None else f"{row.catch_up_seconds:.1f}"
        else:
            counted, caught_up = f"{'not settled':>35}", ""
        faults = ", ".join(f"{number} x {what}" if number > 1 else what for what, number in Counter(row.faults).items())
        yield f"{row.name:<{width}} {row.seed:>7} {counted} {caught_up:>6}  {faults}"
    yield "lost, double: events and members of windows; equal: alerts as in an undisturbed run; s: seconds to catch up"
