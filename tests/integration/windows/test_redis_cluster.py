"""Counting and judging on a Cluster of three real nodes: slots that move, a node that fails, many shards at once."""

from __future__ import annotations

import asyncio
import time
from contextlib import contextmanager
from typing import TYPE_CHECKING, Any, cast

import pytest
import redis
from redis.crc import key_slot

from pipeline.errors import RetryLater
from pipeline.model import Kind, trusted_activity
from pipeline.redis_clients import async_redis_client
from pipeline.settings import load_settings
from pipeline.windows.aggregate import Aggregator
from pipeline.windows.day_columns import Windows
from pipeline.windows.redis_keys import Keys
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.redis_verdicts import RedisVerdicts
from pipeline.windows.store import Verdicts
from tests.servers import absence
from tests.servers.process import HOST, ServerUnavailableError
from tests.servers.valkey import ValkeyCluster

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.model import TrustedActivity
    from pipeline.settings import Settings
    from tests.servers.valkey import Valkey

DAY, DAY_SECONDS = 19_000, 86_400
COMMUNITIES = 20
ANSWER_SECONDS = 20.0


@pytest.fixture(scope="module")
def cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ValkeyCluster]:
    """Give a Cluster of three primaries."""
    try:
        nodes = ValkeyCluster(tmp_path_factory.mktemp("cluster"))
    except ServerUnavailableError as error:
        absence.leave_out("Valkey", error)
    yield nodes.start()
    nodes.stop()


@pytest.fixture
def settings(cluster: ValkeyCluster) -> Settings:
    return load_settings(environ={"ELAN_REDIS_URL": cluster.url})


def posts(first: int, communities: int, member: str) -> list[TrustedActivity]:
    """A post of one member in each of so many communities, offsets from `first` on."""
    return [
        trusted_activity(first + n, DAY * DAY_SECONDS + n, 0, "acme", f"c{n}", member.ljust(11, "_"))
        for n in range(communities)
    ]


async def counted(store: RedisStore, shards: int) -> dict[str, tuple[int, int]]:
    """Community -> (activities, active members) of the day."""
    windows = Windows(await store.read_days("acme", range(shards), DAY, DAY)).as_of(DAY)
    posted, members = windows.activities[Kind.POST][:, -1].tolist(), windows.active_members[7].tolist()
    return dict(zip(windows.communities, zip(posted, members, strict=True), strict=True))


class Move:
    """A slot on its way from one node to another, as `valkey-cli --cluster reshard` moves it."""

    def __init__(self, slot: int, source: Valkey, target: Valkey) -> None:
        self._slot = slot
        self._target_port = target.process.port
        self._source, self._target = (cast("Any", redis.Redis.from_url(node.url)) for node in (source, target))
        self._target_id = self._target.execute_command("CLUSTER", "MYID")
        source_id = self._source.execute_command("CLUSTER", "MYID")
        self._target.execute_command("CLUSTER", "SETSLOT", slot, "IMPORTING", source_id)
        self._source.execute_command("CLUSTER", "SETSLOT", slot, "MIGRATING", self._target_id)

    def move_keys(self, most: int) -> int:
        """Move some of the keys -> how many."""
        keys = self._source.execute_command("CLUSTER", "GETKEYSINSLOT", self._slot, most) if most else []
        if keys:
            self._source.execute_command("MIGRATE", HOST, self._target_port, "", 0, 5_000, "KEYS", *keys)
        return len(keys)

    def end(self) -> None:
        """Move the others, and tell both nodes."""
        while self.move_keys(100):
            pass
        for client in (self._target, self._source):
            client.execute_command("CLUSTER", "SETSLOT", self._slot, "NODE", self._target_id)


@contextmanager
def moving(cluster: ValkeyCluster, key: str) -> Iterator[Move]:
    """The slot of a key while it moves; afterwards it is moved back, so that the Cluster is as it was."""
    slot, source = key_slot(key.encode()), cluster.node_of(key)
    target = next(node for node in cluster.nodes if node is not source)
    yield Move(slot, source, target)
    Move(slot, target, source).end()


async def refused(store: RedisStore, first: int, batch: list[TrustedActivity]) -> None:
    with pytest.raises(RetryLater):
        await asyncio.wait_for(
            store.apply("t:0", first, first + len(batch), Aggregator(1, lambda _: "UTC").add(batch)), ANSWER_SECONDS
        )


