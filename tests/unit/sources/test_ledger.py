"""The importer's own memory, in a real Valkey."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import redis
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.errors import ServerError
from pipeline.sources.ledger import HASH_BYTES, RedisLedger, activity_hash
from tests.unit.sources.made_exports import START, an_activity

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as opened:
        yield opened


# 4 March ... 7 March, 8 activities a day
WEEK = [an_activity(number, time=START + timedelta(hours=3 * number)) for number in range(30)]


def test_what_was_remembered_is_not_unseen_even_by_a_later_importer(client: redis.Redis) -> None:
    first = RedisLedger(client, "elan")
    assert first.unseen("acme", WEEK[:20]) == WEEK[:20]
    first.remember("acme", WEEK[:20])
    later = RedisLedger(client, "elan")
    assert later.unseen("acme", WEEK) == WEEK[20:]


def test_asking_remembers_nothing(client: redis.Redis) -> None:
    # A crash before the broker's acknowledgement: the same chunk is asked for again.
    RedisLedger(client, "elan").unseen("acme", WEEK)
    assert RedisLedger(client, "elan").unseen("acme", WEEK) == WEEK
    assert client.dbsize() == 0


def test_chunks_that_share_a_day_are_remembered_together(client: redis.Redis) -> None:
    ledger = RedisLedger(client, "elan")
    for start in range(0, len(WEEK), 3):
        chunk = WEEK[start : start + 3]
        assert ledger.unseen("acme", chunk) == chunk
        ledger.remember("acme", chunk)
    assert RedisLedger(client, "elan").unseen("acme", WEEK) == []


def test_one_id_twice_in_a_chunk_is_unseen_once(client: redis.Redis) -> None:
    twice = [an_activity(1), an_activity(2), an_activity(1, community="elsewhere")]
    assert RedisLedger(client, "elan").unseen("acme", twice) == twice[:2]


def test_platform_network_and_namespace_keep_ids_apart(client: redis.Redis) -> None:
    RedisLedger(client, "elan").remember("acme", [an_activity(1, platform="slack")])
    assert RedisLedger(client, "elan").unseen("acme", [an_activity(1, platform="zulip")])
    assert RedisLedger(client, "elan").unseen("other", [an_activity(1, platform="slack", network="other")])
    assert RedisLedger(client, "test").unseen("acme", [an_activity(1, platform="slack")])
    assert not RedisLedger(client, "elan").unseen("acme", [an_activity(1, platform="slack")])


def test_an_activity_takes_eight_bytes_under_its_network_and_day(client: redis.Redis) -> None:
    RedisLedger(client, "elan").remember("acme", WEEK)
    keys = sorted(client.scan_iter())
    assert keys == [f"elan:{{imports}}:acme:2024-03-0{day}".encode() for day in (4, 5, 6, 7, 8)]
    assert sum(client.strlen(key) for key in keys) == HASH_BYTES * len(WEEK)
    assert client.getrange(keys[0], 0, HASH_BYTES - 1) == activity_hash(WEEK[0])


def test_only_the_days_of_the_present_chunk_are_held(client: redis.Redis) -> None:
    ledger = RedisLedger(client, "elan")
    for activity in WEEK:
        ledger.unseen("acme", [activity])
        ledger.remember("acme", [activity])
    assert len(ledger._known) == 1


def test_a_ledger_that_cannot_be_reached_says_so() -> None:
    away = RedisLedger(redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)), "elan")
    with pytest.raises(ServerError, match="ledger of imports in Redis cannot be used"):
        away.unseen("acme", WEEK)
    with pytest.raises(ServerError, match="start or reach Redis"):
        away.remember("acme", WEEK)
