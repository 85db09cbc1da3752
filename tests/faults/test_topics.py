"""What happens to topics and groups from outside: partitions added, logs cut, topics made anew, offsets reset."""

from __future__ import annotations

import re
import signal
from typing import TYPE_CHECKING

import pytest
from kafka import TopicPartition
from kafka.admin import OffsetSpec

from tests.faults.topic_changes import (
    administration,
    cut,
    first_part,
    log_of,
    make_anew,
    second_part,
    topic_of,
    write,
)

if TYPE_CHECKING:
    from tests.faults.trial import Trial, Trials
    from tests.servers.apache_kafka import ApacheKafka

DAY_MILLISECONDS = 86_400_000
PATIENT = {"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "60"}
"""So that a frozen worker keeps its partitions."""


def begin(trials: Trials, broker: ApacheKafka, *, workers: int = 1, name: str = "") -> Trial:
    """Workers that have counted the first part of a load."""
    trial = trials.begin(name, kafka=broker.bootstrap, changes=PATIENT)
    for _ in range(workers):
        trial.deployment.start_worker()
    write(trial, first_part(trial)).finish(60)
    trial.deployment.wait_until_counted()
    return trial


def stop_workers(trial: Trial) -> None:
    for worker in list(trial.deployment.workers):
        trial.deployment.end(worker)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_partitions_added_while_workers_run(trials: Trials, own_broker: ApacheKafka) -> None:
    # p0 .. p3 =========================
    # p4, p5           ================   communities move, as their keys are spread over six partitions
    trial = begin(trials, own_broker, workers=2)
    with administration(trial) as admin:
        admin.create_partitions({topic_of(trial): 6})
    trial.fault("4 partitions become 6")
    trial.deployment.partitions = 6
    producer = trial.prepare_producer(second_part(trial), 1_000)
    producer.start()
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    assert set(trial.deployment.standings()) == set(range(6)), "all six were counted"
    assert sum(trial.deployment.metric(w, "elan_partitions_assigned") for w in trial.deployment.workers) == 6


@pytest.mark.long
@pytest.mark.timeout(200)
@pytest.mark.parametrize("way", ["stopped", "frozen"])
def test_a_log_cut_within_and_beyond_what_was_counted(trials: Trials, own_broker: ApacheKafka, way: str) -> None:
    # p0      ------|===== standing ===================   nothing is missing
    # p1..p3  =========== standing |-------------|=====   that much is, with a month or more of the clock
    trial = begin(trials, own_broker, name=way)
    (worker,) = trial.deployment.workers
    if way == "stopped":
        trial.deployment.end(worker)
    else:
        worker.send_signal(signal.SIGSTOP)
    write(trial, second_part(trial), 4_000).finish(60)
    standings = trial.deployment.standings()
    begins = {number: place_beyond(trial, number, standing) for number, standing in standings.items()}
    begins[0] = trial.random.randint(1, standings[0])
    cut(trial, begins)
    trial.fault("a log cut within and beyond what was counted")
    if way == "stopped":
        worker = trial.deployment.start_worker()
    else:
        worker.send_signal(signal.SIGCONT)
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    missed = int(trial.deployment.metric(worker, "elan_records_missed_total"))
    # A frozen worker may find an answer with the first clock event of each partition in its socket.
    most = sum(begins[number] - standings[number] for number in (1, 2, 3))
    assert missed in ({most} if way == "stopped" else range(most - 3, most + 1))
    said = re.findall(r"partition (\d), were deleted before they were counted", trial.deployment.log_of(worker))
    assert sorted(said) == ["1", "2", "3"]


def place_beyond(trial: Trial, number: int, standing: int) -> int:
    """An offset in the second half of what was not counted of a partition."""
    later: list[int] = [
        record.offset for record in log_of(trial) if record.partition == number and record.offset >= standing
    ]
    return later[trial.random.randrange(len(later) * 6 // 10, len(later) * 8 // 10)]


@pytest.mark.long
@pytest.mark.timeout(200)
@pytest.mark.parametrize("way", ["while workers run", "while they are stopped"])
def test_a_topic_deleted_and_made_anew(trials: Trials, own_broker: ApacheKafka, way: str) -> None:
    # topic =====| ==========   offsets begin at 0 again, and all of them count
    trial = begin(trials, own_broker, name=way)
    if way == "while they are stopped":
        stop_workers(trial)
    make_anew(trial)
    trial.fault("the topic made anew")
    if way == "while they are stopped":
        trial.deployment.start_worker()
    write(trial, second_part(trial))
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    assert all(worker.poll() is None for worker in trial.deployment.workers), "a worker has ended"
    assert any("made anew" in trial.deployment.log_of(worker) for worker in trial.deployment.workers)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_offsets_of_the_group_reset_change_nothing(trials: Trials, own_broker: ApacheKafka) -> None:
    # the windows know what they have counted; what Kafka keeps for the group is not asked
    trial = begin(trials, own_broker)
    producer = write(trial, second_part(trial), 400)
    trial.deployment.wait_for_records(trial.deployment.counted() + 300)
    stop_workers(trial)
    ends = [OffsetSpec.EARLIEST, OffsetSpec.LATEST]
    wheres = [*ends, *trial.random.choices(ends, k=trial.deployment.partitions - len(ends))]
    with administration(trial) as admin:
        partitions = [TopicPartition(topic_of(trial), number) for number in range(trial.deployment.partitions)]
        specs = dict(zip(partitions, wheres, strict=True))
        admin.reset_group_offsets(trial.deployment.environment["ELAN_KAFKA_GROUP"], specs)
    trial.fault("offsets of the group at the start and at the end")
    trial.deployment.start_worker()
    producer.finish(60)
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
