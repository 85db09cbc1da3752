"""What the brokers say of the activity topic, asked at every assignment and between them.

A topic that was deleted and made anew, or that was given more partitions, has the same name as before. The intake's
client knows topics by name only: it would read on in a new topic that has grown past the old offset.
"""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pipeline.errors import RetryLater, ServerError
from pipeline.kafka_topics import ActivityTopic, activity_topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafka import KafkaAdminClient

    from pipeline.settings import Settings


log = logging.getLogger(__name__)


class TopicWatch:
    """Asks over one connection, which is made when it is needed. `connect` may raise ServerError."""

    def __init__(self, settings: Settings, connect: Callable[[], KafkaAdminClient]) -> None:
        self._settings = settings
        self._connect = connect
        self._admin: KafkaAdminClient | None = None
        self._asking = asyncio.Lock()
        self._partitions = settings.kafka.partitions
        self._is_over = False

    async def ask(self) -> ActivityTopic:
        """The topic as it is now; asked in a thread, since the client for administration blocks.

        Raises:
            RetryLater: Kafka does not answer, or has no such topic.
            Stop: it has fewer partitions than the settings say.
        """
        async with self._asking:
            try:
                return await asyncio.to_thread(self._ask)
            except ServerError as error:
                raise RetryLater(str(error)) from error

    def _ask(self) -> ActivityTopic:
        if self._admin is None:
            self._admin = self._connect()
        try:
            return self._told(activity_topic(self._admin, self._settings))
        except BaseException:
            # A client whose broker went away may wait long before it tries another.
            self._disconnect()
            raise
        finally:
            # The thread of a question that was cancelled goes on beside the end.
            if self._is_over:
                self._disconnect()

    def _told(self, found: ActivityTopic) -> ActivityTopic:
        """Say it once where partitions were added."""
        expected, self._partitions = self._partitions, found.partitions
        if found.partitions > expected:
            log.warning("The activity topic has %d partitions, not %d: all are read", found.partitions, expected)
        return found

    def close(self) -> None:
        """Close the connection: left open, it would tell of a broker that stops after the worker."""
        self._is_over = True
        self._disconnect()

    def _disconnect(self) -> None:
        admin, self._admin = self._admin, None
        if admin is not None:
            admin.close()
