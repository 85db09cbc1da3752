"""Logs with holes: transactions taken back among those that hold, markers, and what compaction removed."""

from __future__ import annotations

from typing import TYPE_CHECKING

import orjson
import pytest
from kafka import KafkaProducer
from kafka.admin import ConfigResource

from pipeline.cloudevents import encode_clock
from tests.faults.load import DAY_SECONDS
from tests.faults.producer import Record, TrialProducer
from tests.faults.topic_changes import administration, first_part, log_of, second_part, small_load, topic_of
from tests.integration.pipeline.deployment import wait_until

if TYPE_CHECKING:
    from random import Random

    from pipeline.model import Activity
    from tests.faults.load import Load
    from tests.faults.trial import Trial, Trials
    from tests.servers.apache_kafka import ApacheKafka

QUICK = {"ELAN_KAFKA_SESSION_TIMEOUT_SECONDS": "3", "ELAN_KAFKA_HEARTBEAT_INTERVAL_SECONDS": "1"}
TAKEN_BACK = 0.4
"""Share of the days of which something is written and taken back."""
COMPACTED = {
    "cleanup.policy": "compact",
    "min.cleanable.dirty.ratio": "0.01",
    "segment.ms": "500",
    "max.compaction.lag.ms": "1000",
}


def producer_of(trial: Trial, kind: type[TrialProducer], load: Load, events_per_second: float) -> TrialProducer:
    """A producer of a kind of its own, as the trial's."""
    partitions = trial.deployment.partitions
    trial.producer = kind(trial.deployment.kafka, topic_of(trial), partitions, load.chunks(), events_per_second)
    return trial.producer


class TransactionalProducer(TrialProducer):
    """Writes a day in one transaction; around it lies now and then another, which is taken back."""

    random: Random
    _doomed: KafkaProducer | None = None
    taken_back: set[str]
    """Ids that must not count."""

    def _attempt(self, records: list[Record]) -> list[Record]:
        # log  doomed day doomed | marker of the day | marker of what is taken back
        doomed = self._lies_about(records) if self.random.random() < TAKEN_BACK else []
        client, liar = self._connected(), self._liar()
        if doomed:
            liar.begin_transaction()
            self._send_all(liar, doomed[::2])
        client.begin_transaction()
        self._send_all(client, records)
        if doomed:
            self._send_all(liar, doomed[1::2])
        client.commit_transaction()
        if doomed:
            liar.abort_transaction()
        return []

    def _send_all(self, client: KafkaProducer, records: list[Record]) -> None:
        for record in records:
            self._send(client, record)
        client.flush(timeout=60)

    def _lies_about(self, records: list[Record]) -> list[Record]:
        """Activities that nobody did, and a time that has not come."""
        lies = []
        for record in records:
            event = orjson.loads(record.value or b"")
            if "data" in event:
                event["id"] = f"taken-back-{event['id']}"
                self.taken_back.add(event["id"])
                lies.append(Record(orjson.dumps(event), record.key, record.partition, record.milliseconds / 1000))
            else:
                later = record.milliseconds / 1000 + 20 * DAY_SECONDS
                lies.append(Record(encode_clock(later), None, record.partition, later))
        return lies

    def _connected(self) -> KafkaProducer:
        if self._client is None:
            self._client = self._transactional("honest")
        return self._client

    def _liar(self) -> KafkaProducer:
        if self._doomed is None:
            self._doomed = self._transactional("liar")
        return self._doomed

    def _transactional(self, name: str) -> KafkaProducer:
        client = KafkaProducer(bootstrap_servers=self.bootstrap, transactional_id=f"{name}.{self.topic}", linger_ms=2)
        client.init_transactions()
        return client

    def run(self) -> None:
        """See `TrialProducer`."""
        super().run()
        if self._doomed is not None:
            self._doomed.close(timeout=5)


class RepeatingProducer(TrialProducer):
    """Writes every record twice under a key of its own, so that compaction may take the first of the two away."""

    def _clock(self, partition: int, seconds: float) -> Record:
        return Record(encode_clock(seconds), f"clock-{seconds}".encode(), partition, seconds)

    def _activity(self, activity: Activity) -> Record:
        record = super()._activity(activity)
        record.key = activity.id.encode()
        return record

    def _attempt(self, records: list[Record]) -> list[Record]:
        return super()._attempt([record for record in records for _ in range(2)])


@pytest.mark.timeout(200)
def test_what_is_taken_back_among_what_holds(trials: Trials) -> None:
    # w1 =====x  w2 ==============   holes wherever a transaction was taken back, or a marker lies
    trial = trials.begin(changes=QUICK)
    producer = producer_of(trial, TransactionalProducer, small_load(trial), 1_000)
    assert isinstance(producer, TransactionalProducer)
    producer.random, producer.taken_back = trial.random, trial.not_counted
    worker = trial.deployment.start_worker()
    producer.start()
    trial.deployment.wait_for_records(trial.random.randint(500, 2_000))
    trial.deployment.kill(worker)
    trial.fault("kill -9")
    trial.deployment.start_worker()
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    trial.fault(f"{len(producer.taken_back)} activities taken back")
    assert len(producer.taken_back) > 500


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_log_with_holes_left_by_compaction(trials: Trials, own_broker: ApacheKafka) -> None:
    # log 0 . 2 . 4 .. 7 ....   w1 =====x  w2 ==============
    trial = trials.begin(kafka=own_broker.bootstrap, changes=QUICK)
    with administration(trial) as admin:
        admin.alter_configs([ConfigResource("topic", topic_of(trial), COMPACTED)])
    producer_of(trial, RepeatingProducer, first_part(trial), 1_500)
    assert trial.producer is not None
    trial.producer.start()
    trial.producer.finish(60)
    written = sum(trial.deployment.end_offsets().values())
    wait_until(lambda: len(log_of(trial)) < 0.8 * written, "compaction")
    trial.fault(f"{written - len(log_of(trial))} of {written} records compacted away")
    worker = trial.deployment.start_worker()
    before = trial.producer.acknowledged
    producer_of(trial, RepeatingProducer, second_part(trial), 1_500).acknowledged |= before
    trial.producer.start()
    trial.deployment.wait_for_records(trial.random.randint(500, 2_000))
    trial.deployment.kill(worker)
    trial.fault("kill -9")
    trial.deployment.start_worker()
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
