"""Brokers that die, freeze and are restarted under load: workers live on, and everything is counted once."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient

from tests.faults.topic_changes import small_load
from tests.integration.pipeline.deployment import wait_until
from tests.servers.apache_kafka import CLUSTER_NODES

if TYPE_CHECKING:
    from tests.faults.trial import Trial, Trials
    from tests.servers.apache_kafka import ApacheKafka, KafkaCluster

# kafka-python leaves the sockets of connections that failed to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*socket.socket:pytest.PytestUnraisableExceptionWarning"),
]
QUICK = {"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "3", "ELAN_KAFKA_HEARTBEAT_INTERVAL_SECONDS": "1"}
LONGEST_REQUEST_SECONDS = 30.0
"""What a worker's client waits for an answer."""
SOON_SECONDS = 30.0


def begin(trials: Trials, bootstrap: str, events_per_second: float, copies: int = 1) -> Trial:
    """Two workers that have counted a part of the load; `copies` of each partition are kept."""
    trial = trials.begin(kafka=bootstrap, changes={**QUICK, "ELAN_KAFKA_REPLICATION_FACTOR": str(copies)})
    workers = [trial.deployment.start_worker() for _ in range(2)]
    # The load is short: workers that are still starting would find it written.
    trial.deployment.wait_for_assignment(*workers)
    trial.produce(small_load(trial), events_per_second)
    trial.deployment.wait_for_records(trial.random.randint(500, 2_000))
    return trial


def seconds_until_more_is_counted(trial: Trial) -> float:
    """From now, when a broker is back, until a worker has counted anything new, or there is nothing left."""
    since, deployment, counted = time.monotonic(), trial.deployment, trial.deployment.counted()
    wait_until(
        lambda: deployment.counted() > counted or deployment.counted() == sum(deployment.end_offsets().values()),
        "more to be counted",
        deployment,
    )
    return time.monotonic() - since


def assert_all_lived_on(trial: Trial) -> None:
    """Everything was counted once by the workers that were there from the beginning."""
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    assert [worker.poll() for worker in trial.deployment.workers] == [None, None], "a worker has ended"


@pytest.mark.timeout(200)
def test_a_broker_killed_under_load_and_started_again(trials: Trials, own_broker: ApacheKafka) -> None:
    # broker =====x    ==========
    # w1, w2 ====================
    trial = begin(trials, own_broker.bootstrap, 600)
    own_broker.kill()
    time.sleep(trial.random.uniform(1, 5))
    own_broker.start()
    seconds = seconds_until_more_is_counted(trial)
    trial.fault(f"kill -9 of the broker, on again {seconds:.1f} s after its start")
    assert seconds < SOON_SECONDS
    assert_all_lived_on(trial)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_broker_restarted_in_order_again_and_again(trials: Trials, own_broker: ApacheKafka) -> None:
    # broker =====| =====| =======
    # w1, w2 =====================
    trial = begin(trials, own_broker.bootstrap, 600)
    for _ in range(2):
        seconds_until_more_is_counted(trial)
        own_broker.stop()
        trial.fault("restart of the broker")
        own_broker.start()
    assert_all_lived_on(trial)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_broker_frozen_for_longer_than_a_client_waits(trials: Trials, own_broker: ApacheKafka) -> None:
    # broker =====z...............=======   connections stay open, nothing is answered: as behind a silent network
    # w1, w2 ============================
    trial = begin(trials, own_broker.bootstrap, 600)
    own_broker.process.freeze()
    time.sleep(LONGEST_REQUEST_SECONDS + trial.random.uniform(2, 6))
    own_broker.process.thaw()
    seconds = seconds_until_more_is_counted(trial)
    trial.fault(f"SIGSTOP of the broker, on again {seconds:.1f} s after SIGCONT")
    assert seconds < SOON_SECONDS
    assert_all_lived_on(trial)


@pytest.mark.long
@pytest.mark.timeout(240)
def test_the_leader_of_partitions_killed_under_load_among_three_brokers(
    trials: Trials, broker_cluster: KafkaCluster
) -> None:
    # leader =====x         =====   two copies of three are left, so everything goes on meanwhile
    # others =====================
    trial = begin(trials, broker_cluster.bootstrap, 400, copies=CLUSTER_NODES)
    topic = trial.deployment.environment["ELAN_KAFKA_ACTIVITY_TOPIC"]
    leader = leader_of(broker_cluster.bootstrap, topic, trial.random.randrange(trial.deployment.partitions))
    broker_cluster.brokers[leader].kill()
    trial.fault("kill -9 of a leader")
    trial.deployment.wait_for_records(trial.deployment.counted() + 600)
    broker_cluster.brokers[leader].start()
    assert_all_lived_on(trial)


def leader_of(bootstrap: str, topic: str, partition: int) -> int:
    """Number of the broker that leads a partition."""
    admin = KafkaAdminClient(bootstrap_servers=bootstrap.split(","))
    try:
        (described,) = admin.describe_topics([topic])
    finally:
        admin.close()
    return next(int(p["leader_id"]) for p in described["partitions"] if p["partition_index"] == partition)
