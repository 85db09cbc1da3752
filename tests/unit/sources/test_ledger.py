"""The importer's own memory, in a real Valkey."""

from __future__ import annotations

from datetime import timedelta
from typing import TYPE_CHECKING

import pytest
import redis
from hypothesis import HealthCheck, given
from hypothesis import settings as hypothesis_settings
from hypothesis import strategies as st
from redis.backoff import NoBackoff
from redis.retry import Retry

from pipeline.errors import ServerError
from pipeline.sources import topic_writer
from pipeline.sources.ledger import HASH_BYTES, RedisLedger, activity_hash
from pipeline.sources.ordering import time_and_id
from tests.unit.sources.made_exports import START, an_activity
from tests.unit.sources.test_topic_writer import RecordingProducer, write

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.model import Activity


@pytest.fixture
def client(valkey_url: str) -> Iterator[redis.Redis]:
    with redis.Redis.from_url(valkey_url) as opened:
        yield opened


# 4 March ... 7 March, 8 activities a day
WEEK = [an_activity(number, time=START + timedelta(hours=3 * number)) for number in range(30)]

SEVERAL_NETWORKS = st.lists(
    st.builds(
        lambda number, network, hours: an_activity(number, network=network, time=START + timedelta(hours=hours)),
        st.integers(0, 1000),
        st.sampled_from(["acme", "beta", "gamma"]),
        st.integers(0, 47),
    ),
    unique_by=lambda activity: (activity.network, activity.id),
    max_size=40,
)


def test_what_was_remembered_is_not_unseen_even_by_a_later_importer(client: redis.Redis) -> None:
    first = RedisLedger(client, "elan")
    assert first.unseen(WEEK[:20]) == WEEK[:20]
    first.remember(WEEK[:20])
    later = RedisLedger(client, "elan")
    assert later.unseen(WEEK) == WEEK[20:]


def test_asking_remembers_nothing(client: redis.Redis) -> None:
    # A crash before the broker's acknowledgement: the same chunk is asked for again.
    RedisLedger(client, "elan").unseen(WEEK)
    assert RedisLedger(client, "elan").unseen(WEEK) == WEEK
    assert client.dbsize() == 0


def test_chunks_that_share_a_day_are_remembered_together(client: redis.Redis) -> None:
    ledger = RedisLedger(client, "elan")
    for start in range(0, len(WEEK), 3):
        chunk = WEEK[start : start + 3]
        assert ledger.unseen(chunk) == chunk
        ledger.remember(chunk)
    assert RedisLedger(client, "elan").unseen(WEEK) == []


def test_one_id_twice_in_a_chunk_is_unseen_once(client: redis.Redis) -> None:
    twice = [an_activity(1), an_activity(2), an_activity(1, community="elsewhere")]
    assert RedisLedger(client, "elan").unseen(twice) == twice[:2]


@hypothesis_settings(suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(later=SEVERAL_NETWORKS, every=st.integers(2, 5), chunk=st.integers(1, 7))
def test_an_import_writes_what_is_new_and_nothing_else_whatever_the_networks_and_their_order(
    client: redis.Redis, later: list[Activity], every: int, chunk: int
) -> None:
    def written(activities: list[Activity]) -> int:
        return write(sorted(activities, key=time_and_id), RecordingProducer(), RedisLedger(client, "elan")).written

    client.flushall()
    # what is new may lie anywhere: a reaction of today carries the time of its message
    earlier = [activity for place, activity in enumerate(later) if place % every]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(topic_writer, "CHUNK_ACTIVITIES", chunk)
        assert [written(earlier), written(earlier)] == [len(earlier), 0]
        assert written(later) == len(later) - len(earlier)


def test_a_day_that_is_not_held_is_read_whole_when_it_is_asked_for(client: redis.Redis) -> None:
    RedisLedger(client, "elan").remember(WEEK[:4])
    ledger = RedisLedger(client, "elan")
    ledger.remember(WEEK[4:5])
    assert ledger.unseen(WEEK[:5]) == []


def test_platform_network_and_namespace_keep_ids_apart(client: redis.Redis) -> None:
    RedisLedger(client, "elan").remember([an_activity(1, platform="slack")])
    assert RedisLedger(client, "elan").unseen([an_activity(1, platform="zulip")])
    assert RedisLedger(client, "elan").unseen([an_activity(1, platform="slack", network="other")])
    assert RedisLedger(client, "test").unseen([an_activity(1, platform="slack")])
    assert not RedisLedger(client, "elan").unseen([an_activity(1, platform="slack")])


def test_an_activity_takes_eight_bytes_under_its_network_and_day(client: redis.Redis) -> None:
    RedisLedger(client, "elan").remember(WEEK)
    keys = sorted(client.scan_iter())
    assert keys == [f"elan:{{imports}}:acme:2024-03-0{day}".encode() for day in (4, 5, 6, 7, 8)]
    assert sum(client.strlen(key) for key in keys) == HASH_BYTES * len(WEEK)
    assert client.getrange(keys[0], 0, HASH_BYTES - 1) == activity_hash(WEEK[0])


def test_only_the_days_of_the_present_chunk_are_held(client: redis.Redis) -> None:
    ledger = RedisLedger(client, "elan")
    for activity in WEEK:
        ledger.unseen([activity])
        ledger.remember([activity])
    assert len(ledger._known) == 1


def test_a_ledger_that_cannot_be_reached_says_so() -> None:
    away = RedisLedger(redis.Redis(host="127.0.0.1", port=1, retry=Retry(NoBackoff(), 0)), "elan")
    with pytest.raises(ServerError, match="ledger of imports in Redis cannot be used"):
        away.unseen(WEEK)
    with pytest.raises(ServerError, match="start or reach Redis"):
        away.remember(WEEK)
