"""Runs Lua scripts, many at once, and says which errors of Redis are worth waiting for."""

from __future__ import annotations

import asyncio
import hashlib
import re
from importlib import resources
from typing import TYPE_CHECKING, Any

from redis import exceptions
from redis.asyncio import RedisCluster

from pipeline.errors import RetryLater, Stop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Sequence

    from redis.asyncio import Redis

    Client = Redis | RedisCluster

LOADING = "loading"
_KIND_OF_CLASS = {
    exceptions.OutOfMemoryError: "full",
    exceptions.ReadOnlyError: "read_only",
    exceptions.BusyLoadingError: LOADING,
    exceptions.TryAgainError: "cluster",
    exceptions.ClusterError: "cluster",
    exceptions.RedisClusterException: "cluster",
    exceptions.ConnectionError: "unavailable",
    exceptions.TimeoutError: "unavailable",
    OSError: "unavailable",
    asyncio.TimeoutError: "unavailable",
}
"""The first that fits."""
_KIND_OF_CODE = {
    "OOM": "full",
    "READONLY": "read_only",
    "NOREPLICAS": "read_only",
    "MISCONF": "read_only",
    "BUSY": "busy",
    "UNKILLABLE": "busy",
}
"""Of answers for which redis-py has no class, or finds none because a server before version 7 has wrapped them."""
_SAYS = {
    "full": "Redis is full",
    "read_only": "Redis takes no writes",
    LOADING: "Redis is still loading what it keeps",
    "busy": "Redis is busy with a script",
    "cluster": "the Redis Cluster is not whole",
    "unavailable": "Redis does not answer",
}
# That server says "ERR Error running script (…): @user_script:9: -OOM command not allowed …".
_CODE = re.compile(rf"(?:^|: -)({'|'.join(_KIND_OF_CODE)}) ")


class RedisAway(RetryLater):
    """Redis cannot do it for the moment: nothing is lost meanwhile, the fence keeps count. `kind` is the metric's."""

    def __init__(self, kind: str, error: Exception) -> None:
        super().__init__(f"{_SAYS[kind]}: {error}")
        self.kind = kind


def kind_of(error: Exception) -> str | None:
    """Of an error that passes by itself or once somebody mends Redis; None of any other."""
    for of_kind, kind in _KIND_OF_CLASS.items():
        if isinstance(error, of_kind):
            return kind
    found = _CODE.search(str(error))
    return _KIND_OF_CODE[found.group(1)] if found else None


async def patiently(command: Callable[[], Awaitable[Any]]) -> Any:
    """The command's answer; a passing error becomes `RedisAway`, any other `Stop`.

    Raises:
        RetryLater: Redis is away, full, loading, busy or read only.
        Stop: Redis refuses for good.
    """
    try:
        return await command()
    except (exceptions.RedisError, exceptions.RedisClusterException, OSError, asyncio.TimeoutError) as error:
        kind = kind_of(error)
        if kind is None:
            raise Stop(f"Redis refuses a command: {error}. Run `elan check`.") from error
        raise RedisAway(kind, error) from error


async def _answers(pipe: Any) -> list[Any]:
    """Of a pipeline; the first error among them is raised as the server sent it, without what redis-py adds."""
    answers = list(await pipe.execute(raise_on_error=False))
    for answer in answers:
        if isinstance(answer, Exception):
            raise answer
    return answers


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
            return await _answers(pipe)

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
            return await _answers(pipe)
