"""How soon the others go on with what a worker had: after a crash, and after an orderly stop."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.load import LoadOfNow
from tests.integration.pipeline.deployment import wait_until

if TYPE_CHECKING:
    from tests.faults.deployment import FaultyDeployment
    from tests.faults.trial import Trial, Trials

pytestmark = pytest.mark.alone
SESSION_SECONDS = 6.0
SESSION = {"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "6", "ELAN_KAFKA_HEARTBEAT_INTERVAL_SECONDS": "1"}
GRACE_SECONDS = 3.0
HAND_OVER_SECONDS = 2.0
EVENTS_PER_SECOND = 600


def begin(trials: Trials) -> Trial:
    """Two workers with partitions each, and a load that reaches all of them all the time."""
    trial = trials.begin(changes=SESSION)
    workers = [trial.deployment.start_worker() for _ in range(2)]
    # In a replay whoever takes over would also have to judge what the dead one has not.
    trial.produce(LoadOfNow(trial.seed, chunks_of_20=10_000), EVENTS_PER_SECOND)
    trial.deployment.wait_for_assignment(*workers)
    trial.deployment.wait_for_records(1_000)
    return trial


def settle(trial: Trial) -> None:
    """End the load, and compare."""
    assert trial.producer is not None
    trial.producer.give_up()
    trial.heal()
    trial.settle(alerts=False).assert_exact(fewest_alerts=0)


def seconds_until_counted(deployment: FaultyDeployment, since: float) -> float:
    """Until everything is counted that was in the log half a second after the end of a worker."""
    time.sleep(max(0.0, since + 0.5 - time.monotonic()))
    ends = deployment.end_offsets()
    wait_until(
        lambda: all(deployment.standings().get(n, 0) >= end for n, end in ends.items()), "a take-over", deployment
    )
    return time.monotonic() - since


@pytest.mark.long
@pytest.mark.timeout(120)
def test_after_a_crash_the_other_has_counted_all_within_the_session_timeout_and_three_seconds(trials: Trials) -> None:
    trial = begin(trials)
    since = time.monotonic()
    trial.deployment.kill(trial.deployment.workers[0])
    seconds = seconds_until_counted(trial.deployment, since)
    trial.fault(f"kill -9, taken over in {seconds:.1f} s")
    settle(trial)
    assert seconds <= SESSION_SECONDS + GRACE_SECONDS


@pytest.mark.long
@pytest.mark.timeout(120)
def test_an_orderly_stop_hands_over_within_two_seconds(trials: Trials) -> None:
    trial = begin(trials)
    since = time.monotonic()
    trial.deployment.workers[0].terminate()
    seconds = seconds_until_counted(trial.deployment, since)
    trial.deployment.wait_for_end(trial.deployment.workers[0], 0)
    trial.fault(f"SIGTERM, handed over in {seconds:.1f} s")
    settle(trial)
    assert seconds <= HAND_OVER_SECONDS
