"""Several deployments on one Redis: those of different namespaces do not touch each other, others may not start."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
import redis

from tests.faults.load import Load

if TYPE_CHECKING:
    from tests.faults.trial import Trials

EVENTS_PER_SECOND = 1_500
STOPPED = 5


@pytest.mark.long
@pytest.mark.timeout(180)
def test_two_deployments_side_by_side_and_two_that_may_not_start(trials: Trials, valkey_url: str) -> None:
    # one ===================    communities of the same names
    # two ===================
    # ?!  -! -!                  the namespace of one, with other shards, with another topic
    one, two = trials.begin("one"), trials.begin("two")
    for number, trial in enumerate((one, two)):
        trial.deployment.start_worker()
        trial.produce(Load(trial.seed + number), EVENTS_PER_SECOND)
    one.deployment.wait_for_records(1_000)
    intruders = {
        "was started with shards 4, not 8": {"ELAN_REDIS_SHARDS": "8"},
        f"not {two.deployment.environment['ELAN_KAFKA_ACTIVITY_TOPIC']}": {
            "ELAN_KAFKA_ACTIVITY_TOPIC": two.deployment.environment["ELAN_KAFKA_ACTIVITY_TOPIC"]
        },
    }
    for says, environment in intruders.items():
        intruder = one.deployment.start_worker(**environment)
        one.deployment.wait_for_end(intruder, STOPPED)
        said = one.deployment.log_of(intruder)
        assert says in said
        assert "Traceback" not in said
        assert len(said.splitlines()) == 1, said
    one.fault("two starts with a taken namespace")
    two.fault("another deployment on the same Redis")
    one.settle().assert_exact()
    two.settle().assert_exact()
    namespaces = [f"{trial.deployment.name}:" for trial in (one, two)]
    with redis.Redis.from_url(valkey_url) as client:
        strangers = [key for key in client.scan_iter(count=1_000) if not key.decode().startswith(tuple(namespaces))]
    assert strangers == []
