"""A Cluster of three nodes: counted once over all of them, also where one of them has lost something."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
import redis

from pipeline.windows.redis_keys import Keys
from tests.faults.load import Load
from tests.integration.pipeline.deployment import wait_until
from tests.servers import absence
from tests.servers.process import ServerUnavailableError
from tests.servers.valkey import Valkey, ValkeyCluster

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.faults.trial import Trials

EVENTS_PER_SECOND = 2_000


@pytest.fixture
def cluster(tmp_path: Path) -> Iterator[ValkeyCluster]:
    try:
        nodes = ValkeyCluster(tmp_path / "cluster")
    except ServerUnavailableError as error:
        absence.leave_out("Valkey", error)
    yield nodes.start()
    nodes.stop()


def fences_of(node: Valkey, key: str) -> dict[bytes, bytes]:
    with redis.Redis.from_url(node.url) as client:
        return dict(client.hgetall(key))


def lose_a_part(node: Valkey) -> int:
    """A power cut that takes a tenth of the append-only file -> bytes lost."""
    node.kill()
    (file,) = node.folder.glob("appendonlydir/*.incr.aof")
    lost = file.stat().st_size // 10
    with file.open("r+b") as opened:
        opened.truncate(file.stat().st_size - lost)
    node.start()
    return lost


@pytest.mark.long
@pytest.mark.timeout(180)
def test_over_three_nodes_a_worker_is_killed(trials: Trials, cluster: ValkeyCluster) -> None:
    # w1 =====!      !: kill -9
    # w2 ======================
    trial = trials.begin(redis_url=cluster.url)
    workers = [trial.deployment.start_worker() for _ in range(2)]
    trial.produce(Load(trial.seed), EVENTS_PER_SECOND)
    trial.deployment.wait_for_assignment(*workers)
    trial.deployment.wait_for_records(trial.random.randrange(2_000, 8_000))
    trial.deployment.kill(workers[0])
    trial.fault("kill -9 of a worker")
    trial.heal()
    trial.settle().assert_exact()


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_node_that_loses_its_end_while_no_worker_runs(trials: Trials, cluster: ValkeyCluster) -> None:
    # workers ========|      |=========
    # node 1  ========| less |=========
    # node 2  =========================
    trial = trials.begin(redis_url=cluster.url)
    deployment = trial.deployment
    workers = [deployment.start_worker() for _ in range(2)]
    trial.produce(Load(trial.seed), EVENTS_PER_SECOND)
    deployment.wait_for_assignment(*workers)
    deployment.wait_for_records(trial.random.randrange(4_000, 8_000))
    for worker in workers:
        deployment.end(worker)
    fences = f"{deployment.name}:{{{deployment.name}-{trial.random.randrange(deployment.shards)}}}:fences"
    node = cluster.node_of(fences)
    confirmed = fences_of(node, fences)
    lost = 0
    while fences_of(node, fences) == confirmed:
        # The end may be verdicts alone, which are found again without anybody being told.
        lost += lose_a_part(node)
        cluster.wait_until_whole()
    trial.fault(f"{lost} bytes of the node of a shard lost")
    workers = [deployment.start_worker() for _ in range(2)]
    # On the node of the standings, what was counted and how far go back together.
    if node is not cluster.node_of(Keys(deployment.name).confirmed()):
        wait_until(
            lambda: any("Redis has lost" in deployment.log_of(worker) for worker in workers),
            "it to be said",
            deployment,
        )
    trial.heal()
    trial.settle().assert_exact()


@pytest.mark.long
@pytest.mark.timeout(180)
def test_nodes_are_killed_and_come_back_under_load(trials: Trials, cluster: ValkeyCluster) -> None:
    # workers ======================================
    # nodes   ======!    !==========!    !==========   kill -9
    trial = trials.begin(redis_url=cluster.url)
    deployment = trial.deployment
    workers = [deployment.start_worker() for _ in range(2)]
    trial.produce(Load(trial.seed), EVENTS_PER_SECOND)
    deployment.wait_for_assignment(*workers)
    for records in (2_000, 6_000):
        deployment.wait_for_records(records)
        node = trial.random.choice(cluster.nodes)
        node.kill()
        time.sleep(trial.random.uniform(0.5, 4))
        node.start()
        cluster.wait_until_whole()
        trial.fault("kill -9 of a node")
    trial.heal()
    trial.settle().assert_exact()
    assert [worker.poll() for worker in workers] == [None, None], "the workers that began are those that ended it"
