"""What is read of the dead-letter topic."""

from __future__ import annotations

from types import SimpleNamespace
from typing import Any, cast

import pytest
from kafka import TopicPartition

from pipeline.cli import dead_letter_log
from pipeline.cli.dead_letter_log import read_letter, records

PLACE = TopicPartition("dead", 0)


def record(at: int = 0, **headers: str) -> Any:
    named = [(f"elan-{name}", value.encode()) for name, value in headers.items()]
    return SimpleNamespace(topic=PLACE.topic, partition=0, offset=at, timestamp=0, key=None, value=b"", headers=named)


@pytest.mark.parametrize("offset", ["\u00b2", "-1", "", "9" * 30, "1.5"])
def test_a_record_whose_place_is_no_number_was_written_by_somebody_else(offset: str) -> None:
    assert read_letter(record(reason="empty", topic="t", partition="0", offset="7")) is not None
    assert read_letter(record(reason="empty", topic="t", partition="0", offset=offset)) is None


def test_what_the_reader_does_meanwhile_is_no_silence_of_kafka(monkeypatch: pytest.MonkeyPatch) -> None:
    # each record takes the reader longer than Kafka may be silent
    now = 0.0
    monkeypatch.setattr(dead_letter_log, "monotonic_seconds", lambda: now)

    class Consumer:
        """Gives one record a poll, of three."""

        offset = 0

        def assign(self, _: object) -> None: ...

        def seek(self, _: object, offset: int) -> None:
            self.offset = offset

        def poll(self, **_: object) -> dict[TopicPartition, list[Any]]:
            self.offset += 1
            return {PLACE: [record(self.offset - 1)]}

        def highwater(self, _: object) -> int:
            return 3

        def position(self, _: object) -> int:
            return self.offset

    found = []
    for each in records(cast("Any", Consumer()), {PLACE: 0}):
        found.append(each.offset)
        now += 2 * dead_letter_log.PATIENCE_SECONDS
    assert found == [0, 1, 2]
