"""A made-up stream for benches, the same for the same numbers, and how it is put into the activity topic.

Communities follow Zipf's law; each draws its actors from a pool of its own; a fifth of the activities arrives up to a
minute late. Time is in the log as an import puts it there: a clock event in every partition at each hour that passes.
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

import numpy as np
from aiokafka.errors import KafkaError
from kafka.partitioner.default import murmur2

from pipeline.clock import now_seconds
from pipeline.cloudevents import activity_key, encode_clock
from pipeline.errors import ServerError
from pipeline.kafka_clients import aiokafka_producer
from pipeline.sources.topic_writer import POSITIVE_MASK

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from aiokafka import AIOKafkaProducer
    from numpy.typing import NDArray

    from pipeline.settings import Settings

NETWORK = "bench"
COMMUNITIES = 2_000
ACTORS = 50_000
KIND_SHARES = {
    "reaction": 0.40,
    "view": 0.25,
    "comment": 0.15,
    "post": 0.10,
    "share": 0.04,
    "mention": 0.04,
    "join": 0.02,
}
LATE_SHARE, LATEST_SECONDS = 0.2, 60.0
LARGEST_POOL, SMALLEST_POOL, POOL_EXPONENT = 8_000, 8, 0.7
"""Actors of the largest community, of the smallest, and how fast they become fewer with the rank."""
DAY_SECONDS, HOUR_SECONDS = 86_400, 3_600
EVENTS_A_MILLION = 1_000_000
CHUNK_EVENTS = 10_000
BATCH_BYTES = 128 * 1024
"""About 400 activities: what a busy producer sends at once."""
BATCHES_IN_FLIGHT = 64
_EVENT = (
    b'{"specversion":"1.0","id":"%s","source":"/esn/made-up/%s","type":"esn.activity.%s.v1","time":"%sZ",'
    b'"datacontenttype":"application/json","data":{"network":"%s","community":"%s","actor":"u-%06d","object":"%s/%d"}}'
)


class Record(NamedTuple):
    """One record of the topic."""

    partition: int
    key: bytes | None
    value: bytes


@dataclass(frozen=True, slots=True)
class MadeUpStream:
    """`events` activities, evenly over event time, a million of them over `spread_days`."""

    events: int
    spread_days: float
    partitions: int
    start_seconds: float
    """Unix time of the first."""
    communities: int = COMMUNITIES
    seed: int = 7

    def chunks(self) -> Iterator[list[Record]]:
        """The records in the order in which they are written, each chunk ready for the next write."""
        dice, places, hour = np.random.default_rng(self.seed), _places(self.communities, self.partitions), -1
        for first in range(0, self.events, CHUNK_EVENTS):
            size = min(CHUNK_EVENTS, self.events - first)
            hours = self._seconds(first, size) // HOUR_SECONDS
            records: list[Record] = []
            for reached, (community, value) in zip(hours.tolist(), self._values(dice, first, size), strict=True):
                if reached > hour:
                    hour = reached
                    clock = encode_clock(hour * HOUR_SECONDS)
                    records += [Record(partition, None, clock) for partition in range(self.partitions)]
                records.append(Record(*places[community], value))
            yield records

    def _seconds(self, first: int, size: int) -> NDArray[np.float64]:
        step = self.spread_days * DAY_SECONDS / EVENTS_A_MILLION
        return self.start_seconds + np.arange(first, first + size, dtype=np.float64) * np.float64(step)

    def _values(self, dice: np.random.Generator, first: int, size: int) -> Iterator[tuple[int, bytes]]:
        """(community, bytes of the event) of each."""
        late = (dice.random(size) < LATE_SHARE) * dice.random(size) * LATEST_SECONDS
        times = ((self._seconds(first, size) - late) * 1000).astype("datetime64[ms]")
        weights = 1.0 / np.arange(1, self.communities + 1)
        communities = dice.choice(self.communities, size, p=weights / weights.sum())
        pools = np.maximum(SMALLEST_POOL, LARGEST_POOL / (communities + 1.0) ** POOL_EXPONENT)
        # Squared: some act far more often than others.
        actors = (communities * 7919 + (pools * dice.random(size) ** 2).astype(int) * 104_729) % ACTORS
        kinds = dice.choice(len(KIND_SHARES), size, p=list(KIND_SHARES.values()))
        objects, ids = dice.integers(0, 2**30, size).tolist(), dice.bytes(16 * size).hex().encode()
        names, network = [kind.encode() for kind in KIND_SHARES], NETWORK.encode()
        columns = zip(communities.tolist(), actors.tolist(), kinds.tolist(), objects, strict=True)
        for n, (time, (community, actor, kind, thing)) in enumerate(
            zip(np.datetime_as_string(times, unit="ms").astype("S").tolist(), columns, strict=True)
        ):
            name, event_id = names[kind], ids[32 * n : 32 * n + 32]
            yield (
                community,
                _EVENT % (event_id, network, name, time, network, _community(community), actor, name, thing),
            )


def past_start(events: int, spread_days: float) -> float:
    """A midnight (UTC) from which the stream ends before the present day: nothing in it is in the future."""
    days = int(np.ceil(events * spread_days / EVENTS_A_MILLION)) + 1
    return (now_seconds() // DAY_SECONDS - days) * DAY_SECONDS


async def write_stream(settings: Settings, chunks: Iterable[list[Record]]) -> dict[int, int]:
    """Put a stream into the fresh activity topic -> partition -> its end offset; empty partitions are left out.

    Raises:
        ServerError: Kafka cannot be reached or refuses.
    """
    ends: dict[int, int] = {}
    async with aiokafka_producer(settings, batch_bytes=BATCH_BYTES) as producer:
        sender = _Sender(producer, settings.kafka.activity_topic)
        try:
            for chunk in chunks:
                for record in chunk:
                    await sender.add(record)
                    ends[record.partition] = ends.get(record.partition, 0) + 1
            await sender.finish()
        except KafkaError as error:
            raise ServerError(f"Kafka does not take the records of the bench ({error}).") from error
    return ends


class _Sender:
    """Fills batches by hand: several times as fast as sending record by record."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic
        self._batches = {}  # type: ignore[var-annotated] # aiokafka has no types
        self._acknowledgements: list[asyncio.Future[object]] = []
        self._milliseconds = int(now_seconds() * 1000)

    async def add(self, record: Record) -> None:
        if not self._fits(record):
            await self._send(record.partition)
            self._fits(record)

    async def finish(self) -> None:
        for partition in list(self._batches):
            await self._send(partition)
        await asyncio.gather(*self._acknowledgements)

    def _fits(self, record: Record) -> bool:
        batch = self._batches.get(record.partition)
        if batch is None:
            batch = self._batches[record.partition] = self._producer.create_batch()
        added = batch.append(key=record.key, value=record.value, timestamp=self._milliseconds)
        return added is not None

    async def _send(self, partition: int) -> None:
        batch = self._batches.pop(partition)
        batch.close()
        future = await self._producer.send_batch(batch, self._topic, partition=partition)
        self._acknowledgements.append(future)
        if len(self._acknowledgements) >= BATCHES_IN_FLIGHT:
            await asyncio.gather(*self._acknowledgements)
            self._acknowledgements.clear()


def _community(number: int) -> bytes:
    return b"c-%05d" % number


def _places(communities: int, partitions: int) -> list[tuple[int, bytes]]:
    """Community -> (partition, key), as the importer places it."""
    keys = [activity_key(NETWORK, _community(number).decode()) for number in range(communities)]
    return [((murmur2(key) & POSITIVE_MASK) % partitions, key) for key in keys]
