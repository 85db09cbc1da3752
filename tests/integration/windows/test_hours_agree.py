"""The last hours of a community that much happens in: rows are summed again and again, and nobody sees that."""

from __future__ import annotations

import asyncio
import hashlib
from random import Random
from typing import TYPE_CHECKING

import pytest
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.model import Details, Kind, trusted_activity
from pipeline.windows.aggregate import Aggregator
from pipeline.windows.columns import KINDS
from pipeline.windows.memory_store import MemoryStore
from pipeline.windows.redis_scripts import Script
from pipeline.windows.redis_store import APPLY_FILES, RedisStore
from tests.unit.windows.plain_windows import PlainWindows

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.model import TrustedActivity
    from pipeline.windows.store import WindowStore

START_HOUR, HOUR_SECONDS = 480_000, 3_600
REMEMBERED_HOURS = 96
MEMBERS = [f"member-{n:04}" for n in range(8)]
KEY, ASIDE_KEY = "elan:{elan-0}:h:acme/wine", "elan:{elan-0}:o:acme/wine"
LARGE_BYTES, ROW_BYTES, BATCH = 262_144, 15, 2_000


class SmallSums(Script):
    """The script that puts sums aside long before they are large, as if a hundred times as many were active."""

    def __init__(self, client: redis.asyncio.Redis, large_bytes: int) -> None:
        super().__init__(client, *APPLY_FILES)
        text = f"LARGE_BYTES = {LARGE_BYTES}\n"
        assert text in self._source
        self._source = self._source.replace(text, f"LARGE_BYTES = {large_bytes}\n")
        self._sha = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()


def busy_log(
    seed: int, hours: int, acts: int, late_hours: int, members: Sequence[str] = MEMBERS
) -> list[TrustedActivity]:
    """`acts` activities over `hours`, in order but for those that come up to `late_hours` late."""
    random = Random(seed)
    log = []
    for number in range(acts):
        late = random.uniform(0, late_hours) if random.random() < 0.2 else 0
        kind = random.randrange(len(KINDS))
        is_view = KINDS[kind] is Kind.VIEW
        member = None if is_view and random.random() < 0.5 else random.choice(members)
        details = Details(bot=random.random() < 0.1, count=random.choice([1, 300, 70_000]) if is_view else 1)
        seconds = (START_HOUR + hours * number / acts - late) * HOUR_SECONDS
        log.append(trusted_activity(number, seconds, kind, "acme", "wine", member, details))
    return log


async def feed(store: WindowStore, log: list[TrustedActivity], batch: int) -> None:
    aggregator = Aggregator(1, lambda _: "UTC")
    for start in range(0, len(log), batch):
        some = log[start : start + batch]
        first = some[0][0]
        await store.apply("topic:0", first, first + len(some), aggregator.add(some))


async def compare(store: WindowStore, log: list[TrustedActivity]) -> None:
    plain, newest = PlainWindows(log), max(int(a[1] // HOUR_SECONDS) for a in log)
    for end_hour in (newest + 30, newest + 1, newest, newest - 40, newest - REMEMBERED_HOURS + 25):
        windows = await store.hours("acme", "wine", end_hour)
        for width in (1, 24):
            assert (windows[width].activities, windows[width].active_members) == plain.hours("wine", end_hour, width)


logs = st.builds(busy_log, st.integers(0, 1 << 30), st.integers(1, 300), st.integers(1, 900), st.integers(0, 120))


@given(log=logs, batch=st.sampled_from([1, 7, 50, 900]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hours_equal_counting_by_hand_in_both_stores(valkey_url: str, log: list[TrustedActivity], batch: int) -> None:
    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            await client.flushall()
            for store in (MemoryStore(), RedisStore(client, "elan", 1)):
                await feed(store, log, batch)
                await compare(store, log)
        finally:
            await client.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("large_bytes", [100, 600])
@given(log=logs, batch=st.sampled_from([1, 7, 50, 900]))
@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_hours_are_the_same_where_sums_were_put_aside(
    valkey_url: str, large_bytes: int, log: list[TrustedActivity], batch: int
) -> None:
    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            await client.flushall()
            store = RedisStore(client, "elan", 1)
            store._apply = SmallSums(client, large_bytes)
            await feed(store, log, batch)
            await compare(store, log)
        finally:
            await client.aclose()

    asyncio.run(run())


def test_of_a_community_of_many_no_more_is_summed_at_once_than_of_one_of_some(valkey_url: str) -> None:
    #  20,000 members in 150 hours ............ 200 hours later eight, who do half as much as they did
    crowd = busy_log(3, 150, 120_000, 2, [f"mem-{n:07}" for n in range(20_000)])
    later = busy_log(4, 1, 60_000, 0)
    after = [(120_000 + a[0], a[1] + 350 * HOUR_SECONDS, *a[2:]) for a in later]

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            await client.flushall()
            store, longest_bytes = RedisStore(client, "elan", 1), 0
            for first in range(0, len(crowd), BATCH):
                await feed(store, crowd[first : first + BATCH], BATCH)
                longest_bytes = max(longest_bytes, await client.strlen(KEY))
            await compare(store, crowd)
            # Sums that are just not large yet, and three times as many rows.
            assert LARGE_BYTES < longest_bytes < 4 * LARGE_BYTES + BATCH * ROW_BYTES
            # Of 150 hours 96 are remembered.
            assert LARGE_BYTES < await bytes_aside(client) < 120_000 * ROW_BYTES
            await feed(store, after, BATCH)
            assert await bytes_aside(client) == 0, "what nobody remembers any more is still there"
            await compare(store, [*crowd, *after])
        finally:
            await client.aclose()

    asyncio.run(run())


async def bytes_aside(client: redis.asyncio.Redis) -> int:
    return sum(map(len, await client.lrange(ASIDE_KEY, 0, -1)))


def test_what_a_log_takes_up_depends_on_members_and_hours_and_not_on_how_much_happens(valkey_url: str) -> None:
    async def weigh(acts: int) -> int:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            await client.flushall()
            store, log = RedisStore(client, "elan", 1), busy_log(1, 500, acts, 3)
            await feed(store, log, 50)
            await compare(store, log)
            assert await client.getrange(KEY, 0, 0) == b"\xff", "no rows were ever summed"
            return int(await client.strlen(KEY))
        finally:
            await client.aclose()

    little, much = asyncio.run(weigh(6_000)), asyncio.run(weigh(24_000))
    # 96 hours of 14 kinds and bots are 8 kB of sums, and there are at most three times as many rows.
    assert little < 40_000
    assert much < 40_000


def test_hours_that_are_no_longer_remembered_are_forgotten_by_both_stores(valkey_url: str) -> None:
    #  a busy day ........ 200 hours of silence ........ another busy day
    before = busy_log(2, 24, 300, 0)
    log = [*before, *((a[0] + 300, a[1] + 224 * HOUR_SECONDS, *a[2:]) for a in before)]

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            for store in (MemoryStore(), RedisStore(client, "elan", 1)):
                await feed(store, log, 30)
                await compare(store, log)
                nothing = await store.hours("acme", "wine", START_HOUR + 24)
                assert [(dict(w.activities), w.active_members) for w in nothing.values()] == [({}, 0), ({}, 0)]
        finally:
            await client.aclose()

    asyncio.run(run())
