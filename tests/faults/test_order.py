"""Order and repetition: a shuffled archive, partitions that are silent or far behind, and everything once more."""

from __future__ import annotations

from random import Random
from typing import TYPE_CHECKING, Any

import pytest
from kafka import KafkaAdminClient, TopicPartition
from kafka.structs import OffsetAndMetadata

from tests.faults.load import DAY_SECONDS, Load
from tests.faults.producer import LATENESS_SECONDS, TrialProducer

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.model import Activity
    from tests.faults.deployment import FaultyDeployment
    from tests.faults.producer import Record
    from tests.faults.trial import Trials

HORIZON_RECORDS = 1_000
ACTIVE_PARTITIONS = 2
"""The other two get clock events alone."""
LATE = r'elan_events_total\{outcome="late"\}'
DUPLICATE = r'elan_events_total\{outcome="duplicate"\}'


class ShuffledLoad(Load):
    """Each day in any order, and half of its last hour only after the next day's clock event: still not late."""

    def chunks(self) -> Iterator[tuple[float, list[Activity]]]:
        """See `Load.chunks`."""
        random = Random(self.seed)
        held: list[Activity] = []
        midnight_seconds = 0.0
        for midnight_seconds, activities in super().chunks():
            last_hour = midnight_seconds + DAY_SECONDS - LATENESS_SECONDS
            delayed = [one for one in activities if one.time.timestamp() >= last_hour and random.random() < 0.5]
            chunk = [*(one for one in activities if one not in delayed), *held]
            random.shuffle(chunk)
            yield midnight_seconds, chunk
            held = delayed
        yield midnight_seconds, held


class LaggingProducer(TrialProducer):
    """Writes what is for partition 0 only when the others have everything."""

    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._held: list[Record] = []

    def _write_all(self) -> None:
        super()._write_all()
        super()._write(self._held)

    def _write(self, records: list[Record]) -> bool:
        self._held += [record for record in records if record.partition == 0]
        return super()._write([record for record in records if record.partition != 0])


def reset_group(deployment: FaultyDeployment) -> None:
    """Set the group back to the beginning of every partition, as an operator does by mistake."""
    topic = deployment.environment["ELAN_KAFKA_ACTIVITY_TOPIC"]
    beginnings = {TopicPartition(topic, n): OffsetAndMetadata(0, "", -1) for n in range(deployment.partitions)}
    admin = KafkaAdminClient(bootstrap_servers=deployment.kafka)
    try:
        admin.alter_group_offsets(deployment.environment["ELAN_KAFKA_GROUP"], beginnings)
    finally:
        admin.close()


@pytest.mark.timeout(150)
def test_a_shuffled_archive_with_silent_partitions_gives_what_the_sorted_one_gives(trials: Trials) -> None:
    # partitions 0, 1   ::.:.::.:   in any order within a day and an hour       2, 3   |...|...|   clock events alone
    trial = trials.begin()
    producer = trial.prepare_producer(ShuffledLoad(trial.seed, 8, 8), events_per_second=2_000)
    producer._community_partitions = ACTIVE_PARTITIONS
    worker = trial.deployment.start_worker()
    producer.start()
    trial.fault("shuffled, two silent partitions")
    trial.settle().assert_exact(fewest_alerts=2)
    assert trial.deployment.metric(worker, LATE) == 0


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_partition_that_comes_months_after_the_others_is_waited_for(trials: Trials) -> None:
    # 1, 2, 3   =====|................=========     28 days, then the horizon holds them back
    # 0                             ============    all of its 150 days at once
    trial = trials.begin()
    deployment, load = trial.deployment, Load(trial.seed, 8, 8)
    topic = deployment.environment["ELAN_KAFKA_ACTIVITY_TOPIC"]
    trial.producer = LaggingProducer(deployment.kafka, topic, deployment.partitions, load.chunks(), 3_000.0)
    for _ in range(2):
        deployment.start_worker()
    trial.producer.start()
    trial.fault("a partition 150 days behind")
    trial.settle().assert_exact(fewest_alerts=2)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_every_day_delivered_again_a_day_later_counts_once_across_restarts_and_a_reset_of_the_group(
    trials: Trials,
) -> None:
    # day 1, day 2, day 1 again, day 3, day 2 again ...   within the horizon of the ids that are remembered
    trial = trials.begin(changes={"ELAN_INGEST_DUPLICATE_HORIZON_RECORDS": str(HORIZON_RECORDS)})
    deployment = trial.deployment
    producer = trial.prepare_producer(Load(trial.seed, 8, 8), events_per_second=600)
    yesterday: list[Record] = []

    def again(records: list[Record]) -> list[Record]:
        together = [*records, *yesterday]
        yesterday[:] = records
        return together

    producer.spoil = again
    first = deployment.start_worker()
    producer.start()
    trial.fault("every day twice")
    for _ in range(2):
        deployment.wait_for_records(deployment.counted() + 3_000)
        deployment.end(first)
        reset_group(deployment)
        trial.fault("restart, group reset to the beginning")
        first = deployment.start_worker()
    trial.settle().assert_exact(fewest_alerts=2)
    assert deployment.metric(first, DUPLICATE) > 0
