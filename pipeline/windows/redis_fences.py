"""What each shard is known to have counted, so that a Redis that lost something is noticed and never counted on top of.

A server that comes back without its last second, empty, or as a replica that lagged has lower fences than it confirmed.
Every write says which fence its writer has seen; a shard with a lower one refuses it, and the writer goes back.

A Cluster keeps shards on several nodes, of which one alone may lose something while no worker runs. So there what each
shard has confirmed is kept beside the standings of the partitions as well, and compared at every start. Of the shards
on that node, and on a single server, this tells nothing and need not: their standings go back together with them.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from redis.asyncio import RedisCluster

from pipeline.errors import Rewind
from pipeline.windows.redis_keys import Keys
from pipeline.windows.redis_scripts import pipelined

if TYPE_CHECKING:
    from collections.abc import Collection, Mapping

    from pipeline.windows.redis_scripts import Client

NO_FENCE = -1


class RedisFences:
    """The fences of all shards as this process has last seen them. A partition is named as in the hash of fences."""

    def __init__(self, client: Client, namespace: str, shards: int) -> None:
        self._client = client
        self._keys = Keys(namespace)
        self._shards = shards
        self._seen: dict[str, list[int]] = {}
        self._found: dict[str, list[int]] = {}
        self._unconfirmed: dict[str, dict[int, int]] = {}
        self._has_nodes = isinstance(client, RedisCluster)

    def seen(self, partition: str, shard: int) -> int:
        """The fence this process has seen there, `NO_FENCE` before the first."""
        seen = self._seen.get(partition)
        return NO_FENCE if seen is None else seen[shard]

    def moved(self, partition: str, shard: int, fence: int) -> None:
        """A shard has answered with its fence."""
        self._seen.setdefault(partition, [NO_FENCE] * self._shards)[shard] = fence
        if self._has_nodes:
            self._unconfirmed.setdefault(partition, {})[shard] = fence

    async def confirm(self, partition: str) -> None:
        """Keep what the shards have confirmed of a partition since this was last called.

        Raises:
            RetryLater: a later call keeps it.
        """
        if fences := self._unconfirmed.get(partition):
            await self._keep(partition, fences)
            self._unconfirmed.pop(partition)

    def went_back(self, partition: str, shard: int, fence: int) -> Rewind:
        """The error for a shard that knows less than before."""
        return Rewind(
            f"Redis has lost activities: shard {shard} had counted partition {partition} "
            f"to offset {self.seen(partition, shard)}, now it says {max(fence, 0)}"
        )

    async def verify(self) -> None:
        """Ask all shards about the partitions seen.

        Raises:
            Rewind: a shard knows less than before.
            RetryLater: Redis is away.
        """
        before = {partition: list(seen) for partition, seen in self._seen.items()}
        for partition, fences in (await self._read(before)).items():
            for shard, fence in enumerate(fences):
                if fence < before[partition][shard]:
                    raise self.went_back(partition, shard, fence)

    async def lost(self, partitions: Collection[str]) -> dict[str, int]:
        """See the fences of these partitions anew; they hold from `accept` on, and all others are forgotten then.

        Returns:
            Partition -> the offset to go back to, for those of which a shard has lost something since it was last seen.
        """
        found, confirmed = await self._read(partitions), await self._confirmed(partitions)
        lost = {}
        for partition, fences in found.items():
            before = [max(known) for known in zip(self._seen.get(partition, fences), confirmed[partition], strict=True)]
            gone_back = [max(now, 0) for now, then in zip(fences, before, strict=True) if now < then]
            if gone_back:
                lost[partition] = min(gone_back)
        self._found = found
        return lost

    async def accept(self) -> None:
        """Go on from the fences that `lost` has found; until then a loss is found again."""
        found = self._found
        if self._has_nodes:
            for partition, fences in found.items():
                await self._keep(partition, dict(enumerate(fences)))
        self._seen, self._unconfirmed = found, {}

    async def _keep(self, partition: str, fences: Mapping[int, int]) -> None:
        pairs = [word for shard, fence in fences.items() for word in (f"{partition}/{shard}", fence)]
        await pipelined(self._client, [("HSET", self._keys.confirmed(), *pairs)])

    async def _confirmed(self, partitions: Collection[str]) -> dict[str, list[int]]:
        """Partition -> what each shard has confirmed, as the node of the standings knows it."""
        if not self._has_nodes:
            return {partition: [NO_FENCE] * self._shards for partition in partitions}
        key, shards = self._keys.confirmed(), range(self._shards)
        commands = [("HMGET", key, *(f"{partition}/{shard}" for shard in shards)) for partition in partitions]
        rows = await pipelined(self._client, commands)
        return {
            partition: [NO_FENCE if fence is None else int(fence) for fence in row]
            for partition, row in zip(partitions, rows, strict=True)
        }

    async def _read(self, partitions: Collection[str]) -> dict[str, list[int]]:
        if not partitions:
            return {}
        names = list(partitions)
        keys = [f"{self._keys.shard(shard)}fences" for shard in range(self._shards)]
        rows = await pipelined(self._client, [("HMGET", key, *names) for key in keys])
        return {
            name: [NO_FENCE if row[place] is None else int(row[place]) for row in rows]
            for place, name in enumerate(names)
        }
