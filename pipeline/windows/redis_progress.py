"""Where each partition stands: what a worker starts again from, and how far event time has come."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import Rewind, Stop
from pipeline.windows.redis_keys import Keys
from pipeline.windows.redis_scripts import Script, pipelined

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.windows.redis_scripts import Client

LAYOUT_VERSION = "2"
OTHER_LAYOUT = (
    "was begun by another version of Élan, which lays windows out in another way: choose another redis.namespace, "
    "whose windows are built from the start of the topic, or go on with that version."
)
NOWHERE = -1


class Standing(msgspec.Struct, frozen=True):
    """One partition: written after all shards of a batch have answered, so it never runs ahead of the windows."""

    next_offset: int
    clock_seconds: float | None
    activity_seconds: float | None
    watermark_seconds: float | None
    topic_id: str = ""
    """Of the topic that the offset counts in; "" where the broker has no ids."""


_decode = msgspec.json.Decoder(Standing).decode
_encode = msgspec.json.Encoder().encode


class RedisProgress:
    """Standings of partitions, first days of networks, and the layout frozen at first start."""

    def __init__(self, client: Client, namespace: str) -> None:
        self._client = client
        self._keys = Keys(namespace)
        self._lower = Script(client, "lower.lua")
        self._stand = Script(client, "stand.lua")
        self._seen: dict[str, int] = {}

    async def claim_layout(self, shards: int, topic: str) -> None:
        """Freeze the number of shards at first start.

        Raises:
            Stop: this namespace was started with another number of shards, for another topic, or by a version of Élan
                that lays windows out in another way.
        """
        key, wanted = self._keys.layout(), {"version": LAYOUT_VERSION, "shards": str(shards), "topic": topic}
        commands = [("HSETNX", key, field, value) for field, value in wanted.items()]
        await pipelined(self._client, [*commands])
        (found,) = await pipelined(self._client, [("HGETALL", key)])
        for field, value in wanted.items():
            kept = found[field.encode()].decode()
            if kept != value and field == "version":
                raise Stop(f"Redis namespace {self._keys.namespace!r} {OTHER_LAYOUT}")
            if kept != value:
                raise Stop(
                    f"Redis namespace {self._keys.namespace!r} was started with {field} {kept}, not {value}: "
                    f"set it back, or choose another redis.namespace and read the topic from the start."
                )

    async def standings(self) -> dict[str, Standing]:
        """Where each partition stands; partitions never read are absent."""
        (found,) = await pipelined(self._client, [("HGETALL", self._keys.partitions())])
        return {name.decode(): _decode(value) for name, value in found.items()}

    def go_on_from(self, standings: Mapping[str, Standing]) -> None:
        """These partitions are counted from where they stand here; all others are forgotten."""
        self._seen = {partition: standing.next_offset for partition, standing in standings.items()}

    async def stand(self, partition: str, standing: Standing) -> None:
        """Write where a partition stands, unless it stands further on already.

        Raises:
            Rewind: it stands further back than it did.
            RetryLater: stand there again.
        """
        seen = self._seen.get(partition, NOWHERE)
        arguments = [partition, standing.next_offset, _encode(standing), seen]
        (found,) = await self._stand.run([([self._keys.partitions()], arguments)])
        if found < seen:
            raise Rewind(
                f"Redis has lost activities: partition {partition} had been counted to offset {seen}, "
                f"now it says {max(found, 0)}"
            )
        self._seen[partition] = standing.next_offset

    async def stand_back(self, partition: str, standing: Standing) -> None:
        """Write where a partition stands, also where that is further back than it stood."""
        await pipelined(self._client, [("HSET", self._keys.partitions(), partition, _encode(standing))])

    async def first_days(self) -> dict[str, int]:
        """First day that is judged, for each network."""
        (found,) = await pipelined(self._client, [("HGETALL", self._keys.first_days())])
        return {name.decode(): int(day) for name, day in found.items()}

    async def lower_first_days(self, days: Mapping[str, int]) -> None:
        """Let judging of a network begin with the earliest day anybody has seen."""
        await self._lower.run([([self._keys.first_days()], [network, day]) for network, day in days.items()])
