"""Where partitions stand, in Redis: never undone by a write that arrives late, and missed where Redis has lost it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import redis
import redis.asyncio

from pipeline.errors import Rewind, Stop
from pipeline.windows.redis_progress import RedisProgress, Standing

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

NAME = "activity:0"


def at(offset: int) -> Standing:
    return Standing(offset, None, None, float(offset), "id")


def with_workers(url: str, check: Callable[[RedisProgress, RedisProgress], Awaitable[None]]) -> None:
    async def run() -> None:
        async with redis.asyncio.Redis.from_url(url) as client:
            await check(RedisProgress(client, "elan"), RedisProgress(client, "elan"))

    asyncio.run(run())


def test_a_write_that_comes_late_does_not_undo_a_later_one(valkey_url: str) -> None:
    # one 100 ............ 150, late
    # two ---- 200 ---- 300
    async def check(one: RedisProgress, two: RedisProgress) -> None:
        await one.stand(NAME, at(100))
        two.go_on_from(await two.standings())
        await two.stand(NAME, at(200))
        await one.stand(NAME, at(150))
        assert await two.standings() == {NAME: at(200)}
        await two.stand(NAME, at(300))
        assert await two.standings() == {NAME: at(300)}

    with_workers(valkey_url, check)


def test_a_partition_that_stands_further_back_than_it_did_is_said(valkey_url: str) -> None:
    # 100, 200 | back to 100, as after a power cut | 300 is refused
    async def check(one: RedisProgress, other: RedisProgress) -> None:
        await one.stand(NAME, at(100))
        await one.stand(NAME, at(200))
        await other.stand_back(NAME, at(100))
        with pytest.raises(Rewind, match="counted to offset 200, now it says 100"):
            await one.stand(NAME, at(300))
        assert await one.standings() == {NAME: at(100)}
        one.go_on_from(await one.standings())
        await one.stand(NAME, at(300))
        assert await one.standings() == {NAME: at(300)}

    with_workers(valkey_url, check)


def test_a_partition_that_is_gone_is_said(valkey_url: str) -> None:
    async def check(one: RedisProgress, _: RedisProgress) -> None:
        await one.stand(NAME, at(100))
        async with redis.asyncio.Redis.from_url(valkey_url) as client:
            await client.flushall()
        with pytest.raises(Rewind, match="counted to offset 100, now it says 0"):
            await one.stand(NAME, at(200))
        assert await one.standings() == {}

    with_workers(valkey_url, check)


def test_windows_of_another_layout_are_refused_and_left_as_they_are(valkey_url: str) -> None:
    # a version before this one | this one
    async def check(one: RedisProgress, _: RedisProgress) -> None:
        with redis.Redis.from_url(valkey_url) as client:
            client.hset("elan:layout", mapping={"version": "1", "shards": "4", "topic": "activity"})
            with pytest.raises(Stop, match=r"another version of Élan.*choose another redis\.namespace"):
                await one.claim_layout(4, "activity")
            assert client.hget("elan:layout", "version") == b"1"

    with_workers(valkey_url, check)
