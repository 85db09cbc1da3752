"""Records as nobody should write them: poison, what swells when it is read, and everything twice."""

from __future__ import annotations

import asyncio
from collections import Counter
from typing import TYPE_CHECKING

import pytest
from kafka import KafkaAdminClient
from kafka.admin import ConfigResource

from tests.faults.load import Load
from tests.faults.poison import BOMBS, HUGE, LARGEST_BYTES, POISON, SWOLLEN, TEN_MEGABYTES, Poison, write
from tests.faults.process_memory import WORKER_MEGABYTES, most_megabytes

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from tests.faults.deployment import FaultyDeployment
    from tests.faults.producer import Record
    from tests.faults.trial import Trial, Trials


def every_tenth_twice(trial: Trial) -> Callable[[list[Record]], list[Record]]:
    """What an impatient producer does."""
    return lambda records: [r for record in records for r in [record] * (2 if trial.random.random() < 0.1 else 1)]


def write_odd(
    trial: Trial, records: list[Poison], compression: str | None = None, partitions: Sequence[int] = range(4)
) -> None:
    """In any order, to any of these partitions, before the load."""
    placed = [(trial.random.choice(partitions), one) for one in records]
    trial.random.shuffle(placed)
    topic = trial.deployment.environment["ELAN_KAFKA_ACTIVITY_TOPIC"]
    asyncio.run(write(trial.deployment.kafka, topic, placed, compression))
    trial.not_counted.add("poison")


def allow_large_records(deployment: FaultyDeployment) -> None:
    """Let the activity topic take what no worker should get; dead letters stay as small as ever."""
    name = deployment.environment["ELAN_KAFKA_ACTIVITY_TOPIC"]
    admin = KafkaAdminClient(bootstrap_servers=deployment.kafka)
    try:
        limit = {"max.message.bytes": str(2 * TEN_MEGABYTES), "message.timestamp.type": "LogAppendTime"}
        admin.alter_configs([ConfigResource("topic", name, limit)])
    finally:
        admin.close()


def dead_letters(trial: Trial) -> list[dict[str, bytes]]:
    """The headers of each."""
    return [dict(letter.headers) for letter in trial.deployment.records("ELAN_KAFKA_DEAD_LETTER_TOPIC")]


def reasons_of(letters: list[dict[str, bytes]]) -> Counter[str]:
    return Counter(letter["elan-reason"].decode() for letter in letters)


def expected_reasons(records: Iterable[Poison]) -> Counter[str]:
    return Counter(poison.reason for poison in records if poison.reason is not None)


@pytest.mark.timeout(200)
def test_poison_becomes_dead_letters_and_what_comes_twice_counts_once(trials: Trials) -> None:
    trial = trials.begin(changes={"ELAN_INGEST_LARGEST_RECORD_BYTES": str(LARGEST_BYTES)})
    write_odd(trial, list(POISON.values()))
    trial.fault(f"{len(POISON)} kinds of poison")
    worker = trial.deployment.start_worker()
    producer = trial.prepare_producer(Load(trial.seed), events_per_second=3_000)
    producer.spoil = every_tenth_twice(trial)
    producer.start()
    trial.fault("every tenth activity twice")
    trial.settle().assert_exact()
    assert reasons_of(dead_letters(trial)) == expected_reasons(POISON.values())
    read = trial.deployment.metric(worker, "elan_events_total")
    assert read == trial.deployment.counted(), "every offset became something"


@pytest.mark.long
@pytest.mark.timeout(200)
def test_what_is_huge_or_swells_when_it_is_read_neither_stalls_nor_fills_the_memory(trials: Trials) -> None:
    trial = trials.begin()
    allow_large_records(trial.deployment)
    write_odd(trial, HUGE)
    write_odd(trial, BOMBS, "gzip", partitions=[0])
    write_odd(trial, SWOLLEN, "gzip", partitions=[1])
    trial.fault(f"{len(HUGE)} x 10 MB")
    trial.fault(f"{len(BOMBS)} x 10 MB in 10 kB")
    trial.fault(f"{len(SWOLLEN)} x 200 MB in 200 kB")
    worker = trial.deployment.start_worker()
    trial.produce(Load(trial.seed, communities=8, members=8), events_per_second=2_000)
    trial.settle().assert_exact(fewest_alerts=2)
    letters = dead_letters(trial)
    assert reasons_of(letters) == expected_reasons([*HUGE, *BOMBS, *SWOLLEN])
    kept = [letter for letter in letters if "elan-value-omitted" not in letter]
    assert len(kept) == len(SWOLLEN), "a letter as large as its record is not kept, a batch is as it is stored"
    assert all(letter["elan-value-batch"] == b"true" for letter in kept)
    megabytes = most_megabytes(worker)
    trial.fault(f"a worker of {megabytes:.0f} MB")
    assert megabytes < WORKER_MEGABYTES
