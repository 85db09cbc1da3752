"""Links between workers and Kafka that fall silent: bytes are taken and none passed on, while Redis is at hand."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.test_brokers import LONGEST_REQUEST_SECONDS, QUICK, SOON_SECONDS, seconds_until_more_is_counted
from tests.faults.topic_changes import small_load
from tests.integration.pipeline.deployment import wait_until

if TYPE_CHECKING:
    from tests.faults.deployment import Worker
    from tests.faults.own_brokers import LinkedBroker
    from tests.faults.proxy import Direction
    from tests.faults.trial import Trial, Trials

# kafka-python leaves the sockets of connections that failed to the collector.
pytestmark = [
    pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*socket.socket:pytest.PytestUnraisableExceptionWarning"),
]
PATIENT = {"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "25"}
"""Longer than a worker needs to notice that Kafka is silent."""
NOTICED_SECONDS = 15.0
"""Two seconds until a worker looks, five that it waits for an answer, and the slowness of a machine."""
GRACE_SECONDS = 30.0
"""What docker-compose.yml and Kubernetes leave a process that is told to stop."""
BOTH: tuple[Direction, ...] = ("requests", "answers")


def begin(trials: Trials, linked: LinkedBroker, changes: dict[str, str], name: str = "") -> tuple[Trial, Worker]:
    """A worker behind the link; what else is started is told where to go."""
    trial = trials.begin(name, kafka=linked.broker.bootstrap, changes=changes)
    return trial, trial.deployment.start_worker(**linked.by_link)


def produce(trial: Trial, events_per_second: float) -> None:
    """A load of which a part is counted when this returns."""
    trial.deployment.wait_for_assignment(*trial.deployment.workers)
    trial.produce(small_load(trial), events_per_second)
    trial.deployment.wait_for_records(trial.random.randint(300, 900))


def seconds_until_ready_is(trial: Trial, worker: Worker, ready: int) -> float:
    since = time.monotonic()
    wait_until(lambda: trial.deployment.metric(worker, "elan_ready") == ready, f"elan_ready {ready}", trial.deployment)
    return time.monotonic() - since


@pytest.mark.timeout(200)
def test_a_link_silent_for_less_than_a_session_is_told_and_costs_no_partition(
    trials: Trials, linked_broker: LinkedBroker
) -> None:
    # events ###################
    # link   ====......=========
    # ready  1111111000001111111
    trial, worker = begin(trials, linked_broker, PATIENT)
    produce(trial, 400)
    rebalances = trial.deployment.metric(worker, "elan_rebalances_total")
    linked_broker.link.hold(*BOTH)
    silent = seconds_until_ready_is(trial, worker, 0)
    linked_broker.link.release()
    back = seconds_until_ready_is(trial, worker, 1)
    trial.fault(f"link silent, not ready after {silent:.1f} s, ready {back:.1f} s after its end")
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    assert max(silent, back) < NOTICED_SECONDS
    assert trial.deployment.metric(worker, "elan_rebalances_total") == rebalances


@pytest.mark.long
@pytest.mark.timeout(200)
@pytest.mark.parametrize("held", [BOTH, ("answers",)], ids=["both ways", "answers only"])
def test_who_was_silent_for_longer_than_a_session_counts_nothing_twice(
    trials: Trials, linked_broker: LinkedBroker, held: tuple[Direction, ...]
) -> None:
    # w1 ====..............=====   believes all the time that it has its partitions; what it asked for arrives late
    # w2 ==========4 of 4===2===
    trial, zombie = begin(trials, linked_broker, QUICK, " and ".join(held))
    deployment = trial.deployment
    healthy = deployment.start_worker(**linked_broker.directly)
    produce(trial, 250)
    linked_broker.link.hold(*held)
    wait_until(lambda: deployment.metric(healthy, "elan_partitions_assigned") == 4, "a take-over", deployment)
    deployment.wait_for_records(deployment.counted() + trial.random.randint(300, 1_200))
    seconds_until_ready_is(trial, zombie, 0)
    assert deployment.metric(healthy, "elan_ready") == 1
    linked_broker.link.release()
    wait_until(lambda: deployment.metric(healthy, "elan_partitions_assigned") == 2, "a fair share", deployment)
    assert seconds_until_ready_is(trial, zombie, 1) < NOTICED_SECONDS
    trial.heal()
    outcome = trial.settle()
    fenced = deployment.metric(zombie, "elan_redis_fenced_writes_total")
    trial.fault(f"{' and '.join(held)} silent, {fenced:.0f} late writes refused")
    outcome.assert_exact(fewest_alerts=2)
    assert [worker.poll() for worker in deployment.workers] == [None, None], "a worker has ended"


@pytest.mark.long
@pytest.mark.timeout(200)
@pytest.mark.parametrize("lose", [False, True], ids=["what was held arrives late", "what was held is lost"])
def test_a_link_silent_for_longer_than_a_client_waits(
    trials: Trials, linked_broker: LinkedBroker, *, lose: bool
) -> None:
    # w1, w2 ====z..............................=====   nobody else is there
    trial, _ = begin(trials, linked_broker, QUICK, "lost" if lose else "late")
    trial.deployment.start_worker(**linked_broker.by_link)
    produce(trial, 600)
    linked_broker.link.hold(*BOTH)
    time.sleep(LONGEST_REQUEST_SECONDS + trial.random.uniform(2, 6))
    linked_broker.link.release(lose=lose)
    seconds = seconds_until_more_is_counted(trial)
    trial.fault(f"link silent for longer than a client waits, on again after {seconds:.1f} s")
    assert seconds < SOON_SECONDS
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    assert [worker.poll() for worker in trial.deployment.workers] == [None, None], "a worker has ended"


@pytest.mark.long
@pytest.mark.timeout(200)
@pytest.mark.parametrize("way", ["silent link", "dead broker"])
def test_a_worker_told_to_stop_without_kafka_ends_in_order_and_in_time(
    trials: Trials, linked_broker: LinkedBroker, way: str
) -> None:
    # w1 =====....|
    # w2           ======   after Kafka is back
    trial, worker = begin(trials, linked_broker, QUICK, way)
    produce(trial, 400)
    if way == "silent link":
        linked_broker.link.hold(*BOTH)
    else:
        linked_broker.broker.kill()
    time.sleep(trial.random.choice([0.2, 4, 8]))
    since = time.monotonic()
    trial.deployment.end(worker)
    seconds = time.monotonic() - since
    trial.fault(f"SIGTERM behind a {way}, ended after {seconds:.1f} s")
    if way == "silent link":
        linked_broker.link.release()
    else:
        linked_broker.broker.start()
    trial.deployment.start_worker(**linked_broker.directly)
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    assert seconds < GRACE_SECONDS
