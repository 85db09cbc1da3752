"""What communities that were active on every day of a year hold in Redis, members and windows included."""

from __future__ import annotations

import asyncio
from random import Random
from typing import TYPE_CHECKING

import redis.asyncio

from pipeline.lab.bench_topic import KIND_SHARES
from pipeline.model import Kind, trusted_activity
from pipeline.windows.aggregate import Aggregator, shard_of
from pipeline.windows.columns import KIND_COLUMN, RING_DAYS
from pipeline.windows.redis_keys import Keys
from pipeline.windows.redis_store import RedisStore

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.model import TrustedActivity

BYTES_A_COMMUNITY = 8_000
BYTES_A_MEMBERSHIP = 100
MOST_OVERHEAD = 1.1
"""Of keys, and of what an allocator rounds up."""
COMMUNITIES, MEMBERS, SHARDS = 60, 50, 4
ACTS_A_DAY = 2
FIRST_DAY, DAY_SECONDS = 19_000, 86_400
NAMESPACE, NETWORK = "memory", "acme"


def year(random: Random) -> Iterator[list[TrustedActivity]]:
    """Day by day: every community is active on each, in the kinds and shares that networks show."""
    kinds, shares = [KIND_COLUMN[Kind(kind)] for kind in KIND_SHARES], list(KIND_SHARES.values())
    for day in range(FIRST_DAY, FIRST_DAY + RING_DAYS):
        yield [
            trusted_activity(
                (day - FIRST_DAY) * COMMUNITIES * ACTS_A_DAY + community * ACTS_A_DAY + act,
                float(day * DAY_SECONDS + random.randrange(DAY_SECONDS)),
                random.choices(kinds, shares)[0],
                NETWORK,
                f"community-{community:05}",
                # Squared: some act far more often than others.
                f"{community:05}{int(MEMBERS * random.random() ** 2):06}",
            )
            for community in range(COMMUNITIES)
            for act in range(ACTS_A_DAY)
        ]


async def weigh(url: str) -> tuple[int, int, int, int]:
    """Count the year -> (bytes that rings hold, that they take up, that members take up, memberships)."""
    client = redis.asyncio.Redis.from_url(url)
    aggregator, store = Aggregator(SHARDS, lambda _: "UTC"), RedisStore(client, NAMESPACE, SHARDS)
    for activities in year(Random(7)):
        first = activities[0][0]
        await store.apply("topic:0", first, first + len(activities), aggregator.add(activities))
    held = rings = members = memberships = 0
    for number in range(COMMUNITIES):
        name = f"community-{number:05}"
        prefix = Keys(NAMESPACE).shard(shard_of(NETWORK, name, SHARDS))
        for letter in "dh":
            held += await client.strlen(f"{prefix}{letter}:{NETWORK}/{name}")
            rings += await client.memory_usage(f"{prefix}{letter}:{NETWORK}/{name}") or 0
        members += await client.memory_usage(f"{prefix}m:{NETWORK}/{name}", samples=0) or 0
        memberships += await client.hlen(f"{prefix}m:{NETWORK}/{name}")
    await client.aclose()
    return held, rings, members, memberships


def test_a_year_in_which_every_day_counts_fits_into_what_was_promised(valkey_url: str) -> None:
    held, rings, members, memberships = asyncio.run(weigh(valkey_url))
    assert memberships > 0.99 * COMMUNITIES * MEMBERS
    assert 4_000 < held / COMMUNITIES <= BYTES_A_COMMUNITY
    assert rings <= held * MOST_OVERHEAD, "Redis keeps room that nobody needs"
    assert 20 < members / memberships <= BYTES_A_MEMBERSHIP
