"""Writes activities in time order to the activity topic, with a clock event to every partition at each boundary.

Clock events are what makes a replay judge the days it passes: a partition without activities learns from them that time
has gone on. They lie before the activities at or after their time in every partition, provided that the producer keeps
the order of a partition (one request in flight, or idempotence).
"""

from __future__ import annotations

from itertools import islice
from typing import TYPE_CHECKING, Any, NamedTuple, Protocol

from kafka.errors import KafkaError
from kafka.partitioner.default import murmur2

from pipeline.cloudevents import activity_key, encode_activity, encode_clock
from pipeline.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.model import Activity
    from pipeline.sources.ledger import Ledger

DAY_SECONDS = 86_400
CHUNK_ACTIVITIES = 5_000
ACKNOWLEDGE_SECONDS = 60.0
POSITIVE_MASK = 0x7FFFFFFF


class Producer(Protocol):
    """The part of kafka.KafkaProducer that is used."""

    def send(self, topic: str, value: bytes, *, key: bytes | None, partition: int) -> Any:
        """A future of the acknowledgement."""

    def flush(self, timeout: float | None = None) -> None:
        """Wait until everything sent is acknowledged or failed."""

    def partitions_for(self, topic: str) -> set[int] | None:
        """The partitions of a topic."""


class Clock(NamedTuple):
    """When clock events are written, in seconds."""

    limit: float
    """Unix time no clock event goes beyond, normally the present: an activity dated in the future moves no clock."""
    boundary_seconds: int = 3600
    closing_seconds: float = 3600.0 + DAY_SECONDS
    """From the last activity to the closing clock event: allowed lateness and a day, so that the last day is judged."""


class TopicWriter:
    """Writes to one topic; `written`, `already_imported` and `clock_events` say what it did."""

    def __init__(self, producer: Producer, topic: str, ledger: Ledger, clock: Clock) -> None:
        """Ask the broker for the topic's partitions.

        Raises:
            ServerError: Kafka cannot be reached or has no such topic.
        """
        self._producer = producer
        self._topic = topic
        self._ledger = ledger
        self._clock = clock
        self._partitions = _partitions(producer, topic)
        self._partition_by_community: dict[tuple[str, str], tuple[int, bytes]] = {}
        self._pending: list[Any] = []
        self._clock_at: float | None = None
        self.written = 0
        self.already_imported = 0
        self.clock_events = 0
        """Distinct times; each goes to every partition."""

    def write(self, activities: Iterable[Activity]) -> Iterator[int]:
        """Write activities that come in time order; yields the number dealt with after each acknowledged chunk.

        Raises:
            ServerError: Kafka or the ledger fails; what was acknowledged is remembered.
        """
        source = iter(activities)
        last_seconds: float | None = None
        while chunk := list(islice(source, CHUNK_ACTIVITIES)):
            fresh = self._ledger.unseen(chunk)
            for activity in fresh:
                seconds = activity.time.timestamp()
                self._pass_boundaries(seconds)
                self._send_activity(activity)
            self._acknowledge()
            last_seconds = chunk[-1].time.timestamp()
            self._ledger.remember(fresh)
            self.written += len(fresh)
            self.already_imported += len(chunk) - len(fresh)
            yield len(chunk)
        if last_seconds is not None:
            self._close(last_seconds)

    def _send_activity(self, activity: Activity) -> None:
        partition, key = self._place(activity)
        self._send(encode_activity(activity), key, partition)

    def _place(self, activity: Activity) -> tuple[int, bytes]:
        community = (activity.network, activity.community)
        place = self._partition_by_community.get(community)
        if place is None:
            key = activity_key(*community)
            # The Java client's default, stated here: it must not depend on how a producer is configured.
            place = (self._partitions[(murmur2(key) & POSITIVE_MASK) % len(self._partitions)], key)
            self._partition_by_community[community] = place
        return place

    def _pass_boundaries(self, seconds: float) -> None:
        reached = seconds // self._clock.boundary_seconds * self._clock.boundary_seconds
        self._tell_time_until(min(reached, self._clock.limit), opening=reached)

    def _close(self, last_seconds: float) -> None:
        # Also when nothing was new: an import that was interrupted here may not have closed.
        closing = min(last_seconds + self._clock.closing_seconds, self._clock.limit)
        self._tell_time_until(closing, opening=min(last_seconds, closing))
        self._acknowledge()

    def _tell_time_until(self, reached: float, opening: float) -> None:
        """Every boundary since the last one told; at first the opening alone."""
        if self._clock_at is None and opening <= self._clock.limit:
            self._tell_time(opening)
        if self._clock_at is not None:
            for boundary in boundaries(self._clock_at, reached):
                self._tell_time(boundary)

    def _tell_time(self, boundary: float) -> None:
        value = encode_clock(boundary)
        for partition in self._partitions:
            self._send(value, None, partition)
        self._clock_at = boundary
        self.clock_events += 1

    def _send(self, value: bytes, key: bytes | None, partition: int) -> None:
        try:
            # Records carry the time of the import: by that of the activities a broker would delete them as expired.
            future = self._producer.send(self._topic, value, key=key, partition=partition)
        except KafkaError as error:
            raise self._refused(error) from error
        self._pending.append(future)

    def _acknowledge(self) -> None:
        try:
            self._producer.flush(ACKNOWLEDGE_SECONDS)
            for future in self._pending:
                future.get(timeout=ACKNOWLEDGE_SECONDS)
        except KafkaError as error:
            raise self._refused(error) from error
        self._pending.clear()

    def _refused(self, error: KafkaError) -> ServerError:
        return ServerError(
            f"Kafka does not take records of {self._topic} ({error}); reach it, then run the import again."
        )


def boundaries(passed: float, reached: float) -> Iterator[float]:
    """The times to tell after `passed` up to `reached`, in Unix seconds: every midnight (UTC) between, then `reached`.

    Hours of a gap are skipped, days are not, so that each is judged in its turn.
    """
    if reached <= passed:
        return
    midnight = (passed // DAY_SECONDS + 1) * DAY_SECONDS
    while midnight < reached:
        yield midnight
        midnight += DAY_SECONDS
    yield reached


def _partitions(producer: Producer, topic: str) -> list[int]:
    try:
        partitions = producer.partitions_for(topic)
    except KafkaError as error:
        message = f"Kafka does not answer for topic {topic} ({error}); start or reach it, then run again."
        raise ServerError(message) from error
    if not partitions:
        message = f"Kafka has no topic {topic}; create it with `elan topics create`, then run again."
        raise ServerError(message)
    return sorted(partitions)
