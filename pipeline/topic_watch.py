"""What the brokers say of the activity topic, asked at every assignment and between them.

A topic that was deleted and made anew, or that was given more partitions, has the same name as before. The intake's
client knows topics by name only: it would read on in a new topic that has grown past the old offset.
"""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from pipeline.errors import RetryLater, ServerError
from pipeline.kafka_topics import ActivityTopic, activity_topic

if TYPE_CHECKING:
    from collections.abc import Callable

    from kafka import KafkaAdminClient

    from pipeline.settings import Settings


class TopicWatch:
    """Asks over one connection, which is made when it is needed. `connect` may raise ServerError."""

    def __init__(self, settings: Settings, connect: Callable[[], KafkaAdminClient]) -> None:
        self._settings = settings
        self._connect = connect
        self._admin: KafkaAdminClient | None = None
        self._asking = asyncio.Lock()

    async def ask(self) -> ActivityTopic:
        """The topic as it is now; asked in a thread, since the client for administration blocks.

        Raises:
            RetryLater: Kafka does not answer, or has no such topic.
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
            return activity_topic(self._admin, self._settings)
        except BaseException:
            # A client whose broker went away may wait long before it tries another.
            self.close()
            raise

    def close(self) -> None:
        """Close the connection; the next question makes another."""
        if self._admin is not None:
            self._admin.close()
            self._admin = None
