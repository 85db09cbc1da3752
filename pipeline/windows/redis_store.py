"""Windows in Redis: the `WindowStore` of workers and of `serve`."""

from __future__ import annotations

from functools import partial
from itertools import chain, repeat
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.windows.aggregate import shard_of
from pipeline.windows.columns import (
    NETWORK_ACTIVITIES,
    PARTICIPANT_ARRIVALS,
    PARTICIPANT_STAYS,
)
from pipeline.windows.day_columns import DayColumns, NetworkColumns
from pipeline.windows.hours import hour_windows
from pipeline.windows.members import decode_members
from pipeline.windows.redis_fences import RedisFences
from pipeline.windows.redis_keys import Keys
from pipeline.windows.redis_scripts import Script, patiently, pipelined
from pipeline.windows.ring import EMPTY_RING, Rings, positions
from pipeline.windows.rolling import READ_BACK_DAYS
from pipeline.windows.store import MEMBER_DAYS, MEMBER_SILENT_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

    from pipeline.history import Members
    from pipeline.windows.aggregate import Departments, ShardDelta
    from pipeline.windows.redis_scripts import Client
    from pipeline.windows.store import HourWindow

_encode = msgspec.msgpack.Encoder().encode
APPLY_FILES = ("rows.lua", "ring.lua", "hours.lua", "member_packing.lua", "members.lua", "apply.lua")
_APPLIED, _STRADDLES, _WENT_BACK = 0, 2, 3
DESCRIPTIONS_REMEMBERED = 200_000
"""Departments this process remembers to have written: some 30 MB."""
RINGS_A_COMMAND = 2_000
"""About ten megabytes; Redis does nothing else meanwhile."""


