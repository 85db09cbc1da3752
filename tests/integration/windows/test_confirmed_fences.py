"""A node of a Cluster that knows less than it has confirmed, found by a process that has seen nothing of it."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import redis.asyncio

from pipeline.windows.redis_fences import RedisFences
from tests.servers import absence
from tests.servers.process import ServerUnavailableError
from tests.servers.valkey import ValkeyCluster

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator

SHARDS = 4
PARTITION = "topic:0"


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    try:
        nodes = ValkeyCluster(tmp_path_factory.mktemp("cluster"))
    except ServerUnavailableError as error:
        absence.leave_out("Valkey", error)
    yield nodes.start()
    nodes.stop()


def with_client(cluster: ValkeyCluster, check: Callable[[redis.asyncio.RedisCluster], Awaitable[None]]) -> None:
    async def run() -> None:
        async with redis.asyncio.RedisCluster.from_url(cluster.url.replace("+cluster", "")) as client:
            await client.flushall(target_nodes=client.PRIMARIES)
            await check(client)

    asyncio.run(run())


async def count(client: redis.asyncio.RedisCluster, fences: RedisFences, shard: int, fence: int) -> None:
    """What counting a batch does to a fence."""
    await client.hset(f"elan:{{elan-{shard}}}:fences", PARTITION, fence)
    fences.moved(PARTITION, shard, fence)


def test_a_loss_is_found_at_the_start_and_once_only(cluster: ValkeyCluster) -> None:
    # shard 1: 100, 200 | all stop | back at 100 | start: go back to 100 | start: nothing is lost
    async def check(client: redis.asyncio.RedisCluster) -> None:
        before = RedisFences(client, "elan", SHARDS)
        for fence in (100, 200):
            for shard in (1, 3):
                await count(client, before, shard, fence)
            await before.confirm(PARTITION)
        await client.hset("elan:{elan-1}:fences", PARTITION, 100)
        after = RedisFences(client, "elan", SHARDS)
        assert await after.lost([PARTITION]) == {PARTITION: 100}
        assert await after.lost([PARTITION]) == {PARTITION: 100}, "nobody has gone back yet"
        await after.accept()
        assert await RedisFences(client, "elan", SHARDS).lost([PARTITION]) == {}
        assert after.seen(PARTITION, 1) == 100

    with_client(cluster, check)


def test_what_was_not_confirmed_is_no_loss(cluster: ValkeyCluster) -> None:
    # shard 1: 100 confirmed, 200 counted and not confirmed | start
    async def check(client: redis.asyncio.RedisCluster) -> None:
        before = RedisFences(client, "elan", SHARDS)
        await count(client, before, 1, 100)
        await before.confirm(PARTITION)
        await count(client, before, 1, 200)
        after = RedisFences(client, "elan", SHARDS)
        assert await after.lost([PARTITION, "topic:1"]) == {}
        await after.accept()
        assert after.seen(PARTITION, 1) == 200

    with_client(cluster, check)


def test_a_node_that_was_emptied_is_read_from_the_start(cluster: ValkeyCluster) -> None:
    async def check(client: redis.asyncio.RedisCluster) -> None:
        before = RedisFences(client, "elan", SHARDS)
        await count(client, before, 2, 100)
        await before.confirm(PARTITION)
        await client.delete("elan:{elan-2}:fences")
        assert await RedisFences(client, "elan", SHARDS).lost([PARTITION]) == {PARTITION: 0}

    with_client(cluster, check)