@pytest.mark.parametrize("moved_keys", [0, 7])
def test_while_its_slot_moves_a_shard_takes_nothing_and_after_it_all_once(
    cluster: ValkeyCluster, settings: Settings, moved_keys: int
) -> None:
    # batch 1 │ the slot moves: batch 2 waits │ moved: batch 2, in which some communities are new
    namespace = f"moving-{moved_keys}"
    first, second = posts(0, COMMUNITIES, "ann"), posts(COMMUNITIES, COMMUNITIES + 2, "bob")

    async def run() -> dict[str, tuple[int, int]]:
        async with async_redis_client(settings) as client:
            store, add = RedisStore(client, namespace, 1), Aggregator(1, lambda _: "UTC").add
            await store.apply("t:0", 0, COMMUNITIES, add(first))
            with moving(cluster, f"{Keys(namespace).shard(0)}fences") as move:
                move.move_keys(moved_keys)
                await refused(store, COMMUNITIES, second)
                move.end()
                await store.apply("t:0", COMMUNITIES, 2 * COMMUNITIES + 2, add(second))
                return await counted(store, 1)

    old, new = range(COMMUNITIES), range(COMMUNITIES, COMMUNITIES + 2)
    assert asyncio.run(run()) == {f"c{n}": (2, 2) for n in old} | {f"c{n}": (1, 1) for n in new}


def test_while_its_slot_moves_no_verdict_of_a_shard_is_kept_in_part(cluster: ValkeyCluster, settings: Settings) -> None:
    async def run() -> None:
        async with async_redis_client(settings) as client:
            store, verdicts = RedisStore(client, "judging", 1), RedisVerdicts(client, "judging", 1)
            await store.apply("t:0", 0, 1, Aggregator(1, lambda _: "UTC").add(posts(0, 1, "ann")))
            one, two = Verdicts(b"1", b"readings", [], {}), Verdicts(b"2", b"readings", [], {"c0": b"{}"})
            assert await verdicts.commit("acme", 0, 10, 10, one)
            with moving(cluster, f"{Keys('judging').shard(0)}judged") as move:
                with pytest.raises(RetryLater):
                    await asyncio.wait_for(verdicts.commit("acme", 0, 11, 11, two), ANSWER_SECONDS)
                move.end()
                assert await verdicts.states("acme", [0]) == [b"1"]
                assert await verdicts.judged("acme") == {0: 10}
                assert await verdicts.commit("acme", 0, 11, 11, two)
                assert await verdicts.states("acme", [0]) == [b"2"]

    asyncio.run(run())


def test_many_shards_are_counted_at_once_over_few_connections(cluster: ValkeyCluster, settings: Settings) -> None:
    shards, batch = 512, posts(0, 4_000, "ann")

    async def run() -> tuple[int, int]:
        async with async_redis_client(settings) as client:
            store, add = RedisStore(client, "wide", shards), Aggregator(shards, lambda _: "UTC").add
            await asyncio.gather(*(store.apply(f"t:{n}", 0, 4_000, add(batch)) for n in range(3)))
            open_ones = [redis.Redis.from_url(node.url).info("clients")["connected_clients"] for node in cluster.nodes]
            return store.refused, max(open_ones)

    refused_writes, connections = asyncio.run(run())
    assert refused_writes == 0
    assert connections <= 80


def test_a_node_that_fails_is_waited_for_and_nothing_else_is_said(cluster: ValkeyCluster, settings: Settings) -> None:
    # 64 calls at once, again and again │ a node is killed │ and comes back
    batches = 120

    async def apply_all(store: RedisStore, node: Valkey) -> int:
        add, waited = Aggregator(64, lambda _: "UTC").add, 0
        for number in range(batches):
            if number == batches // 3:
                node.kill()
            batch, deadline = posts(number * 200, 200, f"m{number}"), time.monotonic() + 60
            while True:
                try:
                    await store.apply("t:0", number * 200, (number + 1) * 200, add(batch))
                    break
                except RetryLater:
                    assert time.monotonic() < deadline
                    waited += 1
                    if waited == 5:
                        await asyncio.to_thread(node.start)
                        await asyncio.to_thread(cluster.wait_until_whole)
                    await asyncio.sleep(0.1)
        return waited

    async def run() -> tuple[int, dict[str, tuple[int, int]]]:
        async with async_redis_client(settings) as client:
            store = RedisStore(client, "failing", 64)
            return await apply_all(store, cluster.nodes[1]), await counted(store, 64)

    waited, found = asyncio.run(run())
    assert waited >= 5
    assert found == {f"c{n}": (batches, batches) for n in range(200)}
