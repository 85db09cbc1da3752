"""Where the logs of a topic end now, for tools."""

from __future__ import annotations

from typing import TYPE_CHECKING

from kafka import TopicPartition
from kafka.errors import KafkaError

from pipeline.errors import ServerError

if TYPE_CHECKING:
    from kafka import KafkaConsumer


def log_ends(consumer: KafkaConsumer, topic: str) -> dict[int, int]:
    """Offset after the last record of each partition; closes the consumer.

    Raises:
        ServerError: Kafka does not answer, or the topic does not exist.
    """
    try:
        partitions = consumer.partitions_for_topic(topic)
        if not partitions:
            raise ServerError(f"Kafka has no topic {topic}: create it with `elan topics create`.")
        found = consumer.end_offsets([TopicPartition(topic, partition) for partition in sorted(partitions)])
    except KafkaError as error:
        raise ServerError(f"Kafka does not tell where {topic} ends ({error}): run `elan check`.") from error
    finally:
        consumer.close()
    return {place.partition: offset for place, offset in found.items()}
