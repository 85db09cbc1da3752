"""The AsyncAPI document points at what is there and names the topics as the settings do."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
import yaml

from pipeline.kafka_topics import wanted_topics
from pipeline.settings import Settings
from tests.contract.published import FAMILIES, SCHEMAS

if TYPE_CHECKING:
    from collections.abc import Iterator

DOCUMENT = yaml.safe_load((SCHEMAS / "asyncapi.yaml").read_text(encoding="utf-8"))
CHANNELS: dict[str, Any] = DOCUMENT["channels"]


def references(part: Any) -> Iterator[str]:
    """Every `$ref` below a part of the document."""
    if isinstance(part, dict):
        if "$ref" in part:
            yield part["$ref"]
        for each in part.values():
            yield from references(each)
    elif isinstance(part, list):
        for each in part:
            yield from references(each)


def resolved(reference: str) -> Any:
    """What a reference points at, one step; raises KeyError or OSError where it points at nothing."""
    file, _, pointer = reference.partition("#")
    found = json.loads((SCHEMAS / file).read_text(encoding="utf-8")) if file else DOCUMENT
    for step in pointer.split("/")[1:]:
        found = found[step]
    return found


def test_it_has_the_parts_of_asyncapi_3() -> None:
    assert DOCUMENT["asyncapi"] == "3.0.0"
    assert {"title", "version"} <= DOCUMENT["info"].keys()
    for channel in CHANNELS.values():
        assert {"address", "messages", "bindings"} <= channel.keys()
    for operation in DOCUMENT["operations"].values():
        assert operation["action"] in {"send", "receive"}
        assert resolved(operation["channel"]["$ref"]) in CHANNELS.values()
    for message in DOCUMENT["components"]["messages"].values():
        assert {"name", "contentType", "payload", "bindings"} <= message.keys()


@pytest.mark.parametrize("reference", sorted(set(references(DOCUMENT))))
def test_a_reference_points_at_something(reference: str) -> None:
    assert resolved(reference)


def test_every_schema_is_used() -> None:
    files = {reference.partition("#")[0] for reference in references(DOCUMENT)}

    assert files - {""} == {f"{family}.v1.schema.json" for family in FAMILIES}


def test_an_operation_offers_only_messages_of_its_channel() -> None:
    for operation in DOCUMENT["operations"].values():
        channel = operation["channel"]["$ref"]
        for message in operation.get("messages", []):
            assert message["$ref"].startswith(f"{channel}/messages/")


def test_channels_are_the_topics_that_are_created_by_default() -> None:
    described = {}
    for channel in CHANNELS.values():
        binding = channel["bindings"]["kafka"]
        assert binding["topic"] == channel["address"]
        configs = {
            name: ",".join(value) if isinstance(value, list) else str(value)
            for name, value in binding["topicConfiguration"].items()
        }
        described[channel["address"]] = (binding["partitions"], configs)

    assert described == {topic.name: (topic.partitions, topic.configs) for topic in wanted_topics(Settings())}
    assert {channel["bindings"]["kafka"]["replicas"] for channel in CHANNELS.values()} == {
        Settings().kafka.replication_factor
    }


def test_the_addresses_are_the_topics_of_the_settings() -> None:
    kafka = Settings().kafka

    assert {name: channel["address"] for name, channel in CHANNELS.items()} == {
        "activities": kafka.activity_topic,
        "deadLetters": kafka.dead_letter_topic,
        "alerts": kafka.alerts_topic,
    }
