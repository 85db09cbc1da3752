"""Bad links between workers and Redis: connections reset all the time, and a way that is slow and narrow."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from tests.faults.load import Load

if TYPE_CHECKING:
    from tests.faults.deployment import Worker
    from tests.faults.proxy import Proxy
    from tests.faults.trial import Trials
    from tests.servers.valkey import Valkey

EVENTS_PER_SECOND = 2_000
RESET_SECONDS = (0.1, 0.6)
DELAY_SECONDS = (0.01, 0.04)
"""One way: 20 to 80 ms there and back."""
BYTES_PER_SECOND = 400_000
MOST_MEGABYTES = 350.0


def most_megabytes(worker: Worker) -> float:
    """What a worker had resident at the most."""
    status = Path(f"/proc/{worker.pid}/status").read_text()
    return int(re.findall(r"VmHWM:\s+(\d+) kB", status)[0]) / 1024


@pytest.mark.long
@pytest.mark.timeout(100)
def test_connections_that_are_reset_all_the_time(trials: Trials, own_valkey: Valkey, proxy: Proxy) -> None:
    # w1 ==!=!==!=!=!==!=    !: RST on every connection
    # w2 ==!=!==!=!=!==!=
    trial = trials.begin(redis_url=own_valkey.url, for_workers={"ELAN_REDIS_URL": proxy.url})
    workers = [trial.deployment.start_worker() for _ in range(2)]
    trial.deployment.wait_for_assignment(*workers)
    producer = trial.produce(Load(trial.seed), EVENTS_PER_SECOND)
    while producer.is_alive():
        producer.join(trial.random.uniform(*RESET_SECONDS))
        proxy.reset_all()
        trial.fault("reset")
    trial.heal()
    trial.settle().assert_exact()


@pytest.mark.long
@pytest.mark.timeout(100)
def test_a_slow_and_narrow_way_only_takes_longer(trials: Trials, own_valkey: Valkey, proxy: Proxy) -> None:
    trial = trials.begin(redis_url=own_valkey.url, for_workers={"ELAN_REDIS_URL": proxy.url})
    workers = [trial.deployment.start_worker() for _ in range(2)]
    proxy.delay(*DELAY_SECONDS)
    proxy.limit(BYTES_PER_SECOND)
    trial.fault("20 to 80 ms, 400 kB/s")
    trial.produce(Load(trial.seed), EVENTS_PER_SECOND)
    trial.settle().assert_exact()
    assert max(map(most_megabytes, workers)) < MOST_MEGABYTES
