from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from aiokafka import AIOKafkaConsumer, AIOKafkaProducer

from pipeline.errors import RetryLater
from pipeline.ingest import dead_letters
from pipeline.ingest.dead_letters import DeadLetter, KafkaDeadLetterWriter
from pipeline.model import Reason
from tests.integration.ingest.conftest import create_topic

if TYPE_CHECKING:
    from collections.abc import Callable


def letter(offset: int, value: bytes | None) -> DeadLetter:
    return DeadLetter(Reason.NOT_JSON, "not UTF-8", "esn", 3, offset, b"key", value, (("own", b"\xfe"),))


async def written(
    bootstrap: str, topic: str, letters: list[DeadLetter], most_bytes: int | None = None
) -> dict[int, Any]:
    """Offset -> what a reader finds of its letter; the topic may take fewer bytes at a time than usual."""
    await create_topic(bootstrap, topic, {} if most_bytes is None else {"max.message.bytes": str(most_bytes)})
    async with AIOKafkaProducer(bootstrap_servers=bootstrap, acks="all") as producer:
        await KafkaDeadLetterWriter(producer, topic).write(letters)
    found: dict[int, Any] = {}
    async with AIOKafkaConsumer(topic, bootstrap_servers=bootstrap, auto_offset_reset="earliest") as consumer:
        while len(found) < len(letters):
            record = await asyncio.wait_for(consumer.getone(), 20)
            found[int(dict(record.headers)["elan-offset"])] = record
    return found


def test_a_reader_finds_the_bytes_untouched_and_where_they_came_from(
    kafka_bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    found = asyncio.run(written(kafka_bootstrap, fresh_topic("dead"), [letter(1, b"\x00\xff"), letter(2, None)]))

    assert (found[1].value, found[1].key) == (b"\x00\xff", b"key")
    assert dict(found[1].headers) == {
        "own": b"\xfe",
        "elan-reason": b"not_json",
        "elan-detail": b"not UTF-8",
        "elan-topic": b"esn",
        "elan-partition": b"3",
        "elan-offset": b"1",
    }
    assert found[2].value == b""
    assert dict(found[2].headers)["elan-value-null"] == b"true"


def test_a_record_too_large_for_a_letter_is_named_instead_of_blocking_the_partition(
    kafka_bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    found = asyncio.run(written(kafka_bootstrap, fresh_topic("large"), [letter(1, b"x" * 1_048_576)]))

    assert found[1].value == b""
    assert dict(found[1].headers)["elan-value-omitted"] == b"1048576"


def test_letters_that_are_too_large_only_together_are_all_kept_whole(
    kafka_bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    # the topic takes 1,500 bytes at a time, the producer puts 16 kB into one request
    letters = [letter(offset, bytes([offset]) * 900) for offset in range(12)]
    found = asyncio.run(written(kafka_bootstrap, fresh_topic("together"), letters, most_bytes=1_500))

    assert {offset: record.value for offset, record in found.items()} == {each.offset: each.value for each in letters}


def test_a_letter_keeps_what_its_topic_takes(kafka_bootstrap: str, fresh_topic: Callable[[str], str]) -> None:
    large_value = letter(1, b"x" * 5_000)
    large_headers = msgspec.structs.replace(letter(2, b"x"), headers=(("own", b"y" * 5_000),))
    letters = [large_value, large_headers, letter(3, b"x")]
    found = asyncio.run(written(kafka_bootstrap, fresh_topic("small"), letters, most_bytes=1_500))

    assert (found[1].value, found[1].key) == (b"", b"key")
    assert dict(found[1].headers)["own"] == b"\xfe"
    assert dict(found[1].headers)["elan-value-omitted"] == b"5000"
    assert (found[2].value, found[2].key) == (b"", None)
    assert "own" not in dict(found[2].headers)
    assert dict(found[2].headers)["elan-value-omitted"] == b"1"
    assert found[3].value == b"x"


def test_a_key_or_headers_too_large_for_a_letter_are_counted_instead_of_blocking_the_partition(
    kafka_bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    large = bytes(1_048_576)
    letters = [
        msgspec.structs.replace(letter(1, b"x"), key=large),
        msgspec.structs.replace(letter(2, b"x"), headers=(("own", large), ("none", None))),
    ]
    found = asyncio.run(written(kafka_bootstrap, fresh_topic("huge"), letters))

    for offset, key_bytes, headers in ((1, b"1048576", b"1"), (2, b"3", b"2")):
        told = dict(found[offset].headers)
        assert (found[offset].key, found[offset].value) == (None, b"")
        assert (told["elan-value-omitted"], told["elan-key-omitted"]) == (b"1", key_bytes)
        assert told["elan-headers-omitted"] == headers
        assert told["elan-reason"] == b"not_json"
        assert "own" not in told


def test_a_topic_that_cannot_be_written_is_tried_later(
    kafka_bootstrap: str, fresh_topic: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(dead_letters, "WRITE_TIMEOUT_SECONDS", 0.5)

    async def story() -> None:
        producer = AIOKafkaProducer(bootstrap_servers=kafka_bootstrap)
        await producer.start()
        await producer.stop()
        with pytest.raises(RetryLater, match="Dead letters cannot be written"):
            await KafkaDeadLetterWriter(producer, fresh_topic("closed")).write([letter(1, b"x")])

    asyncio.run(story())
