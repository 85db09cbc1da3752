from __future__ import annotations

import asyncio

import pytest
import redis.asyncio

from pipeline.errors import Stop
from pipeline.windows.redis_instance import InstanceName


def test_the_newest_has_the_name_and_the_older_is_told_to_stop(valkey_url: str) -> None:
    # older claims .... newer claims .... Redis forgets everything
    async def story() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        older, newer = InstanceName(client, "ns", "worker-0"), InstanceName(client, "ns", "worker-0")
        await older.claim()
        await older.verify()
        await InstanceName(client, "ns", "worker-1").claim()
        await newer.claim()
        await newer.verify()
        with pytest.raises(Stop, match="Another worker was started as 'worker-0'"):
            await older.verify()
        await client.flushdb()
        await newer.verify()
        with pytest.raises(Stop):
            await older.verify()
        await client.aclose()

    asyncio.run(story())


def test_without_a_name_nothing_is_claimed(valkey_url: str) -> None:
    async def story() -> int:
        client = redis.asyncio.Redis.from_url(valkey_url)
        nameless = InstanceName(client, "ns", None)
        await nameless.claim()
        await nameless.verify()
        keys = int(await client.dbsize())
        await client.aclose()
        return keys

    assert asyncio.run(story()) == 0
