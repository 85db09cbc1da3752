from __future__ import annotations

from pipeline.ingest.dead_letters import DeadLetter
from pipeline.ingest.decode import SwollenBatch
from pipeline.model import Reason


def letter(value: bytes | None) -> DeadLetter:
    return DeadLetter(Reason.SCHEMA, "$.id has the wrong type or form", "esn", 3, 41, b"k", value, (("own", b"1"),))


def test_the_origin_and_the_reason_follow_the_records_own_headers() -> None:
    assert letter(b"\xff").kafka_headers() == [
        ("own", b"1"),
        ("elan-reason", b"schema"),
        ("elan-detail", b"$.id has the wrong type or form"),
        ("elan-topic", b"esn"),
        ("elan-partition", b"3"),
        ("elan-offset", b"41"),
    ]
    assert letter(b"\xff").kafka_value() == b"\xff"


def test_a_null_value_is_told_apart_from_an_empty_one() -> None:
    assert letter(None).kafka_value() == letter(b"").kafka_value() == b""
    assert ("elan-value-null", b"true") in letter(None).kafka_headers()
    assert ("elan-value-null", b"true") not in letter(b"").kafka_headers()


def test_a_batch_that_was_not_unpacked_is_kept_as_it_is_stored_and_said_to_be_one() -> None:
    found = letter(SwollenBatch(b"\x00\x01"))
    assert found.kafka_value() == b"\x00\x01"
    assert ("elan-value-batch", b"true") in found.kafka_headers()
    assert "elan-value-batch" not in dict(letter(b"\x00\x01").kafka_headers())
