"""A network as a whole, measured on the windows in Redis as on those in memory."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import redis.asyncio

from pipeline.lab.network_picture import network_picture
from pipeline.settings import Settings
from pipeline.windows.memory_store import MemoryStore
from pipeline.windows.redis_store import RedisStore
from tests.integration.windows.test_stores_agree import SHARDS, activity, boundaries_of, feed, numbered

if TYPE_CHECKING:
    from pipeline.lab.network_picture import NetworkPicture
    from pipeline.windows.store import WindowStore


def test_the_picture_from_redis_is_that_of_the_same_activities_in_memory(valkey_url: str) -> None:
    # four activities a day for 100 days: two of c0, one of c1, one of c2
    log = numbered([activity(0, n // 4, f"m{n % 6}", community=f"c{n % 4 if n % 4 < 3 else 0}") for n in range(400)])

    async def picture(store: WindowStore) -> NetworkPicture:
        await feed(store, log, [150])
        return await network_picture(
            store, "acme", range(SHARDS), boundaries_of(log)[0], readings=[], settings=Settings()
        )

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            found = await picture(RedisStore(client, "elan", SHARDS))
        finally:
            await client.aclose()
        assert found == await picture(MemoryStore())
        concentrated = found.concentration[91]
        assert concentrated is not None
        assert (found.communities, concentrated.activities, concentrated.top_share) == (3, 364, 0.5)

    asyncio.run(run())
