"""What trials do to the activity topic from outside, as an operator or a broker would."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from itertools import islice
from typing import TYPE_CHECKING

from kafka import KafkaAdminClient, TopicPartition

from tests.faults.load import Load
from tests.faults.oracle import activity_of, read_log

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kafka.consumer.fetcher import ConsumerRecord

    from pipeline.model import Activity
    from tests.faults.producer import TrialProducer
    from tests.faults.trial import Trial

DAYS = 110
SILENT_AFTER = 75
FIRST_DAYS = 50
QUIET_DAYS = 2
"""What is written at the end of a part lets its last day be judged, so its clock is more than a day ahead."""


@dataclass(frozen=True)
class Rest(Load):
    """The days of a load from one on."""

    from_day: int = FIRST_DAYS + QUIET_DAYS

    def chunks(self) -> Iterator[tuple[float, list[Activity]]]:
        """See `Load`."""
        return islice(super().chunks(), self.from_day, None)


def small_load(trial: Trial) -> Load:
    """Some 5,300 activities, enough for two alerts."""
    return Load(trial.seed, 8, 8, DAYS, SILENT_AFTER)


def first_part(trial: Trial) -> Load:
    """The first days of a small load."""
    return Load(trial.seed, 8, 8, FIRST_DAYS, SILENT_AFTER)


def second_part(trial: Trial) -> Load:
    """The days after them, in which communities fall silent."""
    return Rest(trial.seed, 8, 8, DAYS, SILENT_AFTER)


def write(trial: Trial, load: Load, events_per_second: float = 2_000) -> TrialProducer:
    """Start to write a part; what an earlier part wrote must be counted too."""
    before = trial.producer
    producer = trial.prepare_producer(load, events_per_second)
    if before is not None:
        producer.acknowledged |= before.acknowledged
    producer.start()
    return producer


def topic_of(trial: Trial) -> str:
    return trial.deployment.environment["ELAN_KAFKA_ACTIVITY_TOPIC"]


def log_of(trial: Trial) -> list[ConsumerRecord]:
    """Every record of the activity topic, partition by partition."""
    return read_log(trial.deployment.kafka, topic_of(trial))


@contextmanager
def administration(trial: Trial) -> Iterator[KafkaAdminClient]:
    """A client for administration of the trial's Kafka."""
    admin = KafkaAdminClient(bootstrap_servers=trial.deployment.kafka.split(","))
    try:
        yield admin
    finally:
        admin.close()


def cut(trial: Trial, begins: Mapping[int, int]) -> None:
    """Let each partition's log begin at an offset; what had not been counted there never will be."""
    standings = trial.deployment.standings()
    for record in log_of(trial):
        if record.offset < begins[record.partition]:
            activity = activity_of(record.value)
            if record.offset < standings[record.partition]:
                trial.gone.append(record)
            elif activity is not None:
                trial.not_counted.add(activity.id)
    with administration(trial) as admin:
        admin.delete_records({TopicPartition(topic_of(trial), number): begin for number, begin in begins.items()})


def make_anew(trial: Trial) -> None:
    """Delete the topic and make it again, as soon as the brokers let it be made."""
    trial.gone += log_of(trial)
    with administration(trial) as admin:
        admin.delete_topics([topic_of(trial)])
    trial.deployment.elan("topics", "create")
