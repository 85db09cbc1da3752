"""Puts dead letters back to where they came from, each once."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, Any

from kafka import TopicPartition
from kafka.errors import MessageSizeTooLargeError, RecordListTooLargeError

from pipeline.cli.dead_letter_log import partitions_of_topic, read_letter, records
from pipeline.model import Reason

if TYPE_CHECKING:
    from kafka import KafkaConsumer, KafkaProducer

    from pipeline.cli.dead_letter_log import Letter
    from pipeline.cli.dead_letter_progress import Progress

ALL_REASONS = frozenset(reason.value for reason in Reason)
LETTERS_AT_ONCE = 500
"""Sent before it is kept that they were."""
SEND_SECONDS = 30.0
PUT_BACK = "put back"
DONE_BEFORE = "put back before"
OTHER_REASON = "left for another reason"
LOST = "left: it holds no record that could be put back"
FOREIGN = "left: not written by a worker"
NO_ORIGIN = "left: the origin topic is gone"
OVERSIZED = "left: larger than the origin topic takes (max.message.bytes)"
SIZE_ERRORS = (MessageSizeTooLargeError, RecordListTooLargeError)
"""A topic measures what it is sent: it may have taken a record compressed that it refuses as it is in the letter."""


class Replay:
    """One replay of the letters that lie in the topic now.

    A killed one may put up to 500 letters back twice; the workers tell such duplicates by their ids.
    """

    def __init__(
        self, consumer: KafkaConsumer, producer: KafkaProducer | None, progress: Progress, reasons: frozenset[str]
    ) -> None:
        """Without a producer nothing is written."""
        self._consumer = consumer
        self._progress = progress
        self._producer = producer
        self._reasons = reasons
        self._sent: list[Any] = []
        self._ends: dict[TopicPartition, int] = {}
        self.outcomes: Counter[str] = Counter()

    def run(self, topic: str) -> Counter[str]:
        """Put back what is to be -> outcome -> letters.

        Raises:
            ServerError: the topic does not exist, or Kafka or Redis stops answering.
            KafkaError: Kafka refuses a record for another reason than its size.
        """
        places = partitions_of_topic(self._consumer, topic)
        for record in records(self._consumer, self._progress.starts(places, self._reasons)):
            letter = read_letter(record)
            outcome = FOREIGN if letter is None else self._handle(letter)
            if outcome is not None:
                self.outcomes[outcome] += 1
            self._ends[TopicPartition(record.topic, record.partition)] = record.offset + 1
            if len(self._sent) >= LETTERS_AT_ONCE:
                self._settle()
        self._settle()
        return self.outcomes

    def _handle(self, letter: Letter) -> str | None:
        """The outcome; None where the letter is on its way, and its outcome is counted when that is settled."""
        if letter.reason not in self._reasons:
            return OTHER_REASON
        if self._progress.is_done(letter):
            return DONE_BEFORE
        if letter.lost:
            return LOST
        if letter.origin_partition not in (self._consumer.partitions_for_topic(letter.origin_topic) or ()):
            return NO_ORIGIN
        return PUT_BACK if self._producer is None else self._send(letter, self._producer)

    def _send(self, letter: Letter, producer: KafkaProducer) -> str | None:
        # To its own partition: whoever produced it may have chosen that by another rule than ours.
        place = {"topic": letter.origin_topic, "partition": letter.origin_partition}
        try:
            sent = producer.send(**place, key=letter.key, value=letter.value, headers=letter.headers)
        except SIZE_ERRORS:
            return OVERSIZED
        self._sent.append(sent)
        return None

    def _settle(self) -> None:
        """Keep how far it has come once all that was sent is safe, or too large, which another try would not change."""
        if self._producer is None:
            return
        self.outcomes.update(map(_outcome_of, self._sent))
        self._sent.clear()
        self._progress.keep(self._reasons, self._ends)


def _outcome_of(sent: Any) -> str:
    try:
        sent.get(timeout=SEND_SECONDS)
    except SIZE_ERRORS:
        return OVERSIZED
    return PUT_BACK
