"""Live time in the log: one worker at a time writes a clock event to every partition, so that silence is noticed."""

from __future__ import annotations

from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from pipeline import clock
from pipeline.cloudevents import encode_clock
from pipeline.errors import RetryLater

if TYPE_CHECKING:
    from aiokafka import AIOKafkaProducer

    from pipeline.windows.redis_verdicts import Lease


class Ticking:
    """Writes the present time to all partitions of the activity topic while it holds the lease."""

    def __init__(self, lease: Lease, producer: AIOKafkaProducer, topic: str, partitions: int) -> None:
        self._lease = lease
        self._producer = producer
        self._topic = topic
        self._partitions = partitions

    async def run_once(self) -> bool:
        """Write one clock event a partition; False if another worker does.

        Raises:
            RetryLater: Kafka or Redis is away. The next tick says more than a repeated one: there is no need to repeat.
        """
        if not await self._lease.take():
            return False
        now_seconds = clock.now_seconds()
        value, milliseconds = encode_clock(now_seconds), int(now_seconds * 1000)
        try:
            sent = [
                await self._producer.send(self._topic, value, partition=partition, timestamp_ms=milliseconds)
                for partition in range(self._partitions)
            ]
            for acknowledged in sent:
                await acknowledged
        except (KafkaError, OSError) as error:
            raise RetryLater(f"the activity topic takes no clock events: {error}") from error
        return True
