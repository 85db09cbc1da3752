"""A dead-letter topic that refuses: workers wait and say so, and every letter is there once it takes them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kafka.admin import ConfigResource

from tests.faults.producer import Record
from tests.faults.topic_changes import administration, log_of, small_load
from tests.integration.pipeline.deployment import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.trial import Trial, Trials
    from tests.servers.apache_kafka import ApacheKafka

QUICK = {"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "3", "ELAN_KAFKA_HEARTBEAT_INTERVAL_SECONDS": "1"}
MOST_BYTES = 20_000
POISON = {"small": b"poison", "large": b"poison" * 5_000}
"""Of the second the topic takes no whole letter."""
Place = tuple[int, int]
"""(partition, offset)."""


def dead_topic_of(trial: Trial) -> str:
    return trial.deployment.environment["ELAN_KAFKA_DEAD_LETTER_TOPIC"]


def poisoning(trial: Trial) -> Callable[[list[Record]], list[Record]]:
    """Poison of each kind among the records of a day, in any partition."""

    def spoil(records: list[Record]) -> list[Record]:
        spoiled = list(records)
        for value in POISON.values():
            partition = trial.random.randrange(trial.deployment.partitions)
            seconds = records[0].milliseconds / 1000
            spoiled.insert(trial.random.randrange(len(spoiled)), Record(value, b"poison", partition, seconds))
        return spoiled

    return spoil


def begin(trials: Trials, broker: ApacheKafka) -> Trial:
    """A deployment, and a load with poison that is not written yet."""
    trial = trials.begin(kafka=broker.bootstrap, changes=QUICK)
    trial.prepare_producer(small_load(trial), 800).spoil = poisoning(trial)
    return trial


def poison_of(trial: Trial) -> dict[Place, bytes]:
    """Where poison lies in the activity topic."""
    values = set(POISON.values())
    return {(record.partition, record.offset): record.value for record in log_of(trial) if record.value in values}


def letters_of(trial: Trial) -> dict[Place, tuple[bytes, dict[str, bytes]]]:
    """What each letter says: (value, headers); one that was written twice counts once."""
    found = {}
    for record in trial.deployment.records("ELAN_KAFKA_DEAD_LETTER_TOPIC"):
        headers = dict(record.headers)
        found[int(headers["elan-partition"]), int(headers["elan-offset"])] = (record.value, headers)
    return found


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_dead_letter_topic_that_is_not_there(trials: Trials, own_broker: ApacheKafka) -> None:
    # letters     refused ........ | made: all of them
    # worker ====~~~~~~~~~~~~~~~~~~=========   a partition waits at its first poison
    trial = begin(trials, own_broker)
    with administration(trial) as admin:
        admin.delete_topics([dead_topic_of(trial)])
    worker = trial.deployment.start_worker()
    assert trial.producer is not None
    trial.producer.start()
    trial.fault("no dead-letter topic")
    wait_until(
        lambda: "Dead letters cannot be written" in trial.deployment.log_of(worker), "it to be said", trial.deployment
    )
    assert not trial.deployment.metric(worker, "elan_ready")
    first_poison = dict(sorted(poison_of(trial), reverse=True))
    standings = trial.deployment.standings()
    assert all(standings.get(partition, 0) <= offset for partition, offset in first_poison.items()), "none was dropped"
    trial.deployment.elan("topics", "create")
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    assert {place: value for place, (value, _) in letters_of(trial).items()} == poison_of(trial)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_dead_letter_topic_that_takes_less_than_a_letter(trials: Trials, own_broker: ApacheKafka) -> None:
    # a letter too large for its topic says where the record lies, and its partition goes on
    trial = begin(trials, own_broker)
    with administration(trial) as admin:
        configs = {"max.message.bytes": str(MOST_BYTES)}
        admin.alter_configs([ConfigResource("topic", dead_topic_of(trial), configs)])
    trial.deployment.start_worker()
    assert trial.producer is not None
    trial.producer.start()
    trial.fault("a dead-letter topic for small letters")
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    poison, letters = poison_of(trial), letters_of(trial)
    assert letters.keys() == poison.keys()
    for place, (value, headers) in letters.items():
        if len(poison[place]) < MOST_BYTES:
            assert value == poison[place]
        else:
            assert (value, headers["elan-value-omitted"]) == (b"", str(len(poison[place])).encode())
