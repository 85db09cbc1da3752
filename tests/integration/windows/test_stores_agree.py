"""One suite over both stores: whatever the batches, memory, Redis and counting by hand say the same."""

from __future__ import annotations

import asyncio
from itertools import pairwise
from typing import TYPE_CHECKING

import pytest
import redis.asyncio
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from pipeline.history import HISTORY_DAYS, WINDOW_DAYS
from pipeline.model import Details, Kind, trusted_activity
from pipeline.pseudonyms import PSEUDONYM_CHARACTERS
from pipeline.windows.aggregate import Aggregator, departments_of, shard_of
from pipeline.windows.columns import KIND_COLUMN, KINDS
from pipeline.windows.day_columns import Windows
from pipeline.windows.memory_store import MemoryStore
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.store import MEMBER_DAYS, MEMBER_SILENT_DAYS
from tests.unit.windows.plain_windows import PlainWindows, day_of

if TYPE_CHECKING:
    from pipeline.history import History
    from pipeline.model import TrustedActivity
    from pipeline.windows.day_columns import NetworkColumns
    from pipeline.windows.store import WindowStore

SHARDS = 4
START = 1_700_000_000
DAY = 86_400


def pseudonym(member: str) -> str:
    return member.ljust(PSEUDONYM_CHARACTERS, "_")


def activity(
    offset: int,
    days: float,
    member: str | None = "m1",
    kind: Kind = Kind.POST,
    community: str = "a",
    *,
    network: str = "acme",
    **more: object,
) -> TrustedActivity:
    details = Details(**more)  # type: ignore[arg-type]
    actor = None if member is None else pseudonym(member)
    return trusted_activity(offset, START + days * DAY, KIND_COLUMN[kind], network, community, actor, details)


# Three months of a busy community with gaps on every side of every window, late activities included.
days = st.one_of(
    st.floats(0, 2),
    st.floats(0, 30),
    st.floats(0, 130),
    st.sampled_from([0, 1, 6.9, 7, 8, 27, 28, 29, 90, 91, 92, 120]),
)
activities = st.lists(
    st.builds(
        lambda network, at, member, kind, community, bot, count, of_object, name, line, department: activity(
            0,
            at,
            None if kind is Kind.VIEW and count > 1 else member,
            kind,
            community,
            network=network,
            bot=bot,
            count=count if kind is Kind.VIEW else 1,
            of_object=of_object,
            communityname=name,
            line=line,
            department=department,
        ),
        st.sampled_from(["acme", "acme", "globex"]),
        days,
        st.sampled_from([f"member-{n}" for n in range(6)]),
        st.sampled_from(list(Kind)),
        st.sampled_from(["a", "b/c", "é"]),
        st.sampled_from([False, False, False, True]),
        st.sampled_from([1, 1, 300, 70_000]),
        st.booleans(),
        st.sampled_from([None, None, "Wine", "Wine & Food"]),
        st.sampled_from([None, None, "practice", "é", "", "a\nb", "x" * 201]),
        st.sampled_from([None, None, "sales", "é", "", "a\nb", "x" * 201]),
    ),
    min_size=1,
    max_size=80,
)


async def feed(store: WindowStore, log: list[TrustedActivity], cuts: list[int], zone: str = "UTC") -> None:
    aggregator = Aggregator(SHARDS, lambda _: zone)
    edges = [0, *sorted({cut % len(log) for cut in cuts} - {0}), len(log)]
    for first, last in pairwise(edges):
        await store.describe(departments_of(log[first:last]))
        assert await store.apply("topic:0", first, last, aggregator.add(log[first:last])) == {}


async def compare(store: WindowStore, log: list[TrustedActivity], boundaries: list[int], zone: str = "UTC") -> None:
    networks = sorted({a[3] for a in log})
    assert await store.networks() == networks
    for network in networks:
        await compare_network(store, network, [a for a in log if a[3] == network], boundaries, zone)


