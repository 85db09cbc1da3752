"""Writes a load to the activity topic from a thread, whatever the brokers do meanwhile.

A day's clock event is acknowledged by every partition before the day's activities are sent, so that a retry is never
late. What fails is sent again: the log may hold an event twice, which is why the oracle is read from the log.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING, Any
from zlib import crc32

from kafka import KafkaProducer
from kafka.errors import KafkaError

from pipeline.cloudevents import activity_key, encode_activity, encode_clock
from tests.faults.load import DAY_SECONDS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from pipeline.model import Activity

LATENESS_SECONDS = 3600.0
"""The default of `clock.allowed_lateness_seconds`."""
RETRY_SECONDS = 0.2
DELIVERY_MILLISECONDS = 10_000


class Record:
    """One record to write: (value, key, partition, unix milliseconds)."""

    def __init__(self, value: bytes | None, key: bytes | None, partition: int, seconds: float) -> None:
        self.value = value
        self.key = key
        self.partition = partition
        self.milliseconds = int(seconds * 1000)


class TrialProducer(threading.Thread):
    """Paces a load to about `events_per_second`; `acknowledged` holds the ids that the brokers promised to keep."""

    def __init__(
        self,
        bootstrap: str,
        topic: str,
        partitions: int,
        chunks: Iterable[tuple[float, list[Activity]]],
        events_per_second: float,
    ) -> None:
        super().__init__(name="producer of the trial", daemon=True)
        self.bootstrap = bootstrap
        self.topic = topic
        self.partitions = partitions
        """Where clock events go; raise it when partitions are added. Communities stay in the partitions they had."""
        self.acknowledged: set[str] = set()
        self.error: BaseException | None = None
        self._community_partitions = partitions
        self._chunks = chunks
        self.events_per_second = events_per_second
        """May be changed on the way: a load that has ended disturbs nobody."""
        self._given_up = threading.Event()
        self._client: KafkaProducer | None = None
        self.spoil: Callable[[list[Record]], list[Record]] = list
        """What a trial does to the records of a day before they are sent: duplicates, shuffles, poison."""

    def partition_of(self, community: str) -> int:
        """The partition of a community, the same for the whole trial."""
        return crc32(community.encode()) % self._community_partitions

    def run(self) -> None:
        """Write everything, then a clock event that lets the last day be judged."""
        try:
            self._write_all()
        except BaseException as error:  # noqa: BLE001 - the thread of the test raises it again
            self.error = error
        finally:
            if self._client is not None:
                self._client.close(timeout=5)

    def give_up(self) -> None:
        """End soon, whatever is left to write."""
        self._given_up.set()

    def finish(self, seconds: float) -> None:
        """Wait for the end of the load; raises what went wrong."""
        self.join(seconds)
        if self.error is not None:
            raise self.error
        assert not self.is_alive(), f"the producer did not get rid of its load within {seconds} s"

    def _write_all(self) -> None:
        last_seconds = 0.0
        for midnight_seconds, activities in self._chunks:
            started = time.monotonic()
            self._write([self._clock(n, midnight_seconds) for n in range(self.partitions)])
            if self._write(self.spoil([self._activity(activity) for activity in activities])):
                self.acknowledged.update(activity.id for activity in activities)
            if activities:
                last_seconds = max(activity.time.timestamp() for activity in activities)
            if self._given_up.wait(max(0.0, started + len(activities) / self.events_per_second - time.monotonic())):
                return
        closing = last_seconds + LATENESS_SECONDS + DAY_SECONDS
        self._write([self._clock(n, closing) for n in range(self.partitions)])

    def _clock(self, partition: int, seconds: float) -> Record:
        return Record(encode_clock(seconds), None, partition, seconds)

    def _activity(self, activity: Activity) -> Record:
        key = activity_key(activity.network, activity.community)
        return Record(encode_activity(activity), key, self.partition_of(activity.community), activity.time.timestamp())

    def _write(self, records: list[Record]) -> bool:
        """Send until every record is acknowledged; False where it was given up before."""
        left = records
        while left and not self._given_up.is_set():
            left = self._attempt(left)
            if left:
                self._given_up.wait(RETRY_SECONDS)
        return not left

    def _attempt(self, records: list[Record]) -> list[Record]:
        try:
            client = self._connected()
            sent = [(record, self._send(client, record)) for record in records]
            client.flush(timeout=2 * DELIVERY_MILLISECONDS / 1000)
        except KafkaError:
            return records
        return [record for record, future in sent if not future.succeeded()]

    def _connected(self) -> KafkaProducer:
        if self._client is None:
            self._client = KafkaProducer(
                bootstrap_servers=self.bootstrap,
                acks="all",
                enable_idempotence=False,
                max_in_flight_requests_per_connection=1,
                linger_ms=2,
                delivery_timeout_ms=DELIVERY_MILLISECONDS,
                request_timeout_ms=DELIVERY_MILLISECONDS // 2,
                max_block_ms=DELIVERY_MILLISECONDS,
                reconnect_backoff_max_ms=500,
                # Poison of 10 MB is some trial's load.
                max_request_size=16 * 1024 * 1024,
            )
        return self._client

    def _send(self, client: KafkaProducer, record: Record) -> Any:
        return client.send(
            self.topic, record.value, key=record.key, partition=record.partition, timestamp_ms=record.milliseconds
        )
