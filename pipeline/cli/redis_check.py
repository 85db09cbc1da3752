"""Is Redis there, does it keep what it is given, and does its clock agree with ours?"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import redis
from redis.exceptions import RedisClusterException

from pipeline import clock
from pipeline.cli.finding import Finding, ok, warning, wrong
from pipeline.errors import ElanError
from pipeline.redis_clients import redis_client
from pipeline.windows.redis_keys import Keys
from pipeline.windows.redis_progress import LAYOUT_VERSION, OTHER_LAYOUT

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings import Settings

CLOCK_WARNING_SECONDS = 2.0
CLOCK_WRONG_SECONDS = 60.0


def check_redis(settings: Settings) -> Iterator[Finding]:
    """The server (of a Cluster: each primary), its clock, and what the namespace was started with."""
    try:
        client = redis_client(settings)
    except ElanError as error:
        yield wrong("Redis", str(error))
        return
    try:
        for name, info in _infos(client, settings).items():
            yield from _server(name, info)
        yield _clock(client)
        yield _layout(client, settings)
    except (redis.RedisError, RedisClusterException, OSError) as error:
        yield wrong(
            "Redis", f"Redis refuses a command of this check ({error}): allow INFO, TIME and HGETALL to the user."
        )
    finally:
        client.close()


def _primaries(client: Any) -> list[Any]:
    """The nodes to ask; one server is asked without a name."""
    cluster: Any = client
    return list(cluster.get_primaries()) if isinstance(client, redis.RedisCluster) else [None]


def _on(node: Any) -> dict[str, Any]:
    return {} if node is None else {"target_nodes": node}


def _infos(client: Any, settings: Settings) -> dict[str, dict[str, Any]]:
    """What each server says of itself. INFO, and not CONFIG, which managed servers and our own access list refuse."""
    one = settings.redis.url.rpartition("@")[2].rpartition("//")[2]
    return {one if node is None else node.name: client.info(**_on(node)) for node in _primaries(client)}


def _server(name: str, info: dict[str, Any]) -> Iterator[Finding]:
    product = "Valkey" if "valkey_version" in info else "Redis"
    yield ok(
        "Redis", f"{name}: {product} {info.get('valkey_version', info.get('redis_version', 'of unknown version'))}"
    )
    if info.get("role", "master") != "master":
        yield wrong("Redis", f"{name} is a replica and read only: set redis.url to its primary.")
    policy = info.get("maxmemory_policy")
    if policy == "noeviction":
        yield ok("Redis", f"{name}: maxmemory-policy noeviction")
    else:
        yield wrong(
            "Redis",
            f"{name} has maxmemory-policy {policy or 'unknown'}: windows would vanish one by one, unnoticed; "
            f"set `maxmemory-policy noeviction`.",
        )
    if info.get("aof_enabled") == 1:
        yield ok("Redis", f"{name}: append-only file on")
    else:
        yield wrong(
            "Redis", f"{name} has no append-only file: a restart would forget the windows; set `appendonly yes`."
        )


def _clock(client: Any) -> Finding:
    before = clock.now_seconds()
    seconds, microseconds = client.time(**_on(_primaries(client)[0]))
    after = clock.now_seconds()
    difference = abs(seconds + microseconds / 1e6 - (before + after) / 2)
    text = f"this host and Redis differ by {difference:.3f} s"
    if difference <= CLOCK_WARNING_SECONDS:
        return ok("clock", text)
    advice = f"{text}: synchronise both with NTP; the clock decides when a day has ended."
    return wrong("clock", advice) if difference > CLOCK_WRONG_SECONDS else warning("clock", advice)


def _layout(client: Any, settings: Settings) -> Finding:
    namespace, wanted = settings.redis.namespace, str(settings.redis.shards)
    found = {name.decode(): value.decode() for name, value in client.hgetall(Keys(namespace).layout()).items()}
    if not found:
        return ok("namespace", f"{namespace}: not started yet")
    if found.get("version") != LAYOUT_VERSION:
        return wrong("namespace", f"{namespace} {OTHER_LAYOUT}")
    if found.get("shards") != wanted:
        return wrong(
            "namespace",
            f"{namespace} was started with {found.get('shards')} shards, the settings say {wanted}: "
            f"set redis.shards = {found.get('shards')}, or choose another redis.namespace.",
        )
    if found.get("topic") != settings.kafka.activity_topic:
        return wrong(
            "namespace",
            f"{namespace} was started for topic {found.get('topic')}, not {settings.kafka.activity_topic}: "
            f"set kafka.activity_topic back, or choose another redis.namespace.",
        )
    return ok("namespace", f"{namespace}: {wanted} shards for {settings.kafka.activity_topic}")
