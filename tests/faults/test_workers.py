"""Workers that die, freeze, come and go: everything is counted once, and the alerts are those of an undisturbed run."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.load import Load

if TYPE_CHECKING:
    from tests.faults.trial import Trials

POINTS = ["after-fetch", "half-sent", "after-apply", "before-standing", "before-ack", "before-kafka-commit"]
QUICK = {"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "3", "ELAN_KAFKA_HEARTBEAT_INTERVAL_SECONDS": "1"}
"""So that a trial does not wait long for the partitions of the dead."""


@pytest.mark.timeout(200)
def test_workers_killed_at_each_point_one_after_the_other(trials: Trials) -> None:
    # f1 ==x  f2 ==x  f3 ==x ...  w ==================
    trial = trials.begin(changes=QUICK)
    # Slowly: without anything to count nobody comes to a point at which he dies.
    producer = trial.produce(Load(trial.seed), events_per_second=150)
    for point in trial.random.sample(POINTS, len(POINTS)):
        dying = trial.deployment.start_failing_worker(point, trial.random.randint(1, 3))
        trial.deployment.wait_for_end(dying, -signal.SIGKILL)
        trial.fault(f"kill -9 {point}")
    producer.events_per_second = 2_000
    trial.deployment.start_worker()
    trial.heal()
    trial.settle().assert_exact()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_a_worker_killed_again_and_again(trials: Trials) -> None:
    # w ==x w =x w ====x ...   one lives all the time
    trial = trials.begin(changes=QUICK)
    trial.deployment.start_worker()
    trial.produce(Load(trial.seed), events_per_second=500)
    deadline = time.monotonic() + 60
    while time.monotonic() < deadline:
        victim = trial.deployment.start_worker()
        time.sleep(trial.random.expovariate(1 / 3))
        trial.deployment.kill(victim)
        trial.fault("kill -9")
    trial.heal()
    trial.settle().assert_exact()


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_worker_frozen_until_another_has_its_partitions_writes_nothing_of_its_own(trials: Trials) -> None:
    # w1 ====z...............==  frozen with a batch in its hands, awake long after the session has timed out
    # w2         ============--
    trial = trials.begin(changes=QUICK)
    zombie = trial.deployment.start_failing_worker("before-apply", 20, "--stop")
    trial.produce(Load(trial.seed), events_per_second=1_000)
    trial.deployment.wait_for_records(1_000)
    trial.deployment.wait_until_frozen(zombie)
    trial.fault("SIGSTOP before a write")
    trial.deployment.start_worker()
    counted = trial.deployment.counted()
    trial.deployment.wait_for_records(counted + 3_000)
    zombie.send_signal(signal.SIGCONT)
    trial.fault("SIGCONT")
    trial.heal()
    trial.settle().assert_exact()
    assert trial.deployment.metric(zombie, "elan_redis_fenced_writes_total") > 0, "its write met the fence"


@pytest.mark.long
@pytest.mark.timeout(200)
def test_workers_restarted_in_order_under_load(trials: Trials) -> None:
    # w1 ====| w3 ========   each ends with code 0 before the next is stopped
    # w2 ========| w4 ====
    trial = trials.begin()
    workers = [trial.deployment.start_worker() for _ in range(2)]
    # Joining may take longer than writing; then nothing would be left to be counted meanwhile.
    trial.deployment.wait_for_assignment(*workers)
    trial.produce(Load(trial.seed), events_per_second=700)
    for worker in workers:
        trial.deployment.wait_for_records(trial.deployment.counted() + 1_500)
        trial.deployment.end(worker)
        trial.fault("restart")
        trial.deployment.start_worker()
    trial.heal()
    trial.settle().assert_exact()


@pytest.mark.long
@pytest.mark.timeout(300)
def test_workers_that_come_and_go_every_two_seconds(trials: Trials) -> None:
    # six members for four partitions at the most
    trial = trials.begin(changes=QUICK)
    living = [trial.deployment.start_worker() for _ in range(3)]
    trial.produce(Load(trial.seed), events_per_second=500)
    for _ in range(12):
        if len(living) < 6 and (len(living) < 3 or trial.random.random() < 0.5):
            living.append(trial.deployment.start_worker())
            trial.fault("join")
        else:
            leaving = living.pop(trial.random.randrange(len(living)))
            # A process that is still starting knows no orderly end.
            trial.deployment.url_of(leaving)
            trial.deployment.end(leaving)
            trial.fault("leave")
        time.sleep(2)
    trial.heal()
    trial.settle().assert_exact()
