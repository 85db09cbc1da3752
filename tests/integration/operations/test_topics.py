"""`elan topics create` makes what is missing, verifies what is there, and changes nothing."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from kafka.admin import ConfigResource

from pipeline.kafka_clients import kafka_admin

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from kafka import KafkaAdminClient
    from typer.testing import Result

    from pipeline.settings import Settings

    Elan = Callable[..., Result]


@pytest.fixture
def admin(settings: Settings) -> Iterator[KafkaAdminClient]:
    client = kafka_admin(settings)
    yield client
    client.close()


def modified(admin: KafkaAdminClient, topic: str) -> dict[str, str]:
    found = admin.describe_configs([ConfigResource("topic", topic)])
    return {name: config["value"] for name, config in found["topic"][topic].items()}


def test_the_three_topics_are_made_as_they_should_be(elan: Elan, admin: KafkaAdminClient, settings: Settings) -> None:
    result = elan("topics", "create")
    assert (result.exit_code, result.stderr) == (0, "")
    kafka = settings.kafka
    names = [kafka.activity_topic, kafka.dead_letter_topic, kafka.alerts_topic]
    assert {topic["name"]: len(topic["partitions"]) for topic in admin.describe_topics(names)} == dict(
        zip(names, (3, 1, 1), strict=True)
    )
    day_milliseconds = 24 * 3600 * 1000
    assert modified(admin, kafka.activity_topic)["retention.ms"] == str(400 * day_milliseconds)
    assert modified(admin, kafka.dead_letter_topic)["retention.ms"] == str(35 * day_milliseconds)
    assert modified(admin, kafka.alerts_topic)["cleanup.policy"] == "compact"


def test_a_second_time_they_are_verified_only(elan: Elan, settings: Settings) -> None:
    elan("topics", "create")
    result = elan("topics", "create")
    assert result.exit_code == 0
    assert f"exists: {settings.kafka.activity_topic}, 3 partitions" in result.stdout


def test_another_number_of_partitions_is_told(elan: Elan, settings: Settings) -> None:
    elan("topics", "create")
    result = elan("topics", "create", ELAN_KAFKA_PARTITIONS="4")
    assert result.exit_code == 1
    assert f"{settings.kafka.activity_topic} has 3 partitions, the settings say 4" in result.stderr


def test_a_topic_that_forgets_too_early_is_a_warning(elan: Elan, admin: KafkaAdminClient, settings: Settings) -> None:
    options = {"num_partitions": 3, "replication_factor": 1, "configs": {"retention.ms": "1000000"}}
    admin.create_topics({settings.kafka.activity_topic: options})
    result = elan("topics", "create")
    assert result.exit_code == 0
    assert "has retention.ms = 1000000, 34560000000 is recommended" in result.stderr


def test_more_copies_than_brokers_are_refused_in_one_sentence(elan: Elan) -> None:
    result = elan("topics", "create", ELAN_KAFKA_REPLICATION_FACTOR="3")
    assert result.exit_code == 3
    assert result.stderr.count("\n") == 1
