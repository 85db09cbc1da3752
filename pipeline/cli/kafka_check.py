"""Is Kafka there, and are the topics as they should be?"""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.cli.finding import Finding, ok, warning, wrong
from pipeline.errors import ElanError
from pipeline.kafka_clients import kafka_admin
from pipeline.kafka_topics import (
    WantedTopic,
    asking_kafka,
    configs_of,
    differing_configs,
    partitions_of,
    wanted_topics,
    wrong_partitions,
)

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka import KafkaAdminClient

    from pipeline.settings import Settings


def check_kafka(settings: Settings) -> Iterator[Finding]:
    """The broker, then each topic."""
    try:
        admin = kafka_admin(settings)
    except ElanError as error:
        yield wrong("Kafka", str(error))
        return
    try:
        yield from _broker(admin, settings)
        partitions = partitions_of(admin, settings)
        for topic in wanted_topics(settings):
            yield from _topic(admin, topic, partitions.get(topic.name), settings)
    except ElanError as error:
        yield wrong("Kafka", str(error))
    finally:
        admin.close()


def _broker(admin: KafkaAdminClient, settings: Settings) -> Iterator[Finding]:
    with asking_kafka(settings):
        brokers = admin.describe_cluster()["brokers"]
        version = admin.get_broker_version_data(brokers[0]["broker_id"]).broker_version
    number = ".".join(str(part) for part in version)
    yield ok("Kafka", f"{len(brokers)} broker(s) at {settings.kafka.bootstrap_servers}, protocol of Kafka {number}")
    if settings.kafka.replication_factor > len(brokers):
        yield wrong(
            "Kafka",
            f"kafka.replication_factor {settings.kafka.replication_factor} needs as many brokers, "
            f"there are {len(brokers)}: lower it or add brokers.",
        )


def _topic(
    admin: KafkaAdminClient, topic: WantedTopic, partitions: int | None, settings: Settings
) -> Iterator[Finding]:
    if partitions is None:
        yield wrong("topic", f"{topic.name} does not exist: create it with `elan topics create`.")
        return
    sentence = wrong_partitions(topic, partitions, settings)
    if sentence is not None:
        yield wrong("topic", sentence)
    configs = configs_of(admin, topic.name)
    if "cleanup.policy" not in configs:
        yield warning("topic", f"{topic.name}: the broker does not tell its configuration; look at retention yourself.")
        return
    differing = differing_configs(topic, configs)
    yield from (warning("topic", each) for each in differing)
    if sentence is None and not differing:
        policy = ", ".join(f"{name} = {configs[name]}" for name in topic.configs if name in configs)
        yield ok("topic", f"{topic.name}: {partitions} partition(s), {policy}")
