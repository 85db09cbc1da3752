"""Records that cannot be used: kept as they came, with the reason and the place they came from."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Protocol

import msgspec
from aiokafka.errors import KafkaError, MessageSizeTooLargeError

from pipeline.errors import RetryLater
from pipeline.ingest.decode import SwollenBatch
from pipeline.model import Reason  # noqa: TC001 - msgspec reads the annotations

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer

Header = tuple[str, "bytes | None"]
NULL_HEADER = "elan-value-null"
BATCH_HEADER = "elan-value-batch"
OMITTED_HEADER = "elan-value-omitted"
KEY_OMITTED_HEADER = "elan-key-omitted"
HEADERS_OMITTED_HEADER = "elan-headers-omitted"
WRITE_TIMEOUT_SECONDS = 10.0
"""aiokafka waits for ever for a topic that it does not learn of."""


class DeadLetter(msgspec.Struct, frozen=True):
    """One record that was refused. `detail` says what is wrong in our words; it never repeats what the record says."""

    reason: Reason
    detail: str
    topic: str
    partition: int
    offset: int
    key: bytes | None
    value: bytes | None
    headers: tuple[tuple[str, bytes | None], ...] = ()

    def kafka_value(self) -> bytes:
        """The value untouched; a null one becomes empty, or compaction would take the letter for a tombstone."""
        return b"" if self.value is None else self.value

    def kafka_headers(self) -> list[Header]:
        """The record's own headers, then ours."""
        return [*self.headers, *self.our_headers()]

    def our_headers(self) -> list[Header]:
        """Why it was refused, and where it lies: topic, partition and offset name a letter for good."""
        ours: list[Header] = [
            ("elan-reason", self.reason.value.encode()),
            ("elan-detail", self.detail.encode()),
            ("elan-topic", self.topic.encode()),
            ("elan-partition", str(self.partition).encode()),
            ("elan-offset", str(self.offset).encode()),
        ]
        if self.value is None:
            ours.append((NULL_HEADER, b"true"))
        elif isinstance(self.value, SwollenBatch):
            ours.append((BATCH_HEADER, b"true"))
        return ours


class DeadLetterWriter(Protocol):
    """Where dead letters go."""

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        """Return when all letters are safe. Raises RetryLater; then any of them may have been written already."""


class KafkaDeadLetterWriter:
    """Writes to the dead-letter topic through a producer that waits for all replicas (`acks="all"`)."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def write(self, letters: Sequence[DeadLetter]) -> None:
        """See `DeadLetterWriter`."""
        try:
            together = asyncio.gather(*(self._send_whole(letter) for letter in letters))
            fits = await asyncio.wait_for(together, WRITE_TIMEOUT_SECONDS)
            for letter, has_room in zip(letters, fits, strict=True):
                if not has_room:
                    await asyncio.wait_for(self._send_alone(letter), WRITE_TIMEOUT_SECONDS)
        except (KafkaError, asyncio.TimeoutError) as error:
            message = f"Dead letters cannot be written to topic {self._topic}: {type(error).__name__}"
            raise RetryLater(message) from error

    async def _send_whole(self, letter: DeadLetter) -> bool:
        """False where it was too large, or what the client has put together with it."""
        try:
            await self._send(letter.key, letter.kafka_value(), letter.kafka_headers())
        except MessageSizeTooLargeError:
            return False
        return True

    async def _send_alone(self, letter: DeadLetter) -> None:
        """Send as much as the topic takes: a letter that never fits would hold up its partition for ever.

        A record as large as its topic allows does not fit with our headers, and a dead-letter topic may take less. The
        letter says where the record lies.
        """
        if await self._send_whole(letter):
            return
        omitted: Header = (OMITTED_HEADER, str(len(letter.kafka_value())).encode())
        try:
            await self._send(letter.key, b"", [*letter.kafka_headers(), omitted])
        except MessageSizeTooLargeError:
            # Its key or its own headers are what is too large.
            await self._send(None, b"", [*letter.our_headers(), omitted, *_omitted_beside_value(letter)])

    async def _send(self, key: bytes | None, value: bytes, headers: list[Header]) -> None:
        await self._producer.send_and_wait(self._topic, value, key=key, headers=headers)


def _omitted_beside_value(letter: DeadLetter) -> list[Header]:
    """How large the key was, and how many headers there were."""
    return [
        (KEY_OMITTED_HEADER, str(len(letter.key or b"")).encode()),
        (HEADERS_OMITTED_HEADER, str(len(letter.headers)).encode()),
    ]
