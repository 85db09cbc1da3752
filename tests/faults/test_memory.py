"""Two million unread activities: a worker takes them in without growing."""

from __future__ import annotations

import asyncio
import contextlib
import threading
from typing import TYPE_CHECKING

import pytest
import redis
import redis.asyncio

from pipeline.lab.bench_topic import COMMUNITIES, EVENTS_A_MILLION, NETWORK, MadeUpStream, past_start, write_stream
from pipeline.rules import rules_of
from pipeline.windows.aggregate import local_day
from pipeline.windows.day_columns import Windows
from pipeline.windows.redis_store import RedisStore
from tests.faults.process_memory import WORKER_MEGABYTES, megabytes_now, most_megabytes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from tests.faults.deployment import FaultyDeployment, Worker
    from tests.faults.trial import Trials

EVENTS = 2 * EVENTS_A_MILLION
"""In the second million nothing is left to fill up: ids of duplicates, known names, buffers of the allocator."""
SPREAD_DAYS = 8.0
GROWTH = 1.15
"""What noise of an allocator may look like growth."""


class Watch(threading.Thread):
    """Samples (records counted, memory) of a worker until all is counted."""

    def __init__(self, deployment: FaultyDeployment, worker: Worker) -> None:
        super().__init__(daemon=True)
        self._deployment = deployment
        self._worker = worker
        self.ended = threading.Event()
        self.samples: list[tuple[int, float]] = []

    def run(self) -> None:
        while not self.ended.wait(0.2):
            # A Redis at full speed on a busy machine may owe an answer; then there is one sample less.
            with contextlib.suppress(redis.RedisError):
                self.samples.append((self._deployment.counted(), megabytes_now(self._worker)))

    def most(self, after: float, before: float) -> float:
        """Most memory while the records counted were between two shares of all."""
        found = [used for counted, used in self.samples if after * EVENTS <= counted <= before * EVENTS]
        assert found, f"nothing was sampled between {after:.0%} and {before:.0%}"
        return max(found)


async def activities_in_redis(deployment: FaultyDeployment, last_seconds: float) -> int:
    """Sum of all activities that the windows hold."""
    client = redis.asyncio.Redis.from_url(deployment.redis_url)
    try:
        store = RedisStore(client, deployment.name, deployment.shards)
        last_day = local_day(last_seconds, rules_of(deployment.settings).of_network(NETWORK).zone)
        days = await store.read_days(NETWORK, range(deployment.shards), last_day - 1, last_day)
    finally:
        await client.aclose()
    history = Windows(days).as_of(last_day)
    assert len(history.communities) <= COMMUNITIES
    return sum(int(series.sum()) for series in history.activities.values())


def write(deployment: FaultyDeployment) -> tuple[Mapping[int, int], float]:
    """Write all -> (partition -> end offset, unix seconds of the last activity)."""
    start = past_start(EVENTS, SPREAD_DAYS)
    stream = MadeUpStream(EVENTS, SPREAD_DAYS, deployment.partitions, start)
    ends = asyncio.run(write_stream(deployment.settings, stream.chunks()))
    return ends, start + SPREAD_DAYS * 86_400 * EVENTS / EVENTS_A_MILLION - 1


@pytest.mark.long
@pytest.mark.timeout(600)
def test_with_two_million_unread_activities_the_memory_of_a_worker_is_flat(trials: Trials) -> None:
    trial = trials.begin()
    deployment, outcome = trial.deployment, trial.outcome
    _, last_seconds = write(deployment)
    worker = deployment.start_worker()
    watch = Watch(deployment, worker)
    watch.start()
    trial.heal()
    deployment.wait_until_counted()
    watch.ended.set()
    watch.join()
    counted = asyncio.run(activities_in_redis(deployment, last_seconds))
    outcome.events, outcome.lost, outcome.double = EVENTS, max(0, EVENTS - counted), max(0, counted - EVENTS)
    outcome.alerts_equal = outcome.is_settled = True
    early, late, peak = watch.most(0.50, 0.70), watch.most(0.75, 0.98), most_megabytes(worker)
    trial.fault(f"two million unread: {early:.0f} MB early, {late:.0f} MB late, {peak:.0f} MB at the most")
    assert (outcome.lost, outcome.double) == (0, 0)
    assert late <= early * GROWTH
    assert peak < WORKER_MEGABYTES
