"""The order in which records are handed to the producer; what a broker makes of them is for the integration tests."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, NamedTuple

import pytest
from kafka.errors import KafkaTimeoutError, NotLeaderForPartitionError
from kafka.partitioner import DefaultPartitioner

from pipeline.cloudevents import encode_activity, encode_clock
from pipeline.errors import ServerError
from pipeline.sources import topic_writer
from pipeline.sources.topic_writer import Clock, TopicWriter, boundaries
from tests.unit.sources.made_exports import START, an_activity

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import Activity
    from pipeline.sources.ledger import Ledger

HOUR = 3600.0
DAY = 24 * HOUR
NINE = START.timestamp()
FOREVER = NINE + 1e9
TOPIC = "esn.activity.v1"


class Sent(NamedTuple):
    """One record; the time is the one its event carries."""

    partition: int
    key: bytes | None
    value: bytes
    timestamp_ms: int


class Acknowledgement:
    def __init__(self, error: Exception | None) -> None:
        self.error = error

    def get(self, timeout: float | None = None) -> None:
        assert timeout is not None, "an import must not wait for ever"
        if self.error is not None:
            raise self.error


class RecordingProducer:
    """Keeps what it is given, in order; fails from the `failing_from`-th record on."""

    def __init__(self, partitions: int = 3, failing_from: int | None = None) -> None:
        self.partitions = set(range(partitions))
        self.failing_from = failing_from
        self.sent: list[Sent] = []
        self.flushed_at: list[int] = []

    def send(self, topic: str, value: bytes, *, key: bytes | None, partition: int) -> Acknowledgement:
        assert topic == TOPIC
        told = datetime.fromisoformat(json.loads(value)["time"].replace("Z", "+00:00"))
        self.sent.append(Sent(partition, key, value, int(told.timestamp() * 1000)))
        fails = self.failing_from is not None and len(self.sent) > self.failing_from
        return Acknowledgement(NotLeaderForPartitionError("gone") if fails else None)

    def flush(self, timeout: float | None = None) -> None:
        assert timeout is not None
        self.flushed_at.append(len(self.sent))

    def partitions_for(self, topic: str) -> set[int] | None:
        return self.partitions if topic == TOPIC else None


class SetLedger:
    """A ledger for one run of a test."""

    def __init__(self) -> None:
        self.ids: set[tuple[str, str]] = set()

    def unseen(self, activities: Sequence[Activity]) -> list[Activity]:
        return [activity for activity in activities if (activity.network, activity.id) not in self.ids]

    def remember(self, activities: Sequence[Activity]) -> None:
        self.ids.update((activity.network, activity.id) for activity in activities)


def write(
    activities: list[Activity],
    producer: RecordingProducer,
    ledger: Ledger | None = None,
    *,
    limit: float = FOREVER,
    closing_seconds: float = 25 * HOUR,
) -> TopicWriter:
    writer = TopicWriter(producer, TOPIC, ledger or SetLedger(), Clock(limit, closing_seconds=closing_seconds))
    for _ in writer.write(activities):
        pass
    return writer


def clock_times(producer: RecordingProducer, partition: int = 0) -> list[float]:
    events = [json.loads(s.value) for s in producer.sent if s.partition == partition and s.key is None]
    assert {event["type"] for event in events} <= {"esn.clock.v1"}
    return [datetime.fromisoformat(event["time"].replace("Z", "+00:00")).timestamp() for event in events]


def test_activities_and_clock_events_come_in_this_very_order() -> None:
    # 09:10 post ... 09:50 post ... [10:00] ... 10:00 post ... closing 2 h later, over no midnight
    activities = [an_activity(number, minutes) for number, minutes in enumerate((10, 50, 60))]
    producer = RecordingProducer(partitions=2)
    write(activities, producer, closing_seconds=2 * HOUR)

    def clock(seconds: float) -> list[Sent]:
        return [Sent(partition, None, encode_clock(seconds), int(seconds * 1000)) for partition in (0, 1)]

    def act(activity: Activity) -> Sent:
        return Sent(place, b"acme/general", encode_activity(activity), int(activity.time.timestamp() * 1000))

    place = next(sent.partition for sent in producer.sent if sent.key is not None)
    assert producer.sent == [
        *clock(NINE),
        act(activities[0]),
        act(activities[1]),
        *clock(NINE + HOUR),
        act(activities[2]),
        *clock(NINE + 3 * HOUR),
    ]


def test_no_activity_lies_before_a_clock_event_of_its_time_in_any_partition() -> None:
    activities = [an_activity(n, minutes=17 * n, community=f"c{n % 11}") for n in range(400)]
    producer = RecordingProducer(partitions=4)
    write(activities, producer)
    for partition in producer.partitions:
        told = 0.0
        for sent in (s for s in producer.sent if s.partition == partition):
            if sent.key is None:
                assert sent.timestamp_ms > told
                told = sent.timestamp_ms
            else:
                assert sent.timestamp_ms >= told
                assert sent.timestamp_ms < told + HOUR * 1000
        assert clock_times(producer, partition) == clock_times(producer, 0)


def test_hours_of_a_gap_are_skipped_and_days_are_not() -> None:
    # Monday 09:00 post ...................... Friday 15:30 post
    producer = RecordingProducer()
    write([an_activity(1), an_activity(2, time=START + timedelta(days=4, hours=6.5))], producer, closing_seconds=HOUR)
    midnight = NINE - 9 * HOUR + DAY
    friday_three = NINE + 4 * DAY + 6 * HOUR
    assert clock_times(producer) == [
        NINE,
        *(midnight + day * DAY for day in range(4)),
        friday_three,
        friday_three + 1.5 * HOUR,
    ]


def test_the_closing_clock_event_passes_the_last_day_and_the_lateness() -> None:
    producer = RecordingProducer()
    write([an_activity(1, minutes=5)], producer)
    assert clock_times(producer)[-1] == NINE + 300 + 25 * HOUR
    assert producer.flushed_at[-1] == len(producer.sent)


def test_an_activity_dated_in_the_future_moves_no_clock() -> None:
    # now is 12:00; 09:00 post ... 2091 post by a member whose clock is wrong
    now = NINE + 3 * HOUR
    producer = RecordingProducer()
    future = an_activity(2, time=datetime(2091, 1, 1, tzinfo=timezone.utc))
    writer = write([an_activity(1), future], producer, limit=now)
    assert max(clock_times(producer)) == now
    assert writer.written == 2


def test_a_community_goes_where_the_java_clients_would_send_it() -> None:
    activities = [an_activity(n, community=f"community {n}") for n in range(50)]
    producer = RecordingProducer(partitions=7)
    write(activities, producer)

    class Cluster:
        def topics(self) -> set[str]:
            return {TOPIC}

        def partitions_for_topic(self, _: str) -> set[int]:
            return producer.partitions

        available_partitions_for_topic = partitions_for_topic

    keyed = [sent for sent in producer.sent if sent.key is not None]
    assert len({sent.partition for sent in keyed}) > 1
    for sent in keyed:
        expected = DefaultPartitioner().partition(TOPIC, sent.key, sent.key, b"", b"", Cluster())
        assert sent.partition == expected


def test_importing_twice_writes_no_activity_again_and_closes_again() -> None:
    activities = [an_activity(number, 30 * number) for number in range(10)]
    ledger = SetLedger()
    write(activities, RecordingProducer(), ledger)
    again = RecordingProducer()
    writer = write(activities, again, ledger)
    assert (writer.written, writer.already_imported) == (0, 10)
    assert [sent for sent in again.sent if sent.key is not None] == []
    assert clock_times(again)[-1] == activities[-1].time.timestamp() + 25 * HOUR


def test_a_later_larger_export_adds_what_is_new() -> None:
    activities = [an_activity(number, 30 * number, network=("acme", "beta")[number % 2]) for number in range(20)]
    ledger = SetLedger()
    write(activities[:12], RecordingProducer(), ledger)
    producer = RecordingProducer()
    writer = write(activities, producer, ledger)
    assert (writer.written, writer.already_imported) == (8, 12)
    assert [s.value for s in producer.sent if s.key is not None] == [encode_activity(a) for a in activities[12:]]


def test_only_acknowledged_chunks_are_remembered(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(topic_writer, "CHUNK_ACTIVITIES", 4)
    activities = [an_activity(number) for number in range(10)]
    ledger = SetLedger()
    # One clock event to each of 3 partitions, the first chunk of 4, and one of the second.
    with pytest.raises(ServerError, match=r"Kafka does not take records of esn\.activity\.v1"):
        write(activities, RecordingProducer(failing_from=8), ledger)
    assert ledger.ids == {("acme", f"a{number}") for number in range(4)}


def test_a_missing_topic_or_broker_ends_in_one_sentence() -> None:
    with pytest.raises(ServerError, match="Kafka has no topic other; create it with `elan topics create`"):
        TopicWriter(RecordingProducer(), "other", SetLedger(), Clock(FOREVER))

    class Away(RecordingProducer):
        def partitions_for(self, topic: str) -> set[int] | None:
            raise KafkaTimeoutError(topic)

    with pytest.raises(ServerError, match="Kafka does not answer"):
        TopicWriter(Away(), TOPIC, SetLedger(), Clock(FOREVER))


def test_nothing_to_import_writes_nothing() -> None:
    producer = RecordingProducer()
    write([], producer)
    assert producer.sent == []


@pytest.mark.parametrize(
    ("passed", "reached", "told"),
    [
        (0.0, 0.0, []),
        (2 * HOUR, HOUR, []),
        (0.0, HOUR, [HOUR]),
        (HOUR, DAY, [DAY]),
        (HOUR, DAY + HOUR, [DAY, DAY + HOUR]),
        (DAY, 3 * DAY, [2 * DAY, 3 * DAY]),
        (-HOUR, HOUR, [0.0, HOUR]),
    ],
)
def test_boundaries_between_two_times(passed: float, reached: float, told: list[float]) -> None:
    assert list(boundaries(passed, reached)) == told
