"""What happens to topics and groups from outside: partitions added, logs cut, topics made anew, offsets reset."""

from __future__ import annotations

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
    from tests.faults.deployment import Worker
    from tests.faults.trial import Trial, Trials
    from tests.servers.apache_kafka import ApacheKafka

DAY_MILLISECONDS = 86_400_000
PATIENT = {"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "60"}
"""So that a frozen worker keeps its partitions."""


def begin(trials: Trials, broker: ApacheKafka, *, workers: int = 2, name: str = "") -> Trial:
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


def missed(worker: Worker, trial: Trial) -> float:
    return trial.deployment.metric(worker, "elan_records_missed_total")


@pytest.mark.long
@pytest.mark.timeout(200)
def test_partitions_added_while_workers_run(trials: Trials, own_broker: ApacheKafka) -> None:
    # p0 .. p3 =========================
    # p4, p5           ================   communities move, as their keys are spread over six partitions
    trial = begin(trials, own_broker)
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
def test_a_log_cut_within_what_was_counted(trials: Trials, own_broker: ApacheKafka) -> None:
    # log ----------|========== standing |
    trial = begin(trials, own_broker, workers=1)
    stop_workers(trial)
    cut(trial, {number: trial.random.randint(1, end) for number, end in trial.deployment.standings().items()})
    trial.fault("a log cut within what was counted")
    worker = trial.deployment.start_worker()
    write(trial, second_part(trial))
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    assert missed(worker, trial) == 0
    assert "deleted before they were counted" not in trial.deployment.log_of(worker)


@pytest.mark.long
@pytest.mark.timeout(200)
@pytest.mark.parametrize("way", ["stopped", "frozen"])
def test_a_log_cut_before_it_was_counted_is_said_with_the_number_of_offsets(
    trials: Trials, own_broker: ApacheKafka, way: str
) -> None:
    # log ======== standing |-------------|=======   a month or more of the clock is missing as well
    trial = begin(trials, own_broker, workers=1, name=way)
    (worker,) = trial.deployment.workers
    if way == "stopped":
        trial.deployment.end(worker)
    else:
        worker.send_signal(signal.SIGSTOP)
    write(trial, second_part(trial), 4_000).finish(60)
    standings, begins = trial.deployment.standings(), {}
    for number, standing in standings.items():
        later = [record.offset for record in log_of(trial) if record.partition == number and record.offset >= standing]
        begins[number] = later[trial.random.randrange(len(later) * 6 // 10, len(later) * 8 // 10)]
    cut(trial, begins)
    trial.fault("a log cut before it was counted")
    if way == "stopped":
        worker = trial.deployment.start_worker()
    else:
        worker.send_signal(signal.SIGCONT)
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    # A frozen worker may find an answer with the first clock events in its socket.
    read = trial.deployment.metric(worker, "elan_events_total")
    before = sum(standings.values()) if way == "stopped" else 0
    assert missed(worker, trial) >= sum(begins[number] - standings[number] - 1 for number in begins)
    assert read + missed(worker, trial) == trial.deployment.counted() - before, "read or missed: every offset"
    assert "deleted before they were counted" in trial.deployment.log_of(worker)


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
    producer = write(trial, second_part(trial), 300)
    partitions = [TopicPartition(topic_of(trial), number) for number in range(trial.deployment.partitions)]
    group = trial.deployment.environment["ELAN_KAFKA_GROUP"]
    for place, where in (("start", OffsetSpec.EARLIEST), ("end", OffsetSpec.LATEST)):
        trial.deployment.wait_for_records(trial.deployment.counted() + 300)
        stop_workers(trial)
        with administration(trial) as admin:
            admin.reset_group_offsets(group, dict.fromkeys(partitions, where))
        trial.fault(f"offsets of the group at the {place}")
        for _ in range(2):
            trial.deployment.start_worker()
    producer.finish(60)
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
