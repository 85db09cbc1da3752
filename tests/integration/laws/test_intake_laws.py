"""Laws of counting and judging: how a log was cut, who read it, in which order, and how often, changes nothing.

Each example reads 130 days of a made-up network with two workers, in steps that hypothesis chooses, and ends with what
an undisturbed replay in memory ends with: the same windows, cell by cell, and the same alerts.
"""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING, Any

import pytest
import redis.asyncio
from hypothesis import HealthCheck, example, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st

from pipeline.horizon import HORIZON_SECONDS
from pipeline.kafka_topics import ActivityTopic
from pipeline.settings import load_settings
from pipeline.windows.redis_store import RedisStore
from tests.faults.load import Load
from tests.faults.oracle import Expected, cells_of
from tests.integration.laws.simulated_workers import (
    DAY_SECONDS,
    NAMESPACE,
    PARTITIONS,
    SHARDS,
    TOPIC_ID,
    WORKERS,
    SimulatedWorker,
    log_of,
    read_to_the_end,
    told,
)

if TYPE_CHECKING:
    from tests.integration.laws.simulated_workers import Log

SETTINGS = load_settings(environ={"ELAN_MODE": "development"})
LATENESS_SECONDS = SETTINGS.clock.allowed_lateness_seconds
LOAD = Load(7, communities=8, members=8, days=130, silent_after=90)

workers_numbers = st.integers(0, WORKERS - 1)
partition_numbers = st.integers(0, PARTITIONS - 1)
batch_sizes = st.sampled_from([1, 7, 60, 400, 1500])
steps = st.lists(
    st.one_of(
        st.tuples(st.just("read"), workers_numbers, partition_numbers, batch_sizes),
        st.tuples(st.just("take"), workers_numbers, partition_numbers, batch_sizes),
        st.tuples(st.just("apply"), workers_numbers),
        st.tuples(st.just("judge"), workers_numbers),
        # Also partitions that the other holds and goes on with: it has not noticed yet.
        st.tuples(st.just("assign"), workers_numbers, st.sets(partition_numbers, min_size=1)),
        st.tuples(st.just("read again"), workers_numbers, partition_numbers),
    ),
    min_size=10,
    max_size=40,
)
READ_AGAIN = [("read", 0, 0, 400), ("read again", 1, 0), ("read", 1, 0, 60)]
ZOMBIE = [("take", 0, 1, 400), ("assign", 1, {1}), ("read", 1, 1, 60), ("apply", 0), ("read", 1, 1, 400)]


@pytest.fixture(scope="module")
def expected() -> Expected:
    """The undisturbed run."""
    activities = [activity for _, day in LOAD.chunks() for activity in day]
    found = Expected(activities, SETTINGS)
    asyncio.run(found.compute())
    assert len(found.alerts) >= 2, "there must be alerts to compare"
    return found


async def act(workers: list[SimulatedWorker], step: tuple[Any, ...]) -> None:
    """One step of one worker."""
    name, worker = step[0], workers[step[1]]
    if name in {"take", "read"} and step[2] in worker.positions:
        worker.take(step[2], step[3])
    if name in {"apply", "read"}:
        await worker.apply()
    elif name == "judge":
        await worker.judge()
    elif name == "assign":
        await worker.assign(step[2])
    elif name == "read again":
        await worker.go_back(step[2])
        await worker.assign([*worker.positions, step[2]])


async def run(valkey_url: str, log: Log, chosen: list[tuple[Any, ...]], expected: Expected) -> None:
    """Take the steps, then read to the end, then compare."""
    client = redis.asyncio.Redis.from_url(valkey_url)
    try:
        await client.flushall()
        workers = [SimulatedWorker(client, SETTINGS, log) for _ in range(WORKERS)]
        for worker in workers:
            await worker.assign(range(PARTITIONS))
        for step in chosen:
            await act(workers, step)
        await read_to_the_end(workers, log)
        # The zombie wakes up: what it still holds was counted by the other.
        await workers[1].apply()
        await compare(client, workers, expected)
    finally:
        await client.aclose()


async def compare(client: redis.asyncio.Redis, workers: list[SimulatedWorker], expected: Expected) -> None:
    """Windows and alerts are those of the undisturbed run, and nothing was taken for poison."""
    cells = await cells_of(RedisStore(client, NAMESPACE, SHARDS), SHARDS, expected.last_days())
    assert cells == expected.cells
    assert await told(client) == expected.alerts
    assert not [call for worker in workers for call in worker.letters.write.await_args_list if call.args[0]]


