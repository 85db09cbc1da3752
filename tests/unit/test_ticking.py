from __future__ import annotations

import asyncio
import logging
from typing import Any
from unittest.mock import AsyncMock

import pytest
from aiokafka import TopicPartition
from aiokafka.errors import KafkaConnectionError
from aiokafka.structs import RecordMetadata

from pipeline.errors import RetryLater
from pipeline.ticking import LOG_APPEND_TIME, Ticking

NOON = 1_772_020_800.0
DAY = 86_400.0
CREATE_TIME = 0


def ticking() -> Ticking:
    none: Any = None
    return Ticking(none, none, "esn")


def stamped(seconds: float | None, kind: int = LOG_APPEND_TIME) -> RecordMetadata:
    milliseconds = None if seconds is None else int(seconds * 1000)
    return RecordMetadata("esn", 0, TopicPartition("esn", 0), 7, milliseconds, kind, 0)


def test_a_clock_that_agrees_with_the_brokers_is_followed() -> None:
    # A second of the way there is no error.
    one = ticking()
    one._compare(NOON, [stamped(NOON + 1)])
    assert one._ahead_seconds == 0


@pytest.mark.parametrize("ahead_seconds", [DAY, -DAY])
def test_a_clock_a_day_off_is_corrected_and_told_once(ahead_seconds: float, caplog: pytest.LogCaptureFixture) -> None:
    one = ticking()
    with caplog.at_level(logging.WARNING):
        one._compare(NOON + ahead_seconds, [stamped(NOON)])
        one._compare(NOON + 60 + ahead_seconds, [stamped(NOON + 60)])
    assert one._ahead_seconds == ahead_seconds
    assert len(caplog.records) == 1


def test_a_clock_that_was_set_right_is_followed_again() -> None:
    one = ticking()
    one._compare(NOON + DAY, [stamped(NOON)])
    one._compare(NOON + 60, [stamped(NOON + 60)])
    assert one._ahead_seconds == 0


def test_of_several_brokers_the_one_furthest_ahead_counts() -> None:
    one = ticking()
    one._compare(NOON, [stamped(NOON), stamped(NOON - DAY)])
    assert one._ahead_seconds == 0


@pytest.mark.parametrize("unsaid", [stamped(NOON, CREATE_TIME), stamped(None), stamped(-0.001)])
def test_brokers_that_do_not_stamp_correct_nothing(unsaid: RecordMetadata) -> None:
    one = ticking()
    one._compare(NOON + DAY, [unsaid])
    assert one._ahead_seconds == 0


def test_a_worker_that_cannot_write_leaves_the_clock_to_others_for_a_while() -> None:
    # fails | left to others, twice | tries again
    lease = AsyncMock(take=AsyncMock(return_value=True))
    producer = AsyncMock(partitions_for=AsyncMock(return_value={0}), send=AsyncMock(side_effect=KafkaConnectionError))
    one = Ticking(lease, producer, "esn")

    async def turns() -> list[bool | None]:
        found: list[bool | None] = []
        for _ in range(4):
            try:
                found.append(await one.run_once())
            except RetryLater:  # noqa: PERF203 - what the test is about
                found.append(None)
        return found

    assert asyncio.run(turns()) == [None, False, False, None]
    assert lease.give_back.await_count == 2
