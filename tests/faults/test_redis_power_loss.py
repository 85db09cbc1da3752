"""A Redis that comes back with less than it had confirmed: noticed, said, and counted again from Kafka."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from tests.faults.load import Load
from tests.integration.pipeline.deployment import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.faults.trial import Trial, Trials
    from tests.servers.valkey import Valkey

EVENTS_PER_SECOND = 1_000
LOST_BYTES = (20_000, 400_000)


def lose_its_end(trial: Trial, server: Valkey, folder: Path) -> None:
    """A power cut: what the disk had not taken yet is gone from the append-only file."""
    server.kill()
    (file,) = folder.glob("redis/appendonlydir/*.incr.aof")
    lost = min(trial.random.randint(*LOST_BYTES), file.stat().st_size // 2)
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size - lost)
    server.start()
    trial.fault(f"power cut, {lost} bytes lost")


def lose_everything(trial: Trial, server: Valkey, _folder: Path) -> None:
    """Somebody empties it."""
    with redis.Redis.from_url(server.url) as client:
        client.flushall()
    trial.fault("FLUSHALL")


@pytest.mark.timeout(200)
@pytest.mark.parametrize(
    "lose", [lose_its_end, pytest.param(lose_everything, marks=pytest.mark.long)], ids=["its end", "everything"]
)
def test_what_redis_loses_under_load_is_said_and_counted_again(
    trials: Trials, own_valkey: Valkey, tmp_path: Path, lose: Callable[[Trial, Valkey, Path], None]
) -> None:
    # w1 ======== less ========
    # w2 ======== less ========
    trial = trials.begin(redis_url=own_valkey.url)
    workers = [trial.deployment.start_worker() for _ in range(2)]
    trial.produce(Load(trial.seed), EVENTS_PER_SECOND)
    trial.deployment.wait_for_records(trial.random.randint(3_000, 9_000))
    lose(trial, own_valkey, tmp_path)
    wait_until(
        lambda: any("Redis has lost" in trial.deployment.log_of(worker) for worker in workers), "it to be said", None
    )
    trial.heal()
    trial.settle().assert_exact()
    assert sum(trial.deployment.metric(worker, "elan_redis_data_losses_total") for worker in workers) > 0
