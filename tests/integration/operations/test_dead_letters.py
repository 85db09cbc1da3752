"""`elan dead-letters`: letters are listed without their content, and put back untouched, each once."""

from __future__ import annotations

import asyncio
from contextlib import closing
from typing import TYPE_CHECKING, Any

import orjson
import pytest

from pipeline import kafka_clients
from pipeline.cli.dead_letter_log import partitions_of_topic, records
from pipeline.ingest.dead_letters import DeadLetter, KafkaDeadLetterWriter
from pipeline.ingest.decode import SwollenBatch
from pipeline.kafka_clients import aiokafka_producer, kafka_admin, kafka_consumer, kafka_producer
from pipeline.model import Reason

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    from pipeline.settings import Settings

    Elan = Callable[..., Result]


@pytest.fixture
def environ(environ: dict[str, str], valkey_url: str) -> dict[str, str]:
    """Give the variables of a deployment that has a Redis too."""
    return {**environ, "ELAN_REDIS_URL": valkey_url}


@pytest.fixture
def letters(elan: Elan, settings: Settings) -> list[DeadLetter]:
    """Give five letters that lie in the dead-letter topic, beside a record that somebody else wrote there."""
    elan("topics", "create")
    topic = settings.kafka.activity_topic
    written = [
        DeadLetter(Reason.NOT_JSON, "no JSON", topic, 2, 17, b"acme/general", b"\xff{canary", (("trace", b"00-1"),)),
        DeadLetter(Reason.BAD_TIME, "no time", topic, 0, 18, None, b"[red]canary"),
        DeadLetter(Reason.EMPTY, "nothing", topic, 1, 19, b"acme/general", None),
        DeadLetter(Reason.BAD_TIME, "no time", topic, 0, 20, b"acme/general", b"second"),
        DeadLetter(Reason.TOO_LARGE, "a batch", topic, 1, 21, None, SwollenBatch(b"canary")),
    ]
    asyncio.run(write(settings, written))
    producer = kafka_producer(settings)
    producer.send(settings.kafka.dead_letter_topic, b"not by a worker").get(10)
    producer.close()
    return written


async def write(settings: Settings, letters: list[DeadLetter]) -> None:
    async with aiokafka_producer(settings) as producer:
        writer = KafkaDeadLetterWriter(producer, settings.kafka.dead_letter_topic)
        for letter in letters:
            await writer.write([letter])


def put_back(settings: Settings) -> list[tuple[Any, ...]]:
    """Return (partition, key, value, headers) of all records in the activity topic."""
    consumer = kafka_consumer(settings)
    places = partitions_of_topic(consumer, settings.kafka.activity_topic)
    found = [(r.partition, r.key, r.value, list(r.headers)) for r in records(consumer, dict.fromkeys(places, 0))]
    consumer.close()
    return sorted(found, key=lambda record: (record[0], record[2]))


NOT_JSON = (2, b"acme/general", b"\xff{canary", [("trace", b"00-1")])
BAD_TIME: list[tuple[Any, ...]] = [(0, None, b"[red]canary", []), (0, b"acme/general", b"second", [])]


@pytest.mark.usefixtures("letters")
def test_the_list_says_why_and_from_where_but_not_what(elan: Elan, settings: Settings) -> None:
    result = elan("dead-letters", "list")
    assert result.exit_code == 0
    assert "5 dead letters: 2 bad_time, 1 not_json, 1 empty, 1 too_large." in result.stdout
    assert f"{settings.kafka.activity_topic}:2:17" in result.stdout
    assert "canary" not in result.stdout
    assert "acme" not in result.stdout


@pytest.mark.usefixtures("letters")
def test_the_content_is_shown_to_who_asks_for_it(elan: Elan) -> None:
    result = elan("dead-letters", "list", "--json", "--show-content", "--reason", "bad_time", "--limit", "1")
    (row,) = map(orjson.loads, result.stdout.splitlines())
    assert (row["reason"], row["detail"], row["bytes"], row["value"]) == ("bad_time", "no time", 6, "second")


@pytest.mark.usefixtures("letters")
def test_letters_are_put_back_untouched_and_once(elan: Elan, settings: Settings) -> None:
    first, second = elan("dead-letters", "replay"), elan("dead-letters", "replay")
    assert (first.exit_code, second.exit_code) == (0, 0)
    assert "3 put back\n" in first.stdout
    assert "2 left: it holds no record that could be put back\n" in first.stdout
    assert "1 left: not written by a worker\n" in first.stdout
    assert second.stdout == "There is nothing to put back.\n"
    assert put_back(settings) == [*BAD_TIME, NOT_JSON]


