"""Workers with names of their own (`kafka.group_instance_id`): a restart stops no other, and a name has one bearer."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient

from tests.faults.load import LoadOfNow
from tests.faults.test_take_over import seconds_until_counted, settle

if TYPE_CHECKING:
    from tests.faults.deployment import FaultyDeployment, Worker
    from tests.faults.trial import Trial, Trials

pytestmark = pytest.mark.alone
REBALANCES = "elan_rebalances_total"
LONG = {"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "30"}
"""Longer than a worker needs to start on the slowest of machines."""
SESSION_SECONDS = 6.0
GRACE_SECONDS = 3.0
REST_SECONDS = 3.0
"""Of partitions whose worker goes on: nothing but the slowness of a machine."""
STOP_EXIT_CODE = 5


def start_named(trial: Trial, *names: str) -> list[Worker]:
    """Workers that share the load, each by its name."""
    workers = [trial.deployment.start_worker(ELAN_KAFKA_GROUP_INSTANCE_ID=name) for name in names]
    trial.produce(LoadOfNow(trial.seed, chunks_of_20=10_000), events_per_second=400)
    trial.deployment.wait_for_assignment(*workers)
    trial.deployment.wait_for_records(1_000)
    return workers


def partitions_by_name(deployment: FaultyDeployment) -> dict[str, frozenset[int]]:
    """Who has which partitions, as the brokers see it."""
    group = deployment.environment["ELAN_KAFKA_GROUP"]
    admin = KafkaAdminClient(bootstrap_servers=deployment.kafka)
    try:
        members = admin.describe_groups([group])[group]["members"]
    finally:
        admin.close()
    return {
        member["group_instance_id"]: frozenset(
            partition
            for topic in member["member_assignment"]["assigned_partitions"]
            for partition in topic["partitions"]
        )
        for member in members
    }


class Watch(threading.Thread):
    """Notes the longest time that none of some partitions made progress."""

    def __init__(self, deployment: FaultyDeployment, partitions: frozenset[int]) -> None:
        super().__init__(daemon=True)
        self._deployment = deployment
        self._partitions = partitions
        self._ended = threading.Event()
        self.longest_seconds = 0.0

    def run(self) -> None:
        moved_at, before = time.monotonic(), self._offsets()
        while not self._ended.wait(0.05):
            now = self._offsets()
            if now != before:
                moved_at, before = time.monotonic(), now
            self.longest_seconds = max(self.longest_seconds, time.monotonic() - moved_at)

    def _offsets(self) -> dict[int, int]:
        return {n: offset for n, offset in self._deployment.standings().items() if n in self._partitions}

    def end(self) -> float:
        self._ended.set()
        self.join()
        return self.longest_seconds


@pytest.mark.long
@pytest.mark.timeout(200)
def test_the_restart_of_a_named_worker_stops_no_other_and_it_has_its_partitions_back(trials: Trials) -> None:
    # a ====|...a =======   its partitions wait for it
    # b =================   no rebalance
    trial = trials.begin(changes=LONG)
    deployment = trial.deployment
    first, other = start_named(trial, "a", "b")
    had, rebalances = partitions_by_name(deployment), deployment.metric(other, REBALANCES)
    watches = [Watch(deployment, had[name]) for name in ("a", "b")]
    for watch in watches:
        watch.start()
    since = time.monotonic()
    deployment.end(first)
    again = deployment.start_worker(ELAN_KAFKA_GROUP_INSTANCE_ID="a")
    deployment.wait_for_assignment(again)
    back_seconds = time.monotonic() - since
    deployment.wait_for_records(deployment.counted() + 1_000)
    own, others = (watch.end() for watch in watches)
    trial.fault(f"restart, back in {back_seconds:.1f} s, own partitions rested {own:.1f} s, the others {others:.1f} s")
    settle(trial)
    assert partitions_by_name(deployment) == had
    assert deployment.metric(other, REBALANCES) == rebalances
    assert others < REST_SECONDS


@pytest.mark.long
@pytest.mark.timeout(120)
def test_a_named_worker_that_crashed_is_replaced_after_the_session_timeout(trials: Trials) -> None:
    trial = trials.begin(changes={"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": str(SESSION_SECONDS)})
    first, _ = start_named(trial, "a", "b")
    since = time.monotonic()
    trial.deployment.kill(first)
    seconds = seconds_until_counted(trial.deployment, since)
    trial.fault(f"kill -9, taken over in {seconds:.1f} s")
    settle(trial)
    assert seconds <= SESSION_SECONDS + GRACE_SECONDS


@pytest.mark.long
@pytest.mark.timeout(120)
def test_of_two_workers_with_one_name_the_older_stops_with_a_sentence(trials: Trials) -> None:
    trial = trials.begin()
    older, _ = start_named(trial, "a", "b")
    trial.deployment.start_worker(ELAN_KAFKA_GROUP_INSTANCE_ID="a")
    trial.fault("a second worker of the same name")
    trial.deployment.wait_for_end(older, STOP_EXIT_CODE)
    assert "Another worker was started as 'a'" in trial.deployment.log_of(older)
    settle(trial)
