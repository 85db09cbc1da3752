"""How long one boundary of a large network takes, and what it takes up: in this process, and in Redis."""

from __future__ import annotations

import multiprocessing
import resource
import sys
from concurrent.futures import ProcessPoolExecutor
from contextlib import contextmanager
from operator import attrgetter
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline import clock
from pipeline.due import groups_of
from pipeline.judging import Judge
from pipeline.lab.bench_network import LAST_DAY, NETWORK, community_name, fill, plan_network
from pipeline.lab.embedded import EmbeddedServers
from pipeline.learning import Learner
from pipeline.redis_clients import async_redis_client
from pipeline.rules import rules_of
from pipeline.scoring.life import survey_day
from pipeline.settings.given import from_variables
from pipeline.settings.loading import settings_of
from pipeline.windows.aggregate import shard_of
from pipeline.windows.redis_keys import Keys
from pipeline.windows.redis_scripts import pipelined
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.redis_verdicts import RedisVerdicts

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from pipeline.lab.bench_network import BenchNetwork
    from pipeline.settings import Settings
    from pipeline.windows.redis_scripts import Client

    Progress = Callable[[str], None]

SHARDS = 64
FILLERS = 2
BOUNDARIES = 17
ORDINARY_BOUNDARIES = 3
"""The first finds nothing remembered, and raises what all the past gives cause for within a week. Up to the fourteenth
champions are reviewed for the first time, which looks a week back as well, and one of them is a survey day. The last
three are days like any other, up to the last on which somebody was active."""
COMMANDS_AT_ONCE = 10_000
KIB = 1024


class BoundaryCost(msgspec.Struct, frozen=True):
    """Seconds that one boundary took: of this process's core, on the clock, and of Redis's core."""

    seconds: float
    wall_seconds: float
    redis_seconds: float


class JudgeBench(msgspec.Struct, frozen=True):
    """`seconds` of one core that this process spent on an ordinary boundary; Redis's are beside them."""

    seconds: float
    communities: int
    memberships: int
    bytes_per_community: float
    """Rings, state, reading and life in Redis."""
    bytes_per_membership: float
    wall_seconds: float
    redis_seconds: float
    peak_rss_bytes: int
    """Of this process."""
    first_boundary: BoundaryCost


@contextmanager
def bench_settings(redis_url: str | None) -> Iterator[Settings]:
    """Settings of the bench; a Valkey of its own runs meanwhile unless there is a URL.

    Raises:
        SettingsError: the URL is none.
        ServerError: there is no server program, or it does not start.
    """
    if redis_url is not None:
        yield _settings(redis_url)
        return
    with EmbeddedServers(kafka=False) as servers:
        yield _settings(servers.redis_url)


def _settings(redis_url: str) -> Settings:
    environment = {
        "ELAN_MODE": "development",
        "ELAN_REDIS_URL": redis_url,
        "ELAN_REDIS_SHARDS": str(SHARDS),
        "ELAN_REDIS_NAMESPACE": "elan-bench",
        "ELAN_REDIS_TIMEOUT_SECONDS": "60",
    }
    return settings_of(list(from_variables(environment)))


