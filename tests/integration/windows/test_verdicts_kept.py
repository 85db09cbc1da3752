"""What judging remembers in Redis: read back as it was written, fenced by the boundary."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any

import msgspec
import redis.asyncio

from pipeline.history import Reading
from pipeline.windows.redis_verdicts import RedisVerdicts
from pipeline.windows.store import Verdicts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SHARDS = 4
STATES: dict[str, dict[str, Any]] = {
    "a": {"detector": {"streak": 2}, "phase": {"phase": "peak", "since": 19_000}},
    "b/c": {},
    "é": {"detector": {"alert": {"since": 19_700, "baseline": 11.333333, "stage": "watch"}}, "untold": False},
}


def reading(community: str, day: int) -> Reading:
    values: dict[type, Any] = {str: "holding", int: day, float: 1 / 3}
    fields = {field.name: values.get(field.type) for field in msgspec.structs.fields(Reading) if field.required} | {
        "community": community,
        "active_members": {"7d": 3, "365d": 70_000},
        "weekly_active_members": [0, 1, 70_000],
    }
    return msgspec.convert(fields, Reading)


def with_verdicts(url: str, check: Callable[[RedisVerdicts], Awaitable[None]]) -> None:
    async def run() -> None:
        async with redis.asyncio.Redis.from_url(url) as client:
            await check(RedisVerdicts(client, "elan", SHARDS))

    asyncio.run(run())


def test_states_and_readings_are_read_back_as_they_were_written(valkey_url: str) -> None:
    readings = [reading(community, 100) for community in STATES]

    async def check(verdicts: RedisVerdicts) -> None:
        assert await verdicts.states("acme", range(SHARDS)) == {}
        assert await verdicts.readings("acme") == []
        assert await verdicts.commit("acme", 1, 100, 100, Verdicts(STATES, readings, [], {}))
        assert await verdicts.commit("acme", 3, 100, 100, Verdicts({"d": {"n": 1}}, [reading("d", 100)], [], {}))
        assert await verdicts.states("acme", [1]) == STATES
        assert await verdicts.states("acme", range(SHARDS)) == STATES | {"d": {"n": 1}}
        assert await verdicts.readings("acme") == [*readings, reading("d", 100)]
        assert await verdicts.judged("acme") == {1: 100, 3: 100}
        assert await verdicts.states("other", range(SHARDS)) == {}

    with_verdicts(valkey_url, check)


def test_a_judge_who_comes_second_changes_nothing(valkey_url: str) -> None:
    # day 100: first judge | day 100: second judge, too late | day 101: the first goes on
    async def check(verdicts: RedisVerdicts) -> None:
        first = Verdicts({"a": {"streak": 1}}, [reading("a", 100)], [("id", True, b"{}")], {"a": b'{"first_day":90}'})
        late = Verdicts({"a": {"streak": 9}}, [reading("a", 107)], [("id", False, b"{}")], {"a": b"{}"})
        assert await verdicts.commit("acme", 0, 100, 100, first)
        assert not await verdicts.commit("acme", 0, 100, 107, late)
        assert await verdicts.states("acme", [0]) == first.states
        assert await verdicts.readings("acme") == first.readings
        assert await verdicts.lives("acme", [0]) == first.lives
        assert [entry.alert_id for entry in await verdicts.outbox()] == ["id"]
        assert await verdicts.open_alerts("acme") == [b"{}"]
        assert await verdicts.commit("acme", 0, 101, 101, Verdicts({"a": {}}, [reading("a", 101)], [], {}))
        assert await verdicts.states("acme", [0]) == {"a": {}}
        assert await verdicts.readings("acme") == [reading("a", 101)]
        assert await verdicts.lives("acme", [0]) == first.lives

    with_verdicts(valkey_url, check)
