"""The only maker of Redis clients: settings in, connected clients out, and one sentence when no server is there."""

from __future__ import annotations

import asyncio
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import hiredis
import redis
import redis.asyncio
from redis.asyncio.retry import Retry as AsyncRetry
from redis.backoff import ExponentialBackoff
from redis.exceptions import RedisClusterException
from redis.retry import Retry

from pipeline.errors import ServerError
from pipeline.settings.checks import without_password
from pipeline.tls import ssl_context
from pipeline.windows.redis_scripts import LOADING, kind_of

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipeline.settings import RedisSettings, Settings

REDIS_CONNECTIONS = 16
CLUSTER_COMMANDS = 64
"""At once: they may all be for one node, which has 100 connections at most."""
REDIS_RETRIES = 2
REDIS_LONGEST_BACKOFF_SECONDS = 1.0
REDIS_TROUBLE = (redis.RedisError, RedisClusterException, OSError)


class ClusterClient(redis.asyncio.RedisCluster):
    """Waits where stock raises: each shard of each batch is a command of its own, and may open a connection."""

    def __init__(self, *nodes: Any, **options: Any) -> None:
        super().__init__(*nodes, **options)
        self._room = asyncio.Semaphore(CLUSTER_COMMANDS)

    async def execute_command(self, *words: Any, **options: Any) -> Any:
        """The answer to a command, `CLUSTER_COMMANDS` at a time."""
        async with self._room:
            return await super().execute_command(*words, **options)


class PackingInC:
    """Of a connection: redis-py packs the commands of asyncio in Python, 3 µs for each key of a boundary's rings."""

    def pack_command(self, *args: Any) -> list[bytes]:
        """The bytes that say a command, the same as redis-py's own; arguments are text, bytes and numbers."""
        words, rest = args[0].split(), args[1:]
        return [hiredis.pack_command((*words, *rest))]


def _redis_options(settings: RedisSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": settings.timeout_seconds,
        "decode_responses": False,
    }
    if settings.username is not None:
        options["username"] = settings.username
    if settings.password is not None:
        options["password"] = settings.password.get_secret_value()
    if settings.url.startswith("rediss"):
        ssl_context(settings)  # so that a file that cannot be used is told by its setting
        options |= {"ssl_ca_certs": settings.tls_ca_file, "ssl_certfile": settings.tls_certificate_file}
        options |= {"ssl_keyfile": settings.tls_key_file}
    return options


def _plain_url(settings: RedisSettings) -> tuple[bool, str]:
    """Whether it is a Cluster, and the URL as redis-py reads it."""
    return "+cluster" in settings.url, settings.url.replace("+cluster", "", 1)


def redis_client(settings: Settings) -> redis.Redis | redis.RedisCluster:
    """A blocking client for tools, of one server or of a Cluster; close it. Raises ServerError."""
    options = _redis_options(settings.redis)
    cluster, url = _plain_url(settings.redis)
    # Ten tries by default: half a minute until somebody learns that the server is not there.
    retry = Retry(ExponentialBackoff(cap=REDIS_LONGEST_BACKOFF_SECONDS), REDIS_RETRIES)
    make = redis.RedisCluster.from_url if cluster else redis.Redis.from_url
    try:
        client: redis.Redis | redis.RedisCluster = make(url, retry=retry, **options)
        client.ping()
    except REDIS_TROUBLE as error:
        raise ServerError(_redis_sentence(settings.redis, error)) from error
    return client


@asynccontextmanager
async def async_redis_client(
    settings: Settings,
) -> AsyncIterator[redis.asyncio.Redis | redis.asyncio.RedisCluster]:
    """A worker's client, of one server or of a Cluster, which may be loading its data still; raises ServerError."""
    client = _async_redis(settings.redis)
    try:
        await client.ping()
    except REDIS_TROUBLE as error:
        if kind_of(error) != LOADING:
            await client.aclose()
            raise ServerError(_redis_sentence(settings.redis, error)) from error
    try:
        yield client
    finally:
        await client.aclose()


def _async_redis(settings: RedisSettings) -> redis.asyncio.Redis | redis.asyncio.RedisCluster:
    options = _redis_options(settings)
    cluster, url = _plain_url(settings)
    retry = AsyncRetry(ExponentialBackoff(cap=REDIS_LONGEST_BACKOFF_SECONDS), REDIS_RETRIES)
    if cluster:
        return ClusterClient.from_url(url, retry=retry, **options)
    # The stock pool raises when it is full; this one waits.
    pool = redis.asyncio.BlockingConnectionPool.from_url(url, max_connections=REDIS_CONNECTIONS, retry=retry, **options)
    pool.connection_class = type("PackingConnection", (PackingInC, pool.connection_class), {})
    # The client owns the pool, so that closing it closes the connections.
    return redis.asyncio.Redis.from_pool(pool)


def _redis_sentence(settings: RedisSettings, error: Exception) -> str:
    place = without_password(settings.url)
    if isinstance(error, redis.AuthenticationError | redis.ResponseError):
        return f"Redis at {place} refuses ({error}): check redis.username and redis.password."
    return f"Redis at {place} cannot be reached ({error}): start it, or set redis.url to where it is."