async def run_judge_bench(
    settings: Settings, communities: int, members_per_community: int, progress: Progress
) -> JudgeBench:
    """Fill Redis, judge the last days of it, weigh what lies there, and clear it.

    Raises:
        ServerError: Redis cannot be reached.
        RetryLater: Redis went away or is full.
    """
    network = plan_network(communities, members_per_community, SHARDS)
    async with async_redis_client(settings) as client:
        await _clear(client, settings.redis.namespace)
        _fill(settings, network, progress)
        costs = await _judge_days(client, settings, progress)
        progress("weighing what lies in Redis")
        community_bytes, member_bytes = await _weigh(client, settings.redis.namespace, len(network.sizes))
        await _clear(client, settings.redis.namespace)
    ordinary = sorted(costs[-ORDINARY_BOUNDARIES:], key=attrgetter("seconds"))[ORDINARY_BOUNDARIES // 2]
    return JudgeBench(
        seconds=ordinary.seconds,
        communities=communities,
        memberships=network.members,
        bytes_per_community=round(community_bytes / communities, 1),
        bytes_per_membership=round(member_bytes / network.members, 1),
        wall_seconds=ordinary.wall_seconds,
        redis_seconds=ordinary.redis_seconds,
        peak_rss_bytes=peak_rss_bytes(),
        first_boundary=costs[0],
    )


def core_seconds() -> float:
    """Seconds of a core that this process has used so far."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def peak_rss_bytes() -> int:
    """The most memory this process has held so far."""
    peak = resource.getrusage(resource.RUSAGE_SELF).ru_maxrss
    return peak if sys.platform == "darwin" else peak * KIB


def _fill(settings: Settings, network: BenchNetwork, progress: Progress) -> None:
    progress(f"putting {network.members:,} memberships into Redis, with {FILLERS} processes")
    # Processes of their own: what they take up is not counted as the judge's.
    with ProcessPoolExecutor(FILLERS, mp_context=multiprocessing.get_context("spawn")) as pool:
        for part in [pool.submit(fill, settings, network, part, FILLERS) for part in range(FILLERS)]:
            part.result()


async def _judge_days(client: Client, settings: Settings, progress: Progress) -> list[BoundaryCost]:
    """What each boundary cost up to the last day of the network, in order; what a survey day teaches is learnt."""
    namespace, costs = settings.redis.namespace, []
    verdicts, learner = RedisVerdicts(client, namespace, SHARDS), Learner()
    judge = Judge(RedisStore(client, namespace, SHARDS), verdicts, rules_of(settings), learn=learner.learn)
    try:
        for number, day in enumerate(range(LAST_DAY - BOUNDARIES + 1, LAST_DAY + 1), 1):
            progress(f"judging boundary {number} of {BOUNDARIES}")
            costs.append(await _judge_day(client, judge, groups_of(SHARDS, await verdicts.communities(NETWORK)), day))
            if day == survey_day(day):
                await judge.learn(NETWORK, range(SHARDS), day)
    finally:
        await learner.end()
    return costs


async def _judge_day(client: Client, judge: Judge, groups: Sequence[Sequence[int]], day: int) -> BoundaryCost:
    """One boundary of all shards, in groups as a worker takes them."""
    redis_seconds, wall_seconds, seconds = await _redis_seconds(client), clock.monotonic_seconds(), core_seconds()
    network_columns = await judge.read_network(NETWORK, day, day)
    for group in groups:
        await judge.judge(NETWORK, group, day, day, network_columns=network_columns)
    seconds = core_seconds() - seconds
    return BoundaryCost(
        seconds=round(seconds, 3),
        wall_seconds=round(clock.monotonic_seconds() - wall_seconds, 3),
        redis_seconds=round(await _redis_seconds(client) - redis_seconds, 3),
    )


async def _redis_seconds(client: Client) -> float:
    found = await client.info("cpu")
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])


async def _weigh(client: Client, namespace: str, communities: int) -> tuple[int, int]:
    """-> (bytes of rings, states, readings and lives, bytes of members)."""
    keys = Keys(namespace)
    judged, rings, members = [], [], []
    for shard in range(SHARDS):
        judged += [f"{keys.shard(shard)}{letter}:{NETWORK}" for letter in "csrv"]
    for number in range(communities):
        name = community_name(number)
        prefix = keys.shard(shard_of(NETWORK, name, SHARDS))
        rings += [f"{prefix}{letter}:{NETWORK}/{name}" for letter in "dho"]
        members.append(f"{prefix}m:{NETWORK}/{name}")
    return await _bytes(client, judged + rings), await _bytes(client, members)


async def _bytes(client: Client, keys: list[str]) -> int:
    total = 0
    for start in range(0, len(keys), COMMANDS_AT_ONCE):
        some = keys[start : start + COMMANDS_AT_ONCE]
        found: list[Any] = await pipelined(client, [("MEMORY", "USAGE", key, "SAMPLES", 20) for key in some])
        total += sum(size or 0 for size in found)
    return total


async def _clear(client: Client, namespace: str) -> None:
    names: list[Any] = []
    async for name in client.scan_iter(match=f"{namespace}:*", count=COMMANDS_AT_ONCE):
        names.append(name)
        if len(names) >= COMMANDS_AT_ONCE:
            await pipelined(client, [("UNLINK", known) for known in names])
            names.clear()
    await pipelined(client, [("UNLINK", known) for known in names])