async def compare_network(
    store: WindowStore, network: str, log: list[TrustedActivity], boundaries: list[int], zone: str
) -> None:
    plain = PlainWindows(log, zone)
    newest_hour = max(int(a[1] // 3600) for a in log)
    assert await store.departments(network) == plain.departments()
    of_all = Windows(await store.read_days(network, range(SHARDS), min(boundaries), max(boundaries)))
    for boundary in boundaries:
        source = await store.read_days(network, range(SHARDS), boundary, boundary)
        history = Windows(source).as_of(boundary)
        weekly_active = history.weekly_active_members(52)
        see_the_same_active_members(of_all.as_of(boundary), history)
        assert sorted(history.communities) == sorted({a[4] for a in log})
        assert history.network_activities.tolist() == plain.network_activities(boundary, HISTORY_DAYS)
        assert history.names == tuple(map(plain.name, history.communities))
        assert history.lines == tuple(map(plain.line, history.communities))
        for row, community in enumerate(history.communities):
            for width in WINDOW_DAYS:
                expected = plain.activities(community, boundary, min(width, HISTORY_DAYS))
                got = {k: int(v[row, -width:].sum()) for k, v in history.activities.items() if v[row, -width:].any()}
                assert got == expected
                assert history.active_members[width][row] == plain.active(community, boundary, width)
            assert history.bot_activities[row].sum() == plain.bots(community, boundary, HISTORY_DAYS)
            for back in (0, 1, 7, 30):
                assert history.participants_7_days[row, -1 - back] == plain.participants(community, boundary - back)
            for weeks in (0, 1, 4, 51):
                assert weekly_active[row, -1 - weeks] == plain.active(community, boundary - 7 * weeks, 7)
            (members,) = await store.members(network, [community], boundary)
            assert {
                name: [(d.day, d.conversational, d.relational, d.participated) for d in found]
                for name, found in members.histories().items()
            } == {
                name: found
                for name, found in plain.members(community, boundary, MEMBER_DAYS).items()
                if found[-1][0] > boundary - MEMBER_SILENT_DAYS
            }
            for end_hour in (newest_hour + 1, newest_hour - 20, newest_hour - 60):
                hours = await store.hours(network, community, end_hour)
                for width in (1, 24):
                    assert (dict(hours[width].activities), hours[width].active_members) == plain.hours(
                        community, end_hour, width
                    )
        together = [sum(plain.participants(c, boundary) for c in history.communities)]
        assert history.network_participants[-1] == together[0]
        await see_the_same_network(store, network, history, source.network_columns)


def see_the_same_active_members(one_of_many: History, history: History) -> None:
    """Of a boundary that was read with others, and by itself."""
    for width in WINDOW_DAYS:
        assert one_of_many.active_members[width].tolist() == history.active_members[width].tolist()
    assert one_of_many.weekly_active_members(26).tolist() == history.weekly_active_members(26).tolist()
    assert one_of_many.participants_7_days.tolist() == history.participants_7_days.tolist()


async def see_the_same_network(
    store: WindowStore, network: str, history: History, network_columns: NetworkColumns
) -> None:
    """Shards read by themselves, however new the activity of the others is."""
    boundary = history.boundary_day
    for shard in range(SHARDS):
        for known in (None, network_columns):
            source = await store.read_days(network, [shard], boundary, boundary, network_columns=known)
            alone = Windows(source).as_of(boundary)
            assert alone.network_participants.tolist() == history.network_participants.tolist()
            assert alone.network_activities.tolist() == history.network_activities.tolist()


def boundaries_of(log: list[TrustedActivity], zone: str = "UTC") -> list[int]:
    newest = max(day_of(a[1], zone) for a in log)
    return [newest, newest + 3, newest - 1, newest - 4]


def numbered(log: list[TrustedActivity]) -> list[TrustedActivity]:
    return [(n, *a[1:]) for n, a in enumerate(log)]


# As they come as a rule, and in any order.
logs = (activities | activities.map(lambda log: sorted(log, key=lambda a: a[1]))).map(numbered)


@given(log=logs, cuts=st.lists(st.integers(0, 100), max_size=8))
@settings(max_examples=60, deadline=None)
def test_memory_windows_equal_counting_by_hand(log: list[TrustedActivity], cuts: list[int]) -> None:
    async def run() -> None:
        store = MemoryStore()
        await feed(store, log, cuts)
        await compare(store, log, boundaries_of(log))

    asyncio.run(run())


@given(log=logs, cuts=st.lists(st.integers(0, 100), max_size=8))
@settings(max_examples=60, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_redis_windows_equal_counting_by_hand(valkey_url: str, log: list[TrustedActivity], cuts: list[int]) -> None:
    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            await client.flushall()
            store = RedisStore(client, "elan", SHARDS)
            await feed(store, log, cuts)
            await compare(store, log, boundaries_of(log))
        finally:
            await client.aclose()

    asyncio.run(run())


@pytest.mark.parametrize("zone", ["Asia/Kathmandu", "America/St_Johns", "Europe/Paris", "Pacific/Auckland"])
def test_days_are_those_of_the_networks_time_zone(valkey_url: str, zone: str) -> None:
    # an activity every 5 h 17 min for 40 days, across a change of the clocks in spring
    log = numbered([activity(0, 112 + n * 0.22, f"m{n % 5}") for n in range(180)])

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            for store in (MemoryStore(), RedisStore(client, "elan", SHARDS)):
                await feed(store, log, [50, 100], zone)
                await compare(store, log, boundaries_of(log, zone), zone)
        finally:
            await client.aclose()

    asyncio.run(run())


def test_a_ring_that_went_round_reads_like_a_new_one(valkey_url: str) -> None:
    # 0 ........ 400 ........ 800 ........ 1100 days: every slot is used three times; a silence of 500 days in between
    every_third_day = [activity(0, day, f"m{day % 7}", KINDS[day % 4]) for day in range(0, 620, 3)]
    after_silence = [activity(0, day, f"m{day % 5}") for day in range(1120, 1140)]
    log = numbered(every_third_day + after_silence)

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            for store in (MemoryStore(), RedisStore(client, "elan", SHARDS)):
                await feed(store, log, list(range(0, len(log), 11)))
                await compare(store, log, boundaries_of(log))
        finally:
            await client.aclose()

    asyncio.run(run())


@st.composite
def long_logs(draw: st.DrawFn) -> list[TrustedActivity]:
    """Two years of a quiet community, in which rings come round; every third activity or so comes late."""
    present, log = 400, []
    for _ in range(draw(st.integers(2, 25))):
        present += draw(st.sampled_from([0, 0, 1, 1, 2, 6, 8, 29, 92, 330, 399, 400]))
        late = draw(st.sampled_from([0, 0, 0, 0, 1, 2, 30, 330]))
        member = draw(st.sampled_from(["m1", "m2", "m3"]))
        log.append(activity(0, present - late, member, draw(st.sampled_from([Kind.POST, Kind.JOIN]))))
    return numbered(log)


@given(log=long_logs(), cuts=st.lists(st.integers(0, 25), max_size=8))
@settings(max_examples=100, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_late_days_are_counted_once_however_often_a_ring_comes_round(
    valkey_url: str, log: list[TrustedActivity], cuts: list[int]
) -> None:
    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            await client.flushall()
            for store in (MemoryStore(), RedisStore(client, "elan", SHARDS)):
                await feed(store, log, cuts)
                await compare(store, log, boundaries_of(log))
        finally:
            await client.aclose()

    asyncio.run(run())


def test_a_day_before_the_first_is_not_counted_again_when_the_ring_has_come_round(valkey_url: str) -> None:
    # day 400 |, then three of day 399 that come late │ day 799: the ring is at its end, where day 399 was kept
    log = numbered([activity(0, 400), *[activity(0, 399, f"m{n}") for n in range(3)], activity(0, 799)])

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            await client.flushall()
            for store in (MemoryStore(), RedisStore(client, "elan", SHARDS)):
                await feed(store, log, [1, 4])
                await compare(store, log, boundaries_of(log))
        finally:
            await client.aclose()

    asyncio.run(run())


def test_a_batch_counted_before_changes_nothing_and_one_that_straddles_is_refused(valkey_url: str) -> None:
    log = numbered([activity(0, day / 10, f"m{day % 3}") for day in range(60)])

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            for store in (MemoryStore(), RedisStore(client, "elan", SHARDS)):
                aggregator = Aggregator(SHARDS, lambda _: "UTC")
                await feed(store, log[:40], [])
                assert await store.apply("topic:0", 0, 40, aggregator.add(log[:40])) == {}
                straddling = await store.apply("topic:0", 30, 60, aggregator.add(log[30:]))
                assert set(straddling.values()) == {40}
                await compare(store, log[:40], boundaries_of(log[:40]))
                assert await store.apply("topic:0", 40, 60, aggregator.add(log[40:])) == {}
                await compare(store, log, boundaries_of(log))
        finally:
            await client.aclose()

    asyncio.run(run())


def test_shards_without_a_community_read_as_none_at_all(valkey_url: str) -> None:
    log = numbered([activity(0, day, f"m{day % 3}") for day in range(20)])
    empty = [shard for shard in range(SHARDS) if shard != shard_of("acme", "a", SHARDS)]
    (boundary, *_) = boundaries_of(log)

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            for store in (MemoryStore(), RedisStore(client, "elan", SHARDS)):
                await feed(store, log, [])
                history = Windows(await store.read_days("acme", empty, boundary, boundary)).as_of(boundary)
                assert history.communities == ()
                assert history.participants_7_days.shape == (0, HISTORY_DAYS)
                # The network's level is that of all shards.
                assert history.network_participants[-1] == 3
                assert history.network_activities[-20:].tolist() == [1] * 20
        finally:
            await client.aclose()

    asyncio.run(run())


def test_the_last_line_and_department_said_are_kept(valkey_url: str) -> None:
    # community a    practice ........ process .... (nothing said)
    # member m1      sales ..... plant ............ (nothing said)      bot: never a department
    said = [("practice", "sales"), (None, "plant"), ("process", None), (None, None)]
    log = [activity(0, day, line=line, department=department) for day, (line, department) in enumerate(said)]
    log = numbered([*log, activity(0, 4, "robot", bot=True, department="plant"), activity(0, 5, community="b")])

    async def run() -> None:
        client = redis.asyncio.Redis.from_url(valkey_url)
        try:
            for store in (MemoryStore(), RedisStore(client, "elan", SHARDS)):
                await feed(store, log, list(range(len(log))))
                source = await store.read_days("acme", range(SHARDS), *boundaries_of(log)[:1] * 2)
                assert dict(zip(source.communities, source.lines, strict=True)) == {"a": "process", "b": None}
                assert await store.departments("acme") == {pseudonym("m1"): "plant"}
                assert await store.departments("other") == {}
        finally:
            await client.aclose()

    asyncio.run(run())
