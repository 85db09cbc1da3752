"""How far the dead letters of each reason were put back.

It is kept in Redis, for good: the commits of a group that has no members brokers forget after a time of their own
(`offsets.retention.minutes`, a week unless set), and letters stay for longer.
"""

from __future__ import annotations

from contextlib import closing
from typing import TYPE_CHECKING, Any

from pipeline.errors import ServerError
from pipeline.kafka_clients import kafka_admin
from pipeline.kafka_topics import identity_of
from pipeline.redis_clients import REDIS_TROUBLE
from pipeline.windows.redis_keys import Keys

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from kafka import TopicPartition

    from pipeline.cli.dead_letter_log import Letter
    from pipeline.settings import Settings


class Progress:
    """For each partition and reason the first offset that is not done, so a replay of one reason leaves the others."""

    def __init__(self, client: Any, settings: Settings) -> None:
        """Read what a blocking client of Redis finds kept for the dead-letter topic; for one made anew, nothing is.

        Raises:
            ServerError: Kafka or Redis cannot be reached or refuses, or the topic does not exist.
        """
        topic = settings.kafka.dead_letter_topic
        with closing(kafka_admin(settings)) as admin:
            identity = identity_of(admin, settings, topic)
        self._client = client
        self._key = Keys(settings.redis.namespace).replayed(topic, identity)
        try:
            found = self._client.hgetall(self._key)
        except REDIS_TROUBLE as error:
            raise _unreachable(error) from error
        self._next = {field.decode(): int(offset) for field, offset in found.items()}

    def starts(self, places: Iterable[TopicPartition], reasons: Iterable[str]) -> dict[TopicPartition, int]:
        """Where the first letter of these reasons can lie."""
        return {place: min(self._next.get(_field(place, reason), 0) for reason in reasons) for place in places}

    def is_done(self, letter: Letter) -> bool:
        """Whether the letter was put back before."""
        return letter.offset < self._next.get(_field(letter.at, letter.reason), 0)

    def keep(self, reasons: Iterable[str], ends: Mapping[TopicPartition, int]) -> None:
        """All letters of these reasons before the ends are done.

        Raises:
            ServerError: Redis cannot be reached or refuses.
        """
        fields = [(_field(place, reason), end) for place, end in ends.items() for reason in reasons]
        self._next |= {field: max(end, self._next.get(field, 0)) for field, end in fields}
        try:
            if fields:
                self._client.hset(self._key, mapping={field: self._next[field] for field, _ in fields})
        except REDIS_TROUBLE as error:
            raise _unreachable(error) from error


def _field(place: TopicPartition, reason: str) -> str:
    return f"{place.partition}/{reason}"


def _unreachable(error: Exception) -> ServerError:
    return ServerError(
        f"Redis, which keeps how far dead letters were put back, cannot be used ({error}); reach it, then run again."
    )
