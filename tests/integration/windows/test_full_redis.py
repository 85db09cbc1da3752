"""A Redis whose memory ends: a batch is refused before anything of it is written, or it is written to its end."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import redis
import redis.asyncio

from pipeline.errors import RetryLater
from pipeline.model import Kind, trusted_activity
from pipeline.windows.aggregate import Aggregator
from pipeline.windows.columns import KIND_COLUMN
from pipeline.windows.redis_store import RedisStore
from tests.servers.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.model import TrustedActivity

START = 1_700_000_000
DAY = 86_400
COMMUNITIES = 200
LATER_DAYS = 390
"""Makes each ring grow to its full length: some kilobytes, for a few bytes of the batch."""
STEPS = 12


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """Give a server of the test's own, whose memory it may take away."""
    server = Valkey(tmp_path / "redis").start()
    yield server
    server.stop()


def batch(first: int, day: int) -> list[TrustedActivity]:
    """One activity of each of many communities, all in one shard: one script with more than a thousand writes."""
    return [
        trusted_activity(
            first + number, START + day * DAY, KIND_COLUMN[Kind.POST], "acme", f"community-{number}", "0123456789a"
        )
        for number in range(COMMUNITIES)
    ]


def content(client: redis.Redis) -> dict[bytes, object]:
    """Every key and what it holds."""
    found: dict[bytes, object] = {}
    for key in client.scan_iter(count=1_000):
        kind = client.type(key)
        found[key] = (
            client.get(key) if kind == b"string" else client.smembers(key) if kind == b"set" else client.hgetall(key)
        )
    return found


async def count(url: str, activities: list[TrustedActivity]) -> bool:
    """Count a batch; False where Redis is full."""
    shards = Aggregator(1, lambda _: "UTC").add(activities)
    async with redis.asyncio.Redis.from_url(url) as client:
        store = RedisStore(client, "elan", 1)
        try:
            await store.apply("topic:0", activities[0][0], activities[-1][0] + 1, shards)
        except RetryLater:
            return False
        return True


def test_no_batch_is_half_written_wherever_the_memory_ends(own_valkey: Valkey) -> None:
    # memory ends:  before the batch |<- somewhere in it, in small steps ->| after it
    url, first, second = own_valkey.url, batch(0, 0), batch(COMMUNITIES, LATER_DAYS)
    with redis.Redis.from_url(url) as client:
        assert asyncio.run(count(url, first))
        before, used = content(client), used_memory(client)
        assert asyncio.run(count(url, second))
        after, growth = content(client), used_memory(client) - used
        counted = refused = crossed = 0
        for step in range(-2, STEPS):
            client.config_set("maxmemory", 0)
            client.flushall()
            assert asyncio.run(count(url, first))
            limit = used_memory(client) + growth * step // STEPS
            client.config_set("maxmemory", limit)
            is_counted = asyncio.run(count(url, second))
            assert content(client) == (after if is_counted else before), f"memory ended {step}/{STEPS} into the batch"
            counted += is_counted
            refused += not is_counted
            crossed += is_counted and used_memory(client) > limit
    assert counted > 0
    assert refused > 0
    assert crossed > STEPS // 2, "the limit was to be crossed on the way"


def used_memory(client: redis.Redis) -> int:
    return int(client.info("memory")["used_memory"])
