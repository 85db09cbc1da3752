"""What a running worker learns of a topic that is changed under its hands: more partitions, or another topic."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING
from unittest.mock import AsyncMock

import pytest
from kafka import KafkaConsumer, TopicPartition

from pipeline import kafka_clients
from pipeline.errors import RetryLater, Stop
from pipeline.kafka_clients import aiokafka_producer, kafka_admin
from pipeline.kafka_topics import create_missing
from pipeline.ticking import Ticking
from pipeline.topic_watch import TopicWatch

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka import KafkaAdminClient

    from pipeline.settings import Settings


@pytest.fixture
def admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    client = kafka_admin(settings)
    yield client
    client.close()


@pytest.fixture
def watch(settings: Settings) -> Iterator[TopicWatch]:
    found = TopicWatch(settings, lambda: kafka_admin(settings))
    yield found
    found.close()


def test_added_partitions_are_seen_and_the_topic_is_the_same(
    watch: TopicWatch, admin: KafkaAdminClient, settings: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    create_missing(admin, settings)
    before = asyncio.run(watch.ask())
    admin.create_partitions({settings.kafka.activity_topic: 5})
    after = asyncio.run(watch.ask())
    asyncio.run(watch.ask())
    assert caplog.text.count("has 5 partitions, not 3") == 1
    assert (before.partitions, after.partitions) == (3, 5)
    assert before.identity == after.identity != ""


def test_a_topic_with_fewer_partitions_is_not_the_one_that_was_meant(
    watch: TopicWatch, admin: KafkaAdminClient, settings: Settings
) -> None:
    # a broker that creates topics by itself has made it
    admin.create_topics({settings.kafka.activity_topic: {"num_partitions": 1, "replication_factor": 1}})
    with pytest.raises(Stop, match=r"has 1 partitions, the settings say 3"):
        asyncio.run(watch.ask())


def test_a_topic_made_anew_is_another(watch: TopicWatch, admin: KafkaAdminClient, settings: Settings) -> None:
    create_missing(admin, settings)
    before = asyncio.run(watch.ask())
    admin.delete_topics([settings.kafka.activity_topic])
    with pytest.raises(RetryLater, match="Kafka has no topic"):
        asyncio.run(watch.ask())
    create_missing(admin, settings)
    after = asyncio.run(watch.ask())
    assert before.identity != after.identity
    assert before.partitions == after.partitions


def test_the_clock_is_told_to_partitions_that_were_added(
    admin: KafkaAdminClient, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(kafka_clients, "METADATA_MILLISECONDS", 100)
    create_missing(admin, settings)
    topic = settings.kafka.activity_topic

    async def story() -> None:
        async with aiokafka_producer(settings) as producer:
            ticking = Ticking(AsyncMock(take=AsyncMock(return_value=True)), producer, topic)
            await ticking.run_once()
            await asyncio.to_thread(admin.create_partitions, {topic: 5})
            while len(await producer.partitions_for(topic)) < 5:  # noqa: ASYNC110 - the client learns of them by itself
                await asyncio.sleep(0.02)
            await ticking.run_once()

    asyncio.run(asyncio.wait_for(story(), 30))
    consumer = KafkaConsumer(bootstrap_servers=settings.kafka.bootstrap_servers)
    ends = consumer.end_offsets([TopicPartition(topic, number) for number in range(5)])
    consumer.close()
    assert {place.partition: end for place, end in ends.items()} == {0: 2, 1: 2, 2: 2, 3: 1, 4: 1}
