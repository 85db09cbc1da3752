"""Another Redis stands in, with less than was confirmed: data and fence go back together, and it is counted again."""

from __future__ import annotations

import shutil
from typing import TYPE_CHECKING

import pytest
import redis

from tests.faults.load import Load
from tests.faults.proxy import Proxy
from tests.integration.pipeline.deployment import wait_until
from tests.servers.valkey import Valkey

if TYPE_CHECKING:
    from pathlib import Path

    from tests.faults.trial import Trial, Trials

EVENTS_PER_SECOND = 2_000


def begin(trials: Trials, proxy: Proxy) -> Trial:
    """Two workers that reach Redis through the proxy, as everybody does after the fail-over."""
    trial = trials.begin(redis_url=proxy.url)
    workers = [trial.deployment.start_worker() for _ in range(2)]
    trial.produce(Load(trial.seed), EVENTS_PER_SECOND)
    trial.deployment.wait_for_assignment(*workers)
    trial.deployment.wait_for_records(trial.random.randrange(2_000, 4_000))
    return trial


def wait_until_said(trial: Trial) -> None:
    """Until a worker has said in its log, and counted, that Redis has lost something."""
    deployment = trial.deployment
    wait_until(
        lambda: any("Redis has lost" in deployment.log_of(worker) for worker in deployment.workers),
        "it to be said",
        deployment,
    )
    assert sum(deployment.metric(worker, "elan_redis_data_losses_total") for worker in deployment.workers) > 0


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_replica_that_lagged_takes_over(trials: Trials, own_valkey: Valkey, proxy: Proxy, tmp_path: Path) -> None:
    # primary ====written====written==== gone
    # replica ====copied====|          |========= the address leads here; |: what was written no longer reached it
    replica, link = Valkey(tmp_path / "replica").start(), Proxy(own_valkey.process.port).start()
    try:
        with redis.Redis.from_url(replica.url) as client:
            client.execute_command("REPLICAOF", "127.0.0.1", link.port)
            trial = begin(trials, proxy)
            wait_until(lambda: client.info("replication")["master_link_status"] == "up", "replication", None)
            link.hold("answers")
            counted = trial.deployment.counted()
            trial.deployment.wait_for_records(counted + trial.random.randrange(1_500, 4_000))
            own_valkey.kill()
            client.execute_command("REPLICAOF", "NO", "ONE")
        proxy.target = replica.process.port
        trial.fault("fail-over to a replica that lagged")
        wait_until_said(trial)
        trial.heal()
        trial.settle().assert_exact()
    finally:
        link.stop()
        replica.stop()


@pytest.mark.long
@pytest.mark.timeout(180)
@pytest.mark.parametrize("how", ["an older copy", "nothing"])
def test_a_redis_that_is_set_up_again(
    trials: Trials, own_valkey: Valkey, proxy: Proxy, tmp_path: Path, how: str
) -> None:
    # ====copied====written==== gone, the copy (or nothing) put back ====
    trial = begin(trials, proxy)
    data, copy = tmp_path / "redis" / "appendonlydir", tmp_path / "copy"
    shutil.copytree(data, copy)
    trial.deployment.wait_for_records(trial.deployment.counted() + trial.random.randrange(1_500, 4_000))
    own_valkey.kill()
    shutil.rmtree(data)
    if how == "an older copy":
        shutil.copytree(copy, data)
    own_valkey.start()
    trial.fault(f"started again from {how}")
    wait_until_said(trial)
    trial.heal()
    trial.settle().assert_exact()
