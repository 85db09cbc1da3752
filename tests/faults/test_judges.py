"""Judges that die or meet: the alerts topic, read with compaction, is that of an undisturbed run."""

from __future__ import annotations

import signal
from typing import TYPE_CHECKING

import pytest

from tests.faults.load import Load

if TYPE_CHECKING:
    from tests.faults.trial import Trials

POINTS = ["before-verdicts", "after-verdicts", "before-telling", "before-clearing-outbox"]
"""Between decision and commit, after the commit, between commit and relay, between relay and forgetting (so the outbox
is relayed twice)."""
QUICK = {"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "3", "ELAN_KAFKA_HEARTBEAT_INTERVAL_SECONDS": "1"}
NEVER = 1_000_000


@pytest.mark.timeout(300)
def test_judges_killed_on_both_sides_of_what_they_keep(trials: Trials) -> None:
    # j1 ==x  j2 ==x  j3 ==x  j4 ==x  w ========
    trial = trials.begin(changes=QUICK)
    trial.produce(Load(trial.seed, communities=8, members=8), events_per_second=400)
    for point in POINTS:
        dying = trial.deployment.start_failing_worker(point, 1)
        trial.deployment.wait_for_end(dying, -signal.SIGKILL)
        trial.fault(f"kill -9 {point}")
        # What the dead held is free again when its lease runs out; nobody waits half a minute in a test.
        trial.deployment.forget_leases()
    trial.deployment.start_worker()
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_two_judges_of_every_boundary_and_two_relays_of_one_outbox(trials: Trials) -> None:
    # both take every lease to be their own
    trial = trials.begin()
    for _ in range(2):
        trial.deployment.start_failing_worker("before-verdicts", NEVER, "--greedy")
    trial.fault("two holders of each lease")
    trial.produce(Load(trial.seed), events_per_second=1_500)
    trial.heal()
    trial.settle().assert_exact()
