"""Windows in Redis: the `WindowStore` of workers and of `serve`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.windows.aggregate import shard_of
from pipeline.windows.columns import (
    PARTICIPANT_ARRIVALS,
    PARTICIPANT_STAYS,
    RING_DAYS,
    RING_HOURS,
)
from pipeline.windows.members import decode_member
from pipeline.windows.memory_store import hour_windows
from pipeline.windows.redis_keys import Keys
from pipeline.windows.redis_scripts import Script, pipelined
from pipeline.windows.ring import Ring, decode_ring, stack_rings
from pipeline.windows.rolling import READ_BACK_DAYS, DayColumns

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.history import MemberHistories
    from pipeline.windows.aggregate import ShardDelta
    from pipeline.windows.redis_scripts import Client
    from pipeline.windows.store import HourWindow

_encode = msgspec.msgpack.Encoder().encode
_APPLIED, _STRADDLES = 0, 2


class RedisStore:
    """See `WindowStore`. `client` decodes no responses."""

    def __init__(self, client: Client, namespace: str, shards: int) -> None:
        self._client = client
        self._keys = Keys(namespace)
        self._shards = shards
        self._apply = Script(client, "apply.lua")
        self.refused = 0
        """Shards of batches that had been counted before."""

    async def apply(
        self, partition: str, first_offset: int, next_offset: int, shards: Mapping[int, ShardDelta]
    ) -> dict[int, int]:
        """See `WindowStore.apply`.

        Raises:
            RetryLater: apply the same again, what was counted is not counted twice.
        """
        calls = []
        for shard, delta in shards.items():
            prefix = self._keys.shard(shard)
            calls.append(([f"{prefix}fences"], [prefix, partition, first_offset, next_offset, _encode(delta)]))
        if not calls:
            return {}
        straddling = {}
        for shard, (code, fence) in zip(shards, await self._apply.run(calls), strict=True):
            if code != _APPLIED:
                self.refused += 1
            if code == _STRADDLES:
                straddling[shard] = int(fence)
        return straddling

    async def networks(self) -> list[str]:
        """See `WindowStore.networks`."""
        prefixes = [self._keys.shard(shard) for shard in range(self._shards)]
        found = await pipelined(self._client, [("SMEMBERS", f"{prefix}networks") for prefix in prefixes])
        return sorted({name.decode() for names in found for name in names})

    async def read_days(
        self, network: str, shards: Sequence[int], first_boundary: int, last_boundary: int
    ) -> DayColumns:
        """See `WindowStore.read_days`."""
        members = await self._communities(network, shards)
        rings = await self._rings("d", network, members, RING_DAYS)
        sums = await pipelined(
            self._client, [("GET", f"{self._keys.shard(shard)}n:{network}") for shard in range(self._shards)]
        )
        sum_rings = [decode_ring(raw, RING_DAYS) for raw in sums if raw]
        first_day = first_boundary - READ_BACK_DAYS + 1
        last_day = max([last_boundary, *(ring.head for ring in rings if ring), *(ring.head for ring in sum_rings)])
        network_columns = stack_rings(list(sum_rings), first_day, last_day)
        nobody = np.zeros((1, last_day - first_day + 1), dtype=np.int64)
        return DayColumns(
            network=network,
            communities=tuple(name for _, name, _ in members),
            names=tuple(shown or None for _, _, shown in members),
            shards=tuple(shard for shard, _, _ in members),
            first_days=np.array([ring.first if ring else last_day for ring in rings], dtype=np.int64),
            first_day=first_day,
            days=last_day - first_day + 1,
            columns=stack_rings(rings, first_day, last_day),
            network_columns=(
                network_columns.get(PARTICIPANT_ARRIVALS, nobody).sum(axis=0),
                network_columns.get(PARTICIPANT_STAYS, nobody).sum(axis=0),
            ),
        )

    async def members(self, network: str, community: str, boundary_day: int) -> MemberHistories:
        """See `WindowStore.members`."""
        prefix = self._keys.shard(self._shard(network, community))
        (found,) = await pipelined(self._client, [("HGETALL", f"{prefix}m:{network}/{community}")])
        decoded = {name.decode(): decode_member(value, boundary_day) for name, value in found.items()}
        return {name: days for name, days in decoded.items() if days}

    async def hours(self, network: str, community: str, end_hour: int) -> dict[int, HourWindow]:
        """See `WindowStore.hours`."""
        members = [(self._shard(network, community), community, "")]
        (ring,) = await self._rings("h", network, members, RING_HOURS)
        first_hour, last_hour = end_hour - RING_HOURS, max(end_hour, ring.head if ring else 0)
        return hour_windows(stack_rings([ring], first_hour, last_hour), end_hour - first_hour)

    async def _communities(self, network: str, shards: Sequence[int]) -> list[tuple[int, str, str]]:
        """(shard, community, display name), in the order of the shards, then by name."""
        found = await pipelined(
            self._client, [("HGETALL", f"{self._keys.shard(shard)}c:{network}") for shard in shards]
        )
        return [
            (shard, name.decode(), shown.decode())
            for shard, names in zip(shards, found, strict=True)
            for name, shown in sorted(names.items())
        ]

    async def _rings(
        self, letter: str, network: str, members: Sequence[tuple[int, str, str]], size: int
    ) -> list[Ring | None]:
        commands = [("GET", f"{self._keys.shard(shard)}{letter}:{network}/{name}") for shard, name, _ in members]
        return [decode_ring(raw, size) if raw else None for raw in await pipelined(self._client, commands)]

    def _shard(self, network: str, community: str) -> int:
        return shard_of(network, community, self._shards)
