"""What judging remembers in Redis: states, readings, open alerts, the outbox, and the leases of who judges what."""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.readings import decode_readings
from pipeline.windows.redis_keys import Keys
from pipeline.windows.redis_scripts import Script, pipelined
from pipeline.windows.store import KeptProfile, OutboxEntry

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.history import Reading
    from pipeline.windows.redis_scripts import Client
    from pipeline.windows.store import Verdicts

_encode = msgspec.msgpack.Encoder().encode


class RedisVerdicts:
    """See `VerdictStore`; and what tells the world of it: the outbox for the relay, readings for `serve`."""

    def __init__(self, client: Client, namespace: str, shards: int) -> None:
        self._client = client
        self._keys = Keys(namespace)
        self._shards = shards
        self._commit = Script(client, "commit.lua")
        self._fences: dict[int, dict[str, int]] = {}

    async def judged(self, network: str) -> dict[int, int]:
        """See `VerdictStore.judged`."""
        found = await self._of_every_shard("HGET", "judged", network)
        return {shard: int(day) for shard, day in enumerate(found) if day is not None}

    async def communities(self, network: str) -> int:
        """How many communities of a network are known."""
        return sum(await self._of_every_shard("HLEN", f"c:{network}"))

    async def see_fences(self, shards: Sequence[int]) -> None:
        """Remember how far these shards are: what is judged from here on is kept only where none has gone back."""
        found = await pipelined(self._client, [("HGETALL", f"{self._keys.shard(shard)}fences") for shard in shards])
        for shard, fences in zip(shards, found, strict=True):
            self._fences[shard] = {partition.decode(): int(offset) for partition, offset in fences.items()}

    async def states(self, network: str, shards: Sequence[int]) -> list[bytes | None]:
        """See `VerdictStore.states`."""
        return await pipelined(self._client, [("GET", f"{self._keys.shard(shard)}s:{network}") for shard in shards])

    async def commit(self, network: str, shard: int, first_day: int, last_day: int, verdicts: Verdicts) -> bool:
        """See `VerdictStore.commit`."""
        told = {
            "lives": {name: life.decode() for name, life in verdicts.lives.items()},
            "steps": [(alert_id, int(is_open), value.decode()) for alert_id, is_open, value in verdicts.steps],
        }
        prefix = self._keys.shard(shard)
        values = (verdicts.states, verdicts.readings, _encode(told), _encode(self._fences.get(shard, {})))
        arguments = [prefix, network, first_day, last_day, *values]
        (kept,) = await self._commit.run([([f"{prefix}judged", f"{prefix}fences", self._keys.none(shard)], arguments)])
        return bool(kept)

    async def lives(self, network: str, shards: Sequence[int]) -> dict[str, bytes]:
        """See `VerdictStore.lives`."""
        found = await pipelined(
            self._client, [("HGETALL", f"{self._keys.shard(shard)}v:{network}") for shard in shards]
        )
        return {name.decode(): life for lives in found for name, life in lives.items()}

    async def profile(self, network: str) -> KeptProfile | None:
        """See `VerdictStore.profile`."""
        ((day, value),) = await pipelined(self._client, [("HMGET", self._keys.profile(network), "day", "value")])
        return None if day is None else KeptProfile(int(day), value)

    async def profile_day(self, network: str) -> int | None:
        """The survey day of the newest profile."""
        (day,) = await pipelined(self._client, [("HGET", self._keys.profile(network), "day")])
        return None if day is None else int(day)

    async def keep_profile(self, network: str, profile: KeptProfile) -> None:
        """See `VerdictStore.keep_profile`."""
        key = self._keys.profile(network)
        await pipelined(self._client, [("HSET", key, "day", profile.day, "value", profile.value)])

    async def loaded_abaque(self, network: str) -> bytes | None:
        """See `VerdictStore.loaded_abaque`."""
        (abaque,) = await pipelined(self._client, [("HGET", self._keys.profile(network), "abaque")])
        return abaque if isinstance(abaque, bytes) else None

    async def keep_loaded_abaque(self, network: str, abaque: bytes | None) -> None:
        """See `VerdictStore.keep_loaded_abaque`."""
        key = self._keys.profile(network)
        command = ("HDEL", key, "abaque") if abaque is None else ("HSET", key, "abaque", abaque)
        await pipelined(self._client, [command])

    async def readings(self, network: str) -> list[Reading]:
        """See `VerdictStore.readings`."""
        found = await self._of_every_shard("GET", f"r:{network}")
        return [reading for value in found if value for reading in decode_readings(value).readings()]

    async def open_alerts(self, network: str) -> list[bytes]:
        """The last step of every open alert, as JSON."""
        found = await self._of_every_shard("HVALS", f"a:{network}")
        return [value for values in found for value in values]

    async def outbox(self, limit: int = 500) -> list[OutboxEntry]:
        """Alert steps not yet relayed, oldest first in each shard, at most `limit` a shard."""
        commands = [
            ("XRANGE", f"{self._keys.shard(shard)}outbox", "-", "+", "COUNT", limit) for shard in range(self._shards)
        ]
        found = await pipelined(self._client, commands)
        return [
            OutboxEntry(shard, entry_id.decode(), fields[b"id"].decode(), fields[b"value"])
            for shard, entries in enumerate(found)
            for entry_id, fields in entries or []
        ]

    async def relayed(self, entries: Sequence[OutboxEntry]) -> None:
        """Take entries that the alerts topic has acknowledged out of the outbox."""
        await pipelined(self._client, [("XDEL", f"{self._keys.shard(e.shard)}outbox", e.entry_id) for e in entries])

    async def _of_every_shard(self, command: str, key: str, *rest: str) -> list[Any]:
        commands = [(command, f"{self._keys.shard(shard)}{key}", *rest) for shard in range(self._shards)]
        return await pipelined(self._client, commands)


class Lease:
    """Something that one process does at a time. It only saves work: what must be exact has a fence of its own."""

    def __init__(self, client: Client, namespace: str, name: str, hold_seconds: float) -> None:
        self._client = client
        self._key = Keys(namespace).lease(name)
        self._mine = secrets.token_hex(8)
        self._hold_milliseconds = int(hold_seconds * 1000)
        self._script = Script(client, "lease.lua")

    async def take(self) -> bool:
        """True if the lease is ours now, new or kept."""
        (mine,) = await self._script.run([([self._key], ["take", self._mine, self._hold_milliseconds])])
        return bool(mine)

    async def give_back(self) -> None:
        """Let another have it at once."""
        await self._script.run([([self._key], ["give_back", self._mine, 0])])
