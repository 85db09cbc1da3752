"""Clocks that are wrong, and calendars that are odd: time is in the log, so neither changes a count or an alert."""

from __future__ import annotations

import asyncio
import time
from typing import TYPE_CHECKING

import orjson
import pytest
import redis

from tests.faults.load import DAY_SECONDS, FIRST_DAY, Load, LoadOfNow
from tests.faults.poison import BODY, HEAD, Poison, write
from tests.faults.producer import Record
from tests.integration.pipeline.deployment import wait_until

if TYPE_CHECKING:
    from tests.faults.deployment import FaultyDeployment
    from tests.faults.trial import Trials

DAY_AHEAD, DAY_BEHIND = DAY_SECONDS - 60.0, -float(DAY_SECONDS)
"""The first is as far ahead as an event may be and still be believed."""
YEAR_2100_SECONDS = 4_102_444_800.0
LATE = r'elan_events_total\{outcome="late"\}'


def clocks(deployment: FaultyDeployment) -> list[float]:
    """How far the clock of each partition is."""
    with redis.Redis.from_url(deployment.redis_url) as client:
        found = client.hvals(f"{deployment.name}:partitions")
    return [orjson.loads(standing)["clock_seconds"] or 0.0 for standing in found]


@pytest.mark.timeout(120)
def test_a_worker_that_writes_live_time_by_a_clock_a_day_off_makes_nothing_late_and_time_goes_on(
    trials: Trials,
) -> None:
    # clock of the worker   +1 day .. -1 day .. right .. +1 day ..   one second each, four ticks
    live = {"ELAN_CLOCK_SOURCE": "live", "ELAN_CLOCK_INTERVAL_SECONDS": "0.25"}
    trial = trials.begin(changes=live)
    deployment = trial.deployment
    worker = deployment.start_stepping_worker(1.0, DAY_AHEAD, DAY_BEHIND, 0.0)
    trial.fault("clock of a worker +1 day, -1 day")
    deployment.wait_for_assignment(worker)
    wait_until(lambda: deployment.counted() >= deployment.partitions, "a clock event in each partition", deployment)
    begun = time.time()
    trial.produce(LoadOfNow(trial.seed), events_per_second=100).finish(60)
    wait_until(lambda: min(clocks(deployment)) > begun, "time to go on", deployment)
    ends = deployment.end_offsets()
    wait_until(lambda: all(deployment.standings()[n] >= end for n, end in ends.items()), "the load", deployment)
    assert max(clocks(deployment)) <= time.time() + 1.0, "no partition is ahead of the brokers' time"
    assert deployment.metric(worker, LATE) == 0
    deployment.end(worker)
    # One that writes no clock event itself, so that there is an end.
    deployment.start_worker(ELAN_CLOCK_SOURCE="log")
    trial.settle(alerts=False).assert_exact(fewest_alerts=0)


@pytest.mark.long
@pytest.mark.timeout(120)
def test_workers_whose_clocks_step_count_and_judge_like_any_other(trials: Trials) -> None:
    # one steps by a day every two seconds, the other lives in 1970 .. 2100
    trial = trials.begin()
    now = time.time()
    trial.deployment.start_stepping_worker(2.0, DAY_AHEAD, DAY_BEHIND)
    trial.deployment.start_stepping_worker(2.0, 1.0 - now, YEAR_2100_SECONDS - now)
    trial.fault("clocks of workers a day and decades off")
    trial.produce(Load(trial.seed), events_per_second=1_500)
    trial.settle().assert_exact()


def at(moment: str, name: str) -> bytes:
    """An activity of a moment, RFC 3339."""
    return HEAD.replace(b"poison", name.encode()) + BODY.replace(b"2024-01-01T00:00:00Z", moment.encode())


@pytest.mark.long
@pytest.mark.timeout(200)
def test_days_of_23_and_25_hours_a_leap_day_and_activities_of_1970_and_2100(trials: Trials) -> None:
    # 2023-11-15 ...... 2024-02-29 .. 2024-03-31 (23 h) ...... 2024-10-27 (25 h) .. 2024-10-29, in Paris
    # the very first record is of 1970; every thirtieth day there is one of 1970, of 1990 and of 2100
    trial = trials.begin(changes={"ELAN_NETWORK_DEFAULT_TIME_ZONE": "Europe/Paris"})
    topic = trial.deployment.environment["ELAN_KAFKA_ACTIVITY_TOPIC"]
    first = Poison(at("1970-01-01T00:00:00Z", "first"), "bad_time")
    asyncio.run(write(trial.deployment.kafka, topic, [(0, first)], None))
    trial.not_counted.add("first")
    producer = trial.prepare_producer(Load(trial.seed, 8, 8, days=350, silent_after=200), events_per_second=3_000)
    day = 0

    def spoil(records: list[Record]) -> list[Record]:
        nonlocal day
        day += 1
        if day % 30:
            return records
        odd = [at(f"{year}-01-01T00:00:00Z", f"{year}-{day}") for year in (1970, 1990, 2100)]
        trial.not_counted.update(f"{year}-{day}" for year in (1970, 1990, 2100))
        seconds = (FIRST_DAY + day) * DAY_SECONDS
        return [*records, *(Record(value, b"odd", trial.random.randrange(4), seconds) for value in odd)]

    producer.spoil = spoil
    trial.deployment.start_worker()
    producer.start()
    trial.fault("23, 25 hours, leap day, 1970, 2100")
    trial.settle().assert_exact(fewest_alerts=2)
    letters = trial.deployment.records("ELAN_KAFKA_DEAD_LETTER_TOPIC")
    assert {dict(letter.headers)["elan-reason"] for letter in letters} == {b"bad_time", b"too_old", b"in_future"}
