"""What was imported already, so that importing the same export again, or a later one that overlaps, changes no count.

The worker forgets ids after a stated number of records; an export may be imported again after years. So the importer
keeps a memory of its own: 8 bytes an activity, a hash of source and id, under the day of the activity.

A chunk is remembered only after the broker has acknowledged it. A crash in between leaves a chunk that is written but
not remembered: the next import writes it again, and the worker's own memory of ids catches it, for as long as it lies
within its horizon. Two imports of one network at the same time can write an activity twice, with the same remedy.
"""

from __future__ import annotations

from hashlib import blake2b
from typing import TYPE_CHECKING, Protocol, cast

from redis.exceptions import RedisError

from pipeline.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Sequence

    import redis

    from pipeline.model import Activity

HASH_BYTES = 8


class Ledger(Protocol):
    """Remembers which activities were imported."""

    def unseen(self, activities: Sequence[Activity]) -> list[Activity]:
        """Those of a chunk not imported yet, in the same order; of several with one id the first."""

    def remember(self, activities: Sequence[Activity]) -> None:
        """These are on the topic for good."""


class RedisLedger:
    """A ledger in Redis: per network and day (UTC) one string of packed hashes.

    Keys `<namespace>:{imports}:<network>:<day>`; they share a hash tag, so that one command reads them on a cluster. A
    day of a million activities takes 8 MB; only the days of the present chunk, of all its networks, are held in memory.
    """

    def __init__(self, client: redis.Redis | redis.RedisCluster, namespace: str) -> None:
        self._client = client
        self._namespace = namespace
        self._known: dict[str, set[bytes]] = {}

    def unseen(self, activities: Sequence[Activity]) -> list[Activity]:
        """Those not imported yet.

        Raises:
            ServerError: Redis cannot be reached or refuses.
        """
        self._load({self._key(activity) for activity in activities})
        fresh: list[Activity] = []
        in_chunk: set[bytes] = set()
        for activity in activities:
            name = activity_hash(activity)
            if name not in in_chunk and name not in self._known[self._key(activity)]:
                in_chunk.add(name)
                fresh.append(activity)
        return fresh

    def remember(self, activities: Sequence[Activity]) -> None:
        """Append the hashes of a chunk that the broker acknowledged.

        Raises:
            ServerError: Redis cannot be reached or refuses.
        """
        by_key: dict[str, list[bytes]] = {}
        for activity in activities:
            by_key.setdefault(self._key(activity), []).append(activity_hash(activity))
        try:
            for key, hashes in by_key.items():
                self._client.append(key, b"".join(hashes))
                # Of a day that is not held these would pass for all there is: it is read when it is asked for.
                if key in self._known:
                    self._known[key].update(hashes)
        except RedisError as error:
            raise _unreachable(error) from error

    def _load(self, keys: set[str]) -> None:
        """Activities come in time order, so days before the present chunk are not asked for again."""
        self._known = {key: known for key, known in self._known.items() if key in keys}
        missing = sorted(keys - self._known.keys())
        if not missing:
            return
        try:
            packed = cast("list[bytes | None]", self._client.mget(missing))
        except RedisError as error:
            raise _unreachable(error) from error
        self._known.update((key, _unpacked(value)) for key, value in zip(missing, packed, strict=True))

    def _key(self, activity: Activity) -> str:
        return f"{self._namespace}:{{imports}}:{activity.network}:{activity.time.date().isoformat()}"


def activity_hash(activity: Activity) -> bytes:
    """8 bytes that stand for (source, id), the pair that names an activity for good."""
    name = f"/esn/{activity.platform}/{activity.network}\0{activity.id}"
    return blake2b(name.encode(), digest_size=HASH_BYTES).digest()


def _unpacked(value: bytes | None) -> set[bytes]:
    packed = value or b""
    return {packed[start : start + HASH_BYTES] for start in range(0, len(packed), HASH_BYTES)}


def _unreachable(error: RedisError) -> ServerError:
    return ServerError(
        f"The ledger of imports in Redis cannot be used ({error}); start or reach Redis, then run again."
    )
