"""Workers that die, freeze, come and go: everything is counted once, and the alerts are those of an undisturbed run."""

from __future__ import annotations

import signal
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
    trial.produce(Load(trial.seed), events_per_second=600)
    for point in trial.random.sample(POINTS, len(POINTS)):
        dying = trial.deployment.start_failing_worker(point, trial.random.randint(1, 3))
        trial.deployment.wait_for_end(dying, -signal.SIGKILL)
        trial.fault(f"kill -9 {point}")
    trial.deployment.start_worker()
    trial.heal()
    trial.settle().assert_exact()