@pytest.mark.usefixtures("letters")
def test_nothing_is_put_back_twice_when_the_broker_has_forgotten_all_groups(elan: Elan, settings: Settings) -> None:
    elan("dead-letters", "replay")
    # as it does a week after the last commit of a group without members
    with closing(kafka_admin(settings)) as admin:
        groups = [group["group_id"] for group in admin.list_groups()]
        admin.delete_groups([group for group in groups if group.startswith(settings.kafka.group)])
    assert elan("dead-letters", "replay").stdout == "There is nothing to put back.\n"
    assert put_back(settings) == [*BAD_TIME, NOT_JSON]


def test_letters_of_a_topic_made_anew_are_put_back(elan: Elan, settings: Settings, letters: list[DeadLetter]) -> None:
    elan("dead-letters", "replay")
    with closing(kafka_admin(settings)) as admin:
        admin.delete_topics([settings.kafka.dead_letter_topic])
    elan("topics", "create")
    asyncio.run(write(settings, letters[:1]))
    assert elan("dead-letters", "replay").stdout == "1 put back\n"
    assert put_back(settings) == [*BAD_TIME, NOT_JSON, NOT_JSON]


@pytest.mark.usefixtures("letters")
def test_without_redis_nothing_is_put_back_and_it_ends_with_3(elan: Elan, settings: Settings) -> None:
    result = elan("dead-letters", "replay", ELAN_REDIS_URL="redis://127.0.0.1:1/0")
    assert result.exit_code == 3
    assert "Redis at redis://127.0.0.1:1/0 cannot be reached" in result.stderr
    assert put_back(settings) == []


@pytest.mark.usefixtures("letters")
def test_a_dry_run_writes_nothing_and_remembers_nothing(elan: Elan, settings: Settings) -> None:
    assert "3 put back\n" in elan("dead-letters", "replay", "--dry-run").stdout
    assert put_back(settings) == []
    assert "3 put back\n" in elan("dead-letters", "replay").stdout


@pytest.mark.usefixtures("letters")
def test_a_replay_of_one_reason_leaves_the_others_for_later(elan: Elan, settings: Settings) -> None:
    # not_json  bad_time  empty  bad_time
    #              1st             1st       --reason bad_time
    #    2nd                                 all
    assert "2 put back\n" in elan("dead-letters", "replay", "--reason", "bad_time").stdout
    assert put_back(settings) == BAD_TIME
    second = elan("dead-letters", "replay").stdout
    assert "1 put back\n" in second
    assert "2 put back before\n" in second
    assert put_back(settings) == [*BAD_TIME, NOT_JSON]


def test_letters_that_come_later_are_put_back_later(elan: Elan, settings: Settings, letters: list[DeadLetter]) -> None:
    elan("dead-letters", "replay")
    asyncio.run(write(settings, letters[:1]))
    assert elan("dead-letters", "replay").stdout == "1 put back\n"
    assert put_back(settings) == [*BAD_TIME, NOT_JSON, NOT_JSON]


def test_a_letter_larger_than_its_topic_takes_is_left_and_the_others_are_put_back_once(
    elan: Elan, settings: Settings
) -> None:
    elan("topics", "create")
    topic = settings.kafka.activity_topic
    # compressed, the activity topic had taken it
    values = [b"first", b"x" * 1_100_000, b"third"]
    letters = [DeadLetter(Reason.TOO_LARGE, "", topic, 0, offset, None, value) for offset, value in enumerate(values)]
    asyncio.run(write(settings, letters))

    first = elan("dead-letters", "replay")
    assert first.exit_code == 0
    assert first.stdout == "2 put back\n1 left: larger than the origin topic takes (max.message.bytes)\n"
    assert elan("dead-letters", "replay").stdout == "There is nothing to put back.\n"
    assert put_back(settings) == [(0, None, b"first", []), (0, None, b"third", [])]


def test_a_letter_larger_than_a_request_is_left(
    elan: Elan, settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    elan("topics", "create")
    letters = [
        DeadLetter(Reason.TOO_LARGE, "", settings.kafka.activity_topic, 0, 1, None, value)
        for value in (b"x" * 900, b"")
    ]
    asyncio.run(write(settings, letters))
    monkeypatch.setattr(kafka_clients, "LARGEST_REQUEST_BYTES", 500)
    assert "1 left: larger than the origin topic takes" in elan("dead-letters", "replay").stdout
    assert put_back(settings) == [(0, None, b"", [])]


def test_without_the_topic_it_ends_with_3(elan: Elan) -> None:
    result = elan("dead-letters", "list")
    assert result.exit_code == 3
    assert "elan topics create" in result.stderr
