"""Runs Lua scripts, many at once, and says which errors of Redis are worth waiting for."""

from __future__ import annotations

import asyncio
import hashlib
from importlib import resources
from typing import TYPE_CHECKING, Any

from redis import exceptions
from redis.asyncio import RedisCluster

from pipeline.errors import RetryLater, Stop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from redis.asyncio import Redis

    Client = Redis | RedisCluster

PASSING = (
    exceptions.ConnectionError,
    exceptions.TimeoutError,
    exceptions.BusyLoadingError,
    exceptions.ReadOnlyError,
    exceptions.OutOfMemoryError,
    exceptions.TryAgainError,
    exceptions.ClusterDownError,
    exceptions.MasterDownError,
    ConnectionError,
    asyncio.TimeoutError,
)
"""Errors that pass by themselves or once somebody mends Redis: nothing is lost meanwhile, the fence keeps count."""
PASSING_CODES = ("BUSY ", "MISCONF ", "NOREPLICAS ", "UNKILLABLE ")
"""Of the same kind, for which redis-py has no class."""


async def patiently(command: Callable[[], Awaitable[Any]]) -> Any:
    """The command's answer; a passing error becomes `RetryLater`, any other `Stop`.

    Raises:
        RetryLater: Redis is away, full, loading or read only.
        Stop: Redis refuses for good.
    """
    try:
        return await command()
    except PASSING as error:
        raise RetryLater(f"Redis does not answer: {error}") from error
    except exceptions.RedisError as error:
        if str(error).startswith(PASSING_CODES):
            raise RetryLater(f"Redis does not answer: {error}") from error
        raise Stop(f"Redis refuses a command: {error}. Run `elan check`.") from error


async def pipelined(client: Client, commands: Sequence[tuple[Any, ...]]) -> list[Any]:
    """Answers to many commands, sent together.

    Raises:
        RetryLater: some of the commands may not have run.
        Stop: Redis refuses for good.
    """

    async def attempt() -> list[Any]:
        async with client.pipeline(transaction=False) as pipe:
            for command in commands:
                pipe.execute_command(*command)
            return list(await pipe.execute())

    answers: list[Any] = await patiently(attempt) if commands else []
    return answers


class Script:
    """Lua files of this package, one after the other. A call is (keys, arguments); its keys lie on one node."""

    def __init__(self, client: Client, *files: str) -> None:
        self._client = client
        folder = resources.files("pipeline.windows")
        self._source = "".join(folder.joinpath(file).read_text(encoding="utf-8") for file in files)
        self._sha = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        """Answers in the order of the calls; each call is atomic, the whole is not.

        Raises:
            RetryLater: some of the calls may not have run; calling again must be harmless.
            Stop: Redis refuses for good.
        """

        async def attempt() -> list[Any]:
            try:
                return await self._send("EVALSHA", self._sha, calls)
            except exceptions.NoScriptError:
                return await self._send("EVAL", self._source, calls)

        answers: list[Any] = await patiently(attempt)
        return answers

    async def _send(self, command: str, body: str, calls: Sequence[tuple[Sequence[str], Sequence[Any]]]) -> list[Any]:
        if isinstance(self._client, RedisCluster):
            # A Cluster's pipeline takes no scripts; its connections are used side by side instead.
            return list(
                await asyncio.gather(
                    *(self._client.execute_command(command, body, len(keys), *keys, *rest) for keys, rest in calls)
                )
            )
        async with self._client.pipeline(transaction=False) as pipe:
            for keys, rest in calls:
                pipe.execute_command(command, body, len(keys), *keys, *rest)
            return list(await pipe.execute())
