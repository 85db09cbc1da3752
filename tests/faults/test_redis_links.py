"""Bad links between workers and Redis: connections reset all the time, a way that is slow and narrow, no answers."""

from __future__ import annotations

import os
import signal
import time
from typing import TYPE_CHECKING

import pytest
import redis

from tests.faults.load import Load
from tests.faults.process_memory import WORKER_MEGABYTES, most_megabytes

if TYPE_CHECKING:
    from tests.faults.proxy import Proxy
    from tests.faults.trial import Trials
    from tests.servers.valkey import Valkey

EVENTS_PER_SECOND = 2_000
FULL_EVENTS_PER_SECOND = 10_000
FROZEN_SECONDS = 60.0
RESET_SECONDS = (0.1, 0.6)
DELAY_SECONDS = (0.01, 0.04)
"""One way: 20 to 80 ms there and back."""
BYTES_PER_SECOND = 400_000


@pytest.mark.long
@pytest.mark.timeout(180)
def test_connections_reset_and_scripts_forgotten_all_the_time(trials: Trials, own_valkey: Valkey, proxy: Proxy) -> None:
    # w1 ==!=!==!=!=!==!=    !: RST on every connection, SCRIPT FLUSH
    # w2 ==!=!==!=!=!==!=
    trial = trials.begin(redis_url=own_valkey.url, for_workers={"ELAN_REDIS_URL": proxy.url})
    workers = [trial.deployment.start_worker() for _ in range(2)]
    trial.deployment.wait_for_assignment(*workers)
    producer = trial.produce(Load(trial.seed), EVENTS_PER_SECOND)
    with redis.Redis.from_url(own_valkey.url) as client:
        while producer.is_alive():
            producer.join(trial.random.uniform(*RESET_SECONDS))
            client.script_flush()
            proxy.reset_all()
            trial.fault("SCRIPT FLUSH and reset")
    trial.heal()
    trial.settle().assert_exact()


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_slow_and_narrow_way_only_takes_longer(trials: Trials, own_valkey: Valkey, proxy: Proxy) -> None:
    trial = trials.begin(redis_url=own_valkey.url, for_workers={"ELAN_REDIS_URL": proxy.url})
    workers = [trial.deployment.start_worker() for _ in range(2)]
    proxy.delay(*DELAY_SECONDS)
    proxy.limit(BYTES_PER_SECOND)
    trial.fault("20 to 80 ms, 400 kB/s")
    trial.produce(Load(trial.seed, days=110, silent_after=80), EVENTS_PER_SECOND)
    trial.settle().assert_exact(fewest_alerts=2)
    assert max(map(most_megabytes, workers)) < WORKER_MEGABYTES


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_redis_that_stands_still_under_full_load_fills_no_memory(trials: Trials, own_valkey: Valkey) -> None:
    # events ######################          10,000 a second
    # Redis  =====|  frozen  |=====
    trial = trials.begin(redis_url=own_valkey.url)
    worker = trial.deployment.start_worker()
    trial.deployment.wait_for_assignment(worker)
    trial.produce(Load(trial.seed, communities=150, members=120, days=32, silent_after=25), FULL_EVENTS_PER_SECOND)
    trial.deployment.wait_for_records(20_000)
    os.kill(own_valkey.process.pid, signal.SIGSTOP)
    time.sleep(FROZEN_SECONDS)
    ends = sum(trial.deployment.end_offsets().values())
    os.kill(own_valkey.process.pid, signal.SIGCONT)
    waiting = ends - trial.deployment.counted()
    trial.fault(f"Redis frozen for {FROZEN_SECONDS:.0f} s, {waiting} records waited, {most_megabytes(worker):.0f} MB")
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=0)
    assert waiting > FULL_EVENTS_PER_SECOND
    assert most_megabytes(worker) < WORKER_MEGABYTES
