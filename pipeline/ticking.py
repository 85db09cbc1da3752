"""Live time in the log: one worker at a time writes a clock event to every partition, so that silence is noticed."""

from __future__ import annotations

import logging
from typing import TYPE_CHECKING

from aiokafka.errors import KafkaError

from pipeline import clock
from pipeline.cloudevents import encode_clock
from pipeline.errors import RetryLater

if TYPE_CHECKING:
    from collections.abc import Iterable

    from aiokafka import AIOKafkaProducer
    from aiokafka.structs import RecordMetadata

    from pipeline.windows.redis_verdicts import Lease

log = logging.getLogger(__name__)

LOG_APPEND_TIME = 1
TURNS_LEFT_TO_OTHERS = 2
"""After a failure: one comes at once, the other lasts as long as the others need to take theirs."""
UNIX_MS = 1000.0
TOLERATED_SECONDS = 60.0
"""How far this machine's clock and the brokers' may differ before theirs is taken."""


class Ticking:
    """Writes the present time to all partitions of the activity topic while it holds the lease.

    Brokers that stamp records say with each acknowledgement what time they have. A worker whose clock is far from
    theirs goes by theirs from its second tick on; the first does no harm, since readers let no clock event lead beyond
    its own stamp, nor back.
    """

    def __init__(self, lease: Lease, producer: AIOKafkaProducer, topic: str) -> None:
        self._lease = lease
        self._producer = producer
        self._topic = topic
        self._ahead_seconds = 0.0
        self._turns_left_to_others = 0

    async def run_once(self) -> bool:
        """Write one clock event a partition; False if another worker does.

        Raises:
            RetryLater: Kafka or Redis is away. The next tick says more than a repeated one: there is no need to repeat.
        """
        if self._turns_left_to_others:
            self._turns_left_to_others -= 1
            return False
        if not await self._lease.take():
            return False
        try:
            # Asked each time: a partition that was added must learn the time too, or nothing would be judged any more.
            partitions = await self._producer.partitions_for(self._topic)
            own_seconds = clock.now_seconds()
            now_seconds = own_seconds - self._ahead_seconds
            value, milliseconds = encode_clock(now_seconds), int(now_seconds * UNIX_MS)
            sent = [
                await self._producer.send(self._topic, value, partition=partition, timestamp_ms=milliseconds)
                for partition in sorted(partitions)
            ]
            self._compare(own_seconds, [await acknowledged for acknowledged in sent])
        except (KafkaError, OSError) as error:
            # Another worker may reach Kafka where this one does not.
            self._turns_left_to_others = TURNS_LEFT_TO_OTHERS
            await self._lease.give_back()
            raise RetryLater(f"the activity topic takes no clock events: {error}") from error
        return True

    def _compare(self, own_seconds: float, acknowledged: Iterable[RecordMetadata]) -> None:
        """Learn how far the own clock is ahead of the brokers'; of several, that of the one furthest ahead counts.

        One that is behind would hold all partitions back, and one that is ahead leads its own partitions only.
        """
        stamps = [one.timestamp or 0 for one in acknowledged if one.timestamp_type == LOG_APPEND_TIME]
        if max(stamps, default=0) <= 0:
            return
        ahead_seconds = own_seconds - max(stamps) / UNIX_MS
        if abs(ahead_seconds) < TOLERATED_SECONDS:
            self._ahead_seconds = 0.0
            return
        if abs(ahead_seconds - self._ahead_seconds) >= TOLERATED_SECONDS:
            log.warning(
                "This machine's clock is %.0f s ahead of the brokers': set it. Live time is theirs", ahead_seconds
            )
        self._ahead_seconds = ahead_seconds
