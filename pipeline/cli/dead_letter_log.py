"""Reads the dead-letter topic from where it is told up to where it ends."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING, Any, NamedTuple

from kafka import TopicPartition

from pipeline.clock import monotonic_seconds
from pipeline.errors import ServerError
from pipeline.ingest.dead_letters import (
    BATCH_HEADER,
    HEADERS_OMITTED_HEADER,
    KEY_OMITTED_HEADER,
    NULL_HEADER,
    OMITTED_HEADER,
)

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

    from kafka import KafkaConsumer

PATIENCE_SECONDS = 30.0
_NUMBER = re.compile(r"[0-9]{1,18}")
POLL_MILLISECONDS = 500
OURS = frozenset(
    {"elan-reason", "elan-detail", "elan-topic", "elan-partition", "elan-offset", NULL_HEADER, BATCH_HEADER}
    | {OMITTED_HEADER, KEY_OMITTED_HEADER, HEADERS_OMITTED_HEADER}
)


class Letter(NamedTuple):
    """One dead letter: where it lies, where it came from, and the record itself, untouched."""

    at: TopicPartition
    offset: int
    milliseconds: int
    reason: str
    detail: str
    origin_topic: str
    origin_partition: int
    origin_offset: int
    key: bytes | None
    value: bytes
    headers: list[tuple[str, bytes | None]]
    lost: bool
    """The record was null, too large to be kept, or is a whole batch of records: there is none to put back."""


def read_letter(record: Any) -> Letter | None:
    """A record of the dead-letter topic; None where it has no headers of ours, so somebody else wrote it."""
    headers = list(record.headers)
    ours = {name: (value or b"").decode(errors="replace") for name, value in headers if name in OURS}
    numbers = (ours.get("elan-partition", ""), ours.get("elan-offset", ""))
    if "elan-reason" not in ours or not ours.get("elan-topic") or not all(map(_NUMBER.fullmatch, numbers)):
        return None
    return Letter(
        TopicPartition(record.topic, record.partition),
        record.offset,
        record.timestamp,
        ours["elan-reason"],
        ours.get("elan-detail", ""),
        ours["elan-topic"],
        int(numbers[0]),
        int(numbers[1]),
        record.key,
        record.value or b"",
        [(name, value) for name, value in headers if name not in OURS],
        lost=not ours.keys().isdisjoint({NULL_HEADER, BATCH_HEADER, OMITTED_HEADER}),
    )


def partitions_of_topic(consumer: KafkaConsumer, topic: str) -> list[TopicPartition]:
    """Raises ServerError where the topic does not exist."""
    partitions = consumer.partitions_for_topic(topic)
    if not partitions:
        raise ServerError(f"Kafka has no topic {topic}: create it with `elan topics create`.")
    return [TopicPartition(topic, partition) for partition in sorted(partitions)]


def records(consumer: KafkaConsumer, starts: Mapping[TopicPartition, int]) -> Iterator[Any]:
    """All records from the starts up to where each partition ended when it was first read.

    The end is what a fetch says (the embedded broker's list of offsets is wrong). Raises ServerError where the broker
    stops answering.
    """
    consumer.assign(list(starts))
    for place, offset in starts.items():
        consumer.seek(place, offset)
    ends: dict[TopicPartition, int] = {}
    open_places, progress_seconds = set(starts), monotonic_seconds()
    while open_places:
        if monotonic_seconds() - progress_seconds > PATIENCE_SECONDS:
            raise ServerError(f"Kafka sends nothing more of {next(iter(open_places)).topic}: run `elan check`.")
        polled = consumer.poll(timeout_ms=POLL_MILLISECONDS)
        for place in open_places:
            highwater = consumer.highwater(place)
            if highwater is not None:
                ends.setdefault(place, highwater)
        for place, found in polled.items():
            yield from (record for record in found if record.offset < ends.get(place, record.offset + 1))
            # After what the caller did meanwhile: only Kafka is waited for.
            progress_seconds = monotonic_seconds()
        open_places = {place for place in open_places if not _reached(consumer, place, ends)}


def _reached(consumer: KafkaConsumer, place: TopicPartition, ends: Mapping[TopicPartition, int]) -> bool:
    return place in ends and consumer.position(place) >= ends[place]
