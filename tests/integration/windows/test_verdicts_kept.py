"""What judging remembers in Redis: read back as it was written, fenced by the boundary."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import numpy as np
import redis.asyncio

from pipeline.readings import Labels, ReadingColumns, encode_readings
from pipeline.windows.redis_verdicts import RedisVerdicts
from pipeline.windows.store import Verdicts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SHARDS = 4
COMMUNITIES = ["a", "b/c", "é"]


def readings(day: int, communities: list[str]) -> ReadingColumns:
    """Of each community another one; no two values of one reading are alike where their type lets them differ."""
    places = np.arange(len(communities))
    return ReadingColumns(
        boundary_day=day,
        communities=communities,
        names=[None, *communities[1:]],
        lines=[None] * len(communities),
        verdicts=Labels(("learning", "holding"), places % 2),
        phases=Labels(("peak", "trough"), places % 2),
        alert_stages=Labels((None, "watch"), places % 2),
        momentum_ratios=np.where(places == 0, np.nan, places / 3),
        indices=places[:, None] / np.array([7.0, 11.0, 13.0]),
        age_days=places + 400,
        active_members=places[:, None] + np.array([3, 5, 9, 70_000]),
        weekly_active_members=places[:, None] + np.arange(26) * 3_000,
        weekly_participants=places,
        activities_28_days=places + 5_000_000_000,
        baselines=np.where(places == 0, np.nan, places + 1 / 3),
        engagement_percentiles=np.where(places == 1, np.nan, 50.5),
        early_recoveries=places,
    )


def verdicts_of(day: int, communities: list[str], states: bytes) -> Verdicts:
    return Verdicts(states, encode_readings(readings(day, communities)), [], {})


def with_verdicts(url: str, check: Callable[[RedisVerdicts], Awaitable[None]]) -> None:
    async def run() -> None:
        async with redis.asyncio.Redis.from_url(url) as client:
            await check(RedisVerdicts(client, "elan", SHARDS))

    asyncio.run(run())


def test_states_and_readings_are_read_back_as_they_were_written(valkey_url: str) -> None:
    async def check(verdicts: RedisVerdicts) -> None:
        assert await verdicts.states("acme", range(SHARDS)) == [None] * SHARDS
        assert await verdicts.readings("acme") == []
        assert await verdicts.commit("acme", 1, 100, 100, verdicts_of(100, COMMUNITIES, b"\x00\xff"))
        assert await verdicts.commit("acme", 3, 100, 100, verdicts_of(100, ["d"], b"{}"))
        assert await verdicts.states("acme", [1]) == [b"\x00\xff"]
        assert await verdicts.states("acme", range(SHARDS)) == [None, b"\x00\xff", None, b"{}"]
        assert await verdicts.readings("acme") == [
            *readings(100, COMMUNITIES).readings(),
            *readings(100, ["d"]).readings(),
        ]
        assert await verdicts.judged("acme") == {1: 100, 3: 100}
        assert await verdicts.states("other", range(SHARDS)) == [None] * SHARDS

    with_verdicts(valkey_url, check)


def test_a_judge_who_comes_second_changes_nothing(valkey_url: str) -> None:
    # day 100: first judge | day 100: second judge, too late | day 101: the first goes on
    async def check(verdicts: RedisVerdicts) -> None:
        first = verdicts_of(100, ["a"], b"first")
        first.steps.append(("id", True, b"{}"))
        first.lives["a"] = b'{"first_day":90}'
        late = verdicts_of(107, ["a"], b"late")
        late.steps.append(("id", False, b"{}"))
        assert await verdicts.commit("acme", 0, 100, 100, first)
        assert not await verdicts.commit("acme", 0, 100, 107, late)
        assert await verdicts.states("acme", [0]) == [b"first"]
        assert [reading.boundary_day for reading in await verdicts.readings("acme")] == [100]
        assert await verdicts.lives("acme", [0]) == first.lives
        assert [entry.alert_id for entry in await verdicts.outbox()] == ["id"]
        assert await verdicts.open_alerts("acme") == [b"{}"]
        assert await verdicts.commit("acme", 0, 101, 101, verdicts_of(101, ["a"], b"next"))
        assert await verdicts.states("acme", [0]) == [b"next"]
        assert [reading.boundary_day for reading in await verdicts.readings("acme")] == [101]
        assert await verdicts.lives("acme", [0]) == first.lives

    with_verdicts(valkey_url, check)