@given(chosen=steps, shuffle=st.integers(0, 1000))
@example(chosen=READ_AGAIN, shuffle=1)
@example(chosen=ZOMBIE, shuffle=2)
@hypothesis_settings(max_examples=15, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.timeout(240)
def test_however_a_log_is_cut_handed_over_and_read_again_windows_and_alerts_are_the_same(
    valkey_url: str, expected: Expected, chosen: list[tuple[Any, ...]], shuffle: int
) -> None:
    # partition 0  ──┤ w0 ├──┤ w1 ├─────────┤ w1 again from the start ├──
    # partition 1  ──┤ w1 ├───── w0 still holds a batch ─────┤ w0 applies it ├──
    log = log_of(LOAD.chunks(), Random(shuffle), LATENESS_SECONDS)
    asyncio.run(run(valkey_url, log, chosen, expected))


@given(cut=st.sampled_from([1, 3, 50, 5000]), shuffle=st.integers(0, 1000))
@hypothesis_settings(max_examples=4, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@pytest.mark.timeout(240)
def test_partitions_read_one_after_the_other_or_side_by_side_give_the_same(
    valkey_url: str, expected: Expected, cut: int, shuffle: int
) -> None:
    log = log_of(LOAD.chunks(), Random(shuffle), LATENESS_SECONDS)
    side_by_side = [
        step
        for _ in range(20)
        for step in (*(("take", 0, n, cut) for n in range(PARTITIONS)), ("apply", 0), ("judge", 0))
    ]
    asyncio.run(run(valkey_url, log, side_by_side, expected))


async def know_of_partitions_late(worker: SimulatedWorker) -> None:
    """Kafka has all partitions when the first two are counted, but the worker has not looked since they were two."""
    worker.ask_topic.return_value = ActivityTopic(TOPIC_ID, PARTITIONS - 1)
    await worker.assign(range(PARTITIONS - 1))
    assert await worker.judge() == 0, "nothing was counted yet"
    worker.ask_topic.return_value = ActivityTopic(TOPIC_ID, PARTITIONS)
    for _ in range(3):
        for partition in range(PARTITIONS - 1):
            worker.take(partition, 400)
        await worker.apply()
        assert await worker.judge() == 0, "judged without the activities of a partition"


def test_nothing_is_judged_before_partitions_are_counted_that_were_added_unseen(
    valkey_url: str, expected: Expected
) -> None:
    # p0, p1  ───────┤ counted ├── judging waits ──────────────────────
    # p2      · · · added · · · · ┤ seen ├──────── counted from its start
    log = log_of(LOAD.chunks(), Random(3), LATENESS_SECONDS)

    async def add_a_partition() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            await client.flushall()
            worker = SimulatedWorker(client, SETTINGS, log)
            await know_of_partitions_late(worker)
            await read_to_the_end([worker], log)
            await compare(client, [worker], expected)
        finally:
            await client.aclose()

    asyncio.run(add_a_partition())


@pytest.mark.parametrize("cut", [7, 400, 100_000])
def test_a_partition_that_has_not_begun_keeps_the_others_within_28_days(
    valkey_url: str, expected: Expected, cut: int
) -> None:
    # p0, p1  ├──────── 28 days ────────┤ wait, also after a restart │──────────
    # p2      · · · · stuck at its first record · · · · · · · · · · ·├──────────
    log = log_of(LOAD.chunks(), Random(5), LATENESS_SECONDS)
    first_seconds = log[0][0][0]

    async def begin_late() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            await client.flushall()
            workers = [SimulatedWorker(client, SETTINGS, log) for _ in range(WORKERS)]
            for worker in workers:
                await worker.assign(range(PARTITIONS))
                for _ in range(60):
                    for partition in range(PARTITIONS - 1):
                        worker.take(partition, cut)
                    await worker.apply()
                    if worker is workers[0]:
                        assert await worker.judge() == 0
                for partition in range(PARTITIONS - 1):
                    counted = await worker.clock_seconds(partition)
                    assert counted is not None
                    assert counted <= first_seconds + HORIZON_SECONDS + DAY_SECONDS
            await read_to_the_end(workers, log)
            await compare(client, workers, expected)
        finally:
            await client.aclose()

    asyncio.run(begin_late())
