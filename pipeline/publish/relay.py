"""Takes alert steps from the outbox to the alerts topic, at least once, in order."""

from __future__ import annotations

from typing import TYPE_CHECKING, Protocol

from aiokafka.errors import KafkaError

from pipeline.errors import RetryLater

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aiokafka import AIOKafkaProducer


class Entry(Protocol):
    """One alert step: `alert_id` is the record's key, `value` its JSON."""

    @property
    def alert_id(self) -> str:
        """Key of the record."""

    @property
    def value(self) -> bytes:
        """Value of the record."""


class AlertsTopic:
    """Writes alert steps to a compacted topic, keyed by alert id."""

    def __init__(self, producer: AIOKafkaProducer, topic: str) -> None:
        self._producer = producer
        self._topic = topic

    async def write(self, entries: Sequence[Entry]) -> None:
        """Return once the broker has acknowledged all of them.

        Raises:
            RetryLater: some may not be written; writing all again is harmless, the topic keeps the last of a key.
        """
        try:
            sent = [await self._producer.send(self._topic, entry.value, entry.alert_id.encode()) for entry in entries]
            for acknowledged in sent:
                await acknowledged
        except (KafkaError, OSError) as error:
            raise RetryLater(f"the alerts topic takes no records: {error}") from error