class RedisStore:
    """See `WindowStore`. `client` decodes no responses."""

    def __init__(self, client: Client, namespace: str, shards: int) -> None:
        self._client = client
        self._keys = Keys(namespace)
        self._shards = shards
        self._apply = Script(client, *APPLY_FILES)
        self._described: Departments = {}
        self.fences = RedisFences(client, namespace, shards)
        self.refused = 0
        """Shards of batches that had been counted before."""

    async def apply(
        self, partition: str, first_offset: int, next_offset: int, shards: Mapping[int, ShardDelta]
    ) -> dict[int, int]:
        """See `WindowStore.apply`.

        Raises:
            RetryLater: apply the same again, what was counted is not counted twice.
            Rewind: a shard knows less than it has confirmed before.
        """
        calls = []
        for shard, delta in shards.items():
            prefix = self._keys.shard(shard)
            seen = self.fences.seen(partition, shard)
            keys = [f"{prefix}fences", self._keys.none(shard)]
            calls.append((keys, [prefix, partition, first_offset, next_offset, _encode(delta), seen]))
        if not calls:
            return {}
        straddling = {}
        for shard, (code, fence) in zip(shards, await self._apply.run(calls), strict=True):
            if code != _APPLIED:
                self.refused += 1
            if code == _WENT_BACK:
                raise self.fences.went_back(partition, shard, int(fence))
            self.fences.moved(partition, shard, int(fence))
            if code == _STRADDLES:
                straddling[shard] = int(fence)
        return straddling

    async def describe(self, departments: Departments) -> None:
        """See `WindowStore.describe`; what was written before is not written again.

        Raises:
            RetryLater: describe the same again.
        """
        fresh = {key: found for key, found in departments.items() if self._described.get(key) != found}
        if not fresh:
            return
        by_key: dict[str, list[str]] = {}
        for (network, member), department in fresh.items():
            key = f"{self._keys.shard(self._shard(network, member))}p:{network}"
            by_key.setdefault(key, []).extend((member, department))
        await pipelined(self._client, [("HSET", key, *pairs) for key, pairs in by_key.items()])
        if len(self._described) > DESCRIPTIONS_REMEMBERED:
            self._described.clear()
        self._described |= fresh

    def forget_described(self) -> None:
        """Write every department again: Redis may have lost some."""
        self._described.clear()

    async def departments(self, network: str) -> dict[str, str]:
        """See `WindowStore.departments`."""
        found = await self._of_every_shard("HGETALL", f"p:{network}")
        return {member.decode(): name.decode() for members in found for member, name in members.items()}

    async def networks(self) -> list[str]:
        """See `WindowStore.networks`."""
        prefixes = [self._keys.shard(shard) for shard in range(self._shards)]
        found = await pipelined(self._client, [("SMEMBERS", f"{prefix}networks") for prefix in prefixes])
        return sorted({name.decode() for names in found for name in names})

    async def read_days(
        self,
        network: str,
        shards: Sequence[int],
        first_boundary: int,
        last_boundary: int,
        *,
        network_columns: NetworkColumns | None = None,
    ) -> DayColumns:
        """See `WindowStore.read_days`."""
        communities = await self._communities(network, shards)
        rings = [ring for shard in communities for ring in await self._rings(network, *shard)]
        if network_columns is None:
            network_columns = await self.read_network(network, first_boundary, last_boundary)
        _, newest, first = positions(rings)
        first_day = first_boundary - READ_BACK_DAYS + 1
        last_day = max([last_boundary, *newest.tolist()])
        lines = await self._lines(network, shards)
        known = list(chain.from_iterable(names for _, names in communities))
        shown_names = chain.from_iterable(names.values() for _, names in communities)
        return DayColumns(
            network=network,
            communities=tuple(map(bytes.decode, known)),
            names=tuple([shown or None for shown in map(bytes.decode, shown_names)]),
            lines=tuple(map(lines.get, known)),
            shards=tuple(chain.from_iterable(repeat(shard, len(names)) for shard, names in communities)),
            first_days=first,
            first_day=first_day,
            days=last_day - first_day + 1,
            columns=Rings(rings, first_day, last_day),
            network_columns=network_columns,
        )

    async def read_network(self, network: str, first_boundary: int, last_boundary: int) -> NetworkColumns:
        """See `WindowStore.read_network`."""
        sums = [ring for ring in await self._of_every_shard("GET", f"n:{network}") if ring]
        last_day = max([last_boundary, *positions(sums)[1].tolist()])
        rings = Rings(sums, first_boundary - READ_BACK_DAYS + 1, last_day)
        return NetworkColumns(*rings.totals((PARTICIPANT_ARRIVALS, PARTICIPANT_STAYS, NETWORK_ACTIVITIES)))

    async def members(self, network: str, communities: Sequence[str], boundary_day: int) -> list[Members]:
        """See `WindowStore.members`."""
        prefixes = [self._keys.shard(self._shard(network, community)) for community in communities]
        commands = [
            ("HGETALL", f"{prefix}m:{network}/{community}")
            for prefix, community in zip(prefixes, communities, strict=True)
        ]
        found = await pipelined(self._client, commands)
        oldest_day, seen_after = boundary_day - MEMBER_DAYS + 1, boundary_day - MEMBER_SILENT_DAYS
        return decode_members(found, oldest_day, seen_after, boundary_day)

    async def hours(self, network: str, community: str, end_hour: int) -> dict[int, HourWindow]:
        """See `WindowStore.hours`."""
        prefix = self._keys.shard(self._shard(network, community))
        name = f"{network}/{community}"
        commands = [("GET", f"{prefix}h:{name}"), ("LRANGE", f"{prefix}o:{name}", 0, -1)]
        log, aside = await pipelined(self._client, commands)
        return hour_windows(log or b"", end_hour, aside)

    async def _communities(self, network: str, shards: Sequence[int]) -> list[tuple[int, dict[bytes, bytes]]]:
        """(shard, community -> display name) of each shard, by name."""
        found = await pipelined(
            self._client, [("HGETALL", f"{self._keys.shard(shard)}c:{network}") for shard in shards]
        )
        in_order = [{name: names[name] for name in sorted(names)} for names in found]
        return list(zip(shards, in_order, strict=True))

    async def _lines(self, network: str, shards: Sequence[int]) -> dict[bytes, str]:
        found = await pipelined(
            self._client, [("HGETALL", f"{self._keys.shard(shard)}l:{network}") for shard in shards]
        )
        return {name: line.decode() for lines in found for name, line in lines.items()}

    async def _rings(self, network: str, shard: int, communities: Iterable[bytes]) -> list[bytes]:
        """The ring of each of these communities of one shard."""
        prefix = f"{self._keys.shard(shard)}d:{network}/".encode()
        keys = [prefix + name for name in communities]
        rings: list[bytes] = []
        for start in range(0, len(keys), RINGS_A_COMMAND):
            # Not in one pipeline: what has been read need not wait in memory for what is still to come.
            some = keys[start : start + RINGS_A_COMMAND]
            found = await patiently(partial(self._client.execute_command, "MGET", *some))
            rings += [ring or EMPTY_RING for ring in found]
        return rings

    async def _of_every_shard(self, command: str, key: str) -> list[Any]:
        commands = [(command, f"{self._keys.shard(shard)}{key}") for shard in range(self._shards)]
        return await pipelined(self._client, commands)

    def _shard(self, network: str, community: str) -> int:
        return shard_of(network, community, self._shards)
