"""What Redis keeps of members' departments and of a network's activities: written once, readable over versions."""

from __future__ import annotations

import asyncio

import redis.asyncio

from pipeline.model import Kind
from pipeline.windows.aggregate import Aggregator
from pipeline.windows.columns import NETWORK_ACTIVITIES
from pipeline.windows.day_columns import Windows
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.ring import HEADER_BYTES
from tests.integration.windows.test_stores_agree import SHARDS, activity, boundaries_of, feed, numbered, pseudonym


def test_departments_are_written_once_and_again_after_a_restart(valkey_url: str) -> None:
    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            worker = RedisStore(client, "elan", SHARDS)
            await worker.describe({("acme", "m1"): "sales", ("acme", "m2"): "plant"})
            (key,) = [key async for key in client.scan_iter("*p:acme") if await client.hexists(key, "m1")]
            await client.hdel(key, "m1")
            await worker.describe({("acme", "m1"): "sales"})
            assert await worker.departments("acme") == {"m2": "plant"}, "what was written is not sent again"
            await worker.describe({("acme", "m2"): "sales"})
            assert await worker.departments("acme") == {"m2": "sales"}
            await RedisStore(client, "elan", SHARDS).describe({("acme", "m1"): "sales"})
            assert await worker.departments("acme") == {"m1": "sales", "m2": "sales"}
        finally:
            await client.aclose()

    asyncio.run(run())


def test_a_member_of_many_communities_has_one_department(valkey_url: str) -> None:
    log = numbered([activity(0, n, community=f"c{n}", department="sales") for n in range(12)])

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            await feed(RedisStore(client, "elan", SHARDS), log, [3, 7])
            hashes = [await client.hgetall(key) async for key in client.scan_iter("*p:acme")]
            assert hashes == [{pseudonym("m1").encode(): b"sales"}]
        finally:
            await client.aclose()

    asyncio.run(run())


def test_rings_without_the_networks_activities_stay_readable_and_take_them_up(valkey_url: str) -> None:
    # kept before: column 29 is not in the ring ...... day 10 kept now
    log = numbered([activity(0, day, f"m{day % 3}") for day in range(11)])
    boundary = boundaries_of(log)[0]

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            store = RedisStore(client, "elan", SHARDS)
            await feed(store, log[:10], [])
            (key,) = [key async for key in client.scan_iter("*n:acme")]
            ring = await client.get(key)
            assert isinstance(ring, bytes)
            await client.set(key, without_column(ring, NETWORK_ACTIVITIES))
            before = Windows(await store.read_days("acme", range(SHARDS), boundary, boundary)).as_of(boundary)
            assert not before.network_activities.any()
            aggregator = Aggregator(SHARDS, lambda _: "UTC")
            assert await store.apply("topic:0", 10, 11, aggregator.add(log[10:])) == {}
            after = Windows(await store.read_days("acme", range(SHARDS), boundary, boundary)).as_of(boundary)
            assert after.network_activities[-11:].tolist() == [0] * 10 + [1]
            assert after.network_participants[-1] == before.network_participants[-2] == 3
        finally:
            await client.aclose()

    asyncio.run(run())


def without_column(ring: bytes, column: int) -> bytes:
    """A ring as it was written before a column was known."""
    width, count = ring[1], ring[2]
    ids = list(ring[3 : 3 + count])
    kept = [place for place, number in enumerate(ids) if number != column]
    body = ring[HEADER_BYTES:]
    records = [body[start : start + width * count] for start in range(0, len(body), width * count)]
    header = bytes([ring[0], width, len(kept), *(ids[place] for place in kept)]).ljust(36, b"\0") + ring[36:48]
    return header + b"".join(record[place * width : (place + 1) * width] for record in records for place in kept)


def test_a_day_too_loud_for_four_bytes_stays_at_the_most_and_stops_nothing(valkey_url: str) -> None:
    # 2 * 3 * 10^9 views in one day of the network, 2 * 10^9 of each community; then a post
    views = [activity(0, 0, None, Kind.VIEW, f"c{n % 3}", count=1_000_000) for n in range(6_000)]
    log = numbered([*views, activity(0, 0, community="c0")])

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            store = RedisStore(client, "elan", 1)
            aggregator = Aggregator(1, lambda _: "UTC")
            for first, last in ((0, 3_000), (3_000, 6_000), (6_000, 6_001)):
                assert await store.apply("topic:0", first, last, aggregator.add(log[first:last])) == {}
            (boundary, *_) = boundaries_of(log)
            history = Windows(await store.read_days("acme", [0], boundary, boundary)).as_of(boundary)
            assert history.network_activities[-1] == 2**32 - 1
            assert history.activities[Kind.VIEW][:, -1].tolist() == [2_000_000_000] * 3
            assert history.activities[Kind.POST][:, -1].sum() == 1
        finally:
            await client.aclose()

    asyncio.run(run())
