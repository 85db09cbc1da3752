"""Runs Lua scripts, many at once, and says which errors of Redis are worth waiting for."""

from __future__ import annotations

import asyncio
import hashlib
import re
from collections.abc import Sequence
from functools import partial
from importlib import resources
from typing import TYPE_CHECKING, Any

from redis import exceptions
from redis.asyncio import RedisCluster

from pipeline.errors import RetryLater, Stop

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

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
_OF_STREAMS = {"drain", "read", "readexactly", "readuntil", "write", "writelines"}
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
    except AttributeError as error:
        if not _is_of_a_closed_connection(error):
            raise
        raise RedisAway("unavailable", error) from error
    except (exceptions.RedisError, exceptions.RedisClusterException, OSError, asyncio.TimeoutError) as error:
        kind = kind_of(error)
        if kind is None:
            raise Stop(f"Redis refuses a command: {error}. Run `elan check`.") from error
        raise RedisAway(kind, error) from error


def _is_of_a_closed_connection(error: AttributeError) -> bool:
    """Where one node of a Cluster fails, redis-py closes all connections, those too that others are just opening."""
    return error.obj is None and error.name in _OF_STREAMS


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


Call = tuple[Sequence[str], Sequence[Any]]
"""(keys, arguments); its keys lie on one node."""


class Script:
    """Lua files of this package, one after the other."""

    def __init__(self, client: Client, *files: str) -> None:
        self._client = client
        folder = resources.files("pipeline.windows")
        self._source = "".join(folder.joinpath(file).read_text(encoding="utf-8") for file in files)
        self._sha = hashlib.sha1(self._source.encode(), usedforsecurity=False).hexdigest()

    async def run(self, calls: Sequence[Call]) -> list[Any]:
        """Answers in the order of the calls; each call is atomic, the whole is not.

        Raises:
            RetryLater: some of the calls may not have run; calling again must be harmless.
            Stop: Redis refuses for good.
        """
        send = self._send_side_by_side if isinstance(self._client, RedisCluster) else self._send_in_a_pipeline
        answers: list[Any] = await patiently(partial(send, calls))
        return answers

    async def _send_in_a_pipeline(self, calls: Sequence[Call]) -> list[Any]:
        try:
            return await self._pipelined("EVALSHA", self._sha, calls)
        except exceptions.NoScriptError:
            return await self._pipelined("EVAL", self._source, calls)

    async def _pipelined(self, command: str, body: str, calls: Sequence[Call]) -> list[Any]:
        async with self._client.pipeline(transaction=False) as pipe:
            for keys, rest in calls:
                pipe.execute_command(command, body, len(keys), *keys, *rest)
            return await _answers(pipe)

    async def _send_side_by_side(self, calls: Sequence[Call]) -> list[Any]:
        """A Cluster's pipeline takes no scripts. All have ended when the first error among them is raised."""
        answers = await asyncio.gather(*(self._send(keys, rest) for keys, rest in calls), return_exceptions=True)
        for answer in answers:
            if isinstance(answer, BaseException):
                raise answer
        return answers

    async def _send(self, keys: Sequence[str], rest: Sequence[Any]) -> Any:
        try:
            return await self._client.execute_command("EVALSHA", self._sha, len(keys), *keys, *rest)
        except exceptions.NoScriptError:
            return await self._client.execute_command("EVAL", self._source, len(keys), *keys, *rest)
