"""A large network for benches: made of numbers, and put into Redis through the real store so that its bytes are real.

Sizes follow Zipf's law, lives begin evenly over a year and end with a half-life of five months, so that most
communities are small and half of them quiet: what networks look like (docs/measures.md).
"""

from __future__ import annotations

import asyncio
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.model import Kind
from pipeline.redis_clients import async_redis_client
from pipeline.windows.aggregate import NetworkDelta, shard_of
from pipeline.windows.columns import KIND_COLUMN
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.rows import row_heads

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.settings import Settings
    from pipeline.windows.aggregate import ShardDelta

NETWORK = "bench"
LAST_DAY = 20_000
LIFE_DAYS = 365
HALF_LIFE_DAYS = 150
ACTIVE_DAYS_A_MEMBER = 2.0
WORK_HOUR = 9
MEMBERS_A_BATCH = 5_000
KINDS = (Kind.POST, Kind.COMMENT, Kind.REACTION)
KIND_SHARES = (0.2, 0.4, 0.4)
_COLUMNS = tuple(KIND_COLUMN[kind] for kind in KINDS)


@dataclass(frozen=True, slots=True)
class BenchNetwork:
    """C communities: `sizes` (C,) members each, and the days their lives begin and end, (C,) both."""

    sizes: NDArray[np.int64]
    first_days: NDArray[np.int64]
    last_days: NDArray[np.int64]
    shards: int

    @property
    def members(self) -> int:
        """Memberships of all communities."""
        return int(self.sizes.sum())


def plan_network(communities: int, members_per_community: int, shards: int) -> BenchNetwork:
    """The same network for the same numbers."""
    dice = np.random.default_rng(communities)
    share = 1.0 / np.arange(1, communities + 1)
    sizes = np.maximum(1, np.round(share / share.sum() * communities * members_per_community)).astype(np.int64)
    first_days = LAST_DAY - dice.integers(0, LIFE_DAYS, communities)
    lives = dice.exponential(HALF_LIFE_DAYS / np.log(2.0), communities).astype(np.int64)
    return BenchNetwork(sizes, first_days, np.minimum(LAST_DAY, first_days + lives), shards)


def community_name(number: int) -> str:
    """The name of a community of the bench."""
    return f"community-{number:06}"


def fill(settings: Settings, network: BenchNetwork, part: int, parts: int) -> None:
    """Put every `parts`-th batch of members into Redis: for one process of several, each with a partition of its own.

    Raises:
        ServerError: Redis cannot be reached.
        RetryLater: Redis went away or is full.
    """
    asyncio.run(_fill(settings, network, part, parts))


async def _fill(settings: Settings, network: BenchNetwork, part: int, parts: int) -> None:
    communities = np.repeat(np.arange(len(network.sizes)), network.sizes)
    async with async_redis_client(settings) as client:
        store = RedisStore(client, settings.redis.namespace, network.shards)
        starts = range(part * MEMBERS_A_BATCH, len(communities), parts * MEMBERS_A_BATCH)
        for batch, start in enumerate(starts):
            deltas = _batch(network, communities[start : start + MEMBERS_A_BATCH], start)
            await store.apply(f"bench:{part}", batch, batch + 1, deltas)


def _batch(network: BenchNetwork, communities: NDArray[np.int64], start: int) -> dict[int, ShardDelta]:
    """What the members `start`, `start` + 1, … did, each a member of the community at its place."""
    dice = np.random.default_rng(start)
    active_days = dice.geometric(1.0 / ACTIVE_DAYS_A_MEMBER, len(communities))
    members = np.repeat(np.arange(len(communities)), active_days)
    places = communities[members]
    days = dice.integers(network.first_days[places], network.last_days[places] + 1)
    acts = dice.choice(len(KINDS), len(members), p=KIND_SHARES)
    heads = {day: row_heads(day * 24 + WORK_HOUR) for day in np.unique(days).tolist()}
    homes: dict[int, tuple[str, NetworkDelta]] = {}
    shards: dict[int, ShardDelta] = {}
    for member, place, day, act in zip(members.tolist(), places.tolist(), days.tolist(), acts.tolist(), strict=True):
        home = homes.get(place)
        if home is None:
            home = homes[place] = _home(network, place, shards)
        name, delta = home
        rows_of = delta.days.setdefault(day, {})
        rows_of[name] = rows_of.get(name, "") + f"{heads[day][_COLUMNS[act]]}{start + member:011x}"
    return shards


def _home(network: BenchNetwork, place: int, shards: dict[int, ShardDelta]) -> tuple[str, NetworkDelta]:
    """The name of a community, and where the rows of its shard go."""
    name = community_name(place)
    of_shard = shards.setdefault(shard_of(NETWORK, name, network.shards), {})
    delta = of_shard.setdefault(NETWORK, NetworkDelta())
    delta.names[name] = f"Community {place}"
    return name, delta
