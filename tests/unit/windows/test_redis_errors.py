"""Which errors of Redis are waited for, and under which name they are counted."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
from redis import exceptions
from redis._parsers import _AsyncRESP2Parser

from pipeline.errors import RetryLater, Stop
from pipeline.windows.redis_scripts import RedisAway, kind_of, patiently

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

SERVER_SAYS = {
    "OOM command not allowed when used memory > 'maxmemory'.": "full",
    "OOM command not allowed when used memory > 'maxmemory'. script: ab12, on @user_script:9.": "full",
    "ERR Error running script (call to f_ab12): @user_script:9: -OOM command not allowed when used memory": "full",
    "READONLY You can't write against a read only replica.": "read_only",
    "ERR Error running script (call to f_ab12): @user_script:9: -READONLY You can't write against": "read_only",
    "NOREPLICAS Not enough good replicas to write.": "read_only",
    "MISCONF Errors writing to the AOF file: No space left on device": "read_only",
    "LOADING Redis is loading the dataset in memory": "loading",
    "BUSY Redis is busy running a script. You can only call SCRIPT KILL or SHUTDOWN NOSAVE.": "busy",
    "CLUSTERDOWN The cluster is down": "cluster",
    "TRYAGAIN Multiple keys request during rehashing of slot": "cluster",
    "MASTERDOWN Link with MASTER is down and replica-serve-stale-data is set to 'no'.": "cluster",
    "ERR unknown command 'EVALSHA'": None,
    "ERR Error running script (call to f_ab12): @user_script:9: attempt to index a nil value": None,
    "NOPERM User elan has no permissions to run the 'setrange' command": None,
    "WRONGTYPE Operation against a key holding the wrong kind of value": None,
}


def raising(error: Exception) -> Callable[[], Awaitable[None]]:
    async def command() -> None:
        raise error

    return command


@pytest.mark.parametrize(("text", "kind"), SERVER_SAYS.items(), ids=[text[:60] for text in SERVER_SAYS])
def test_an_answer_of_the_server_is_waited_for_or_ends_the_worker(text: str, kind: str | None) -> None:
    error = _AsyncRESP2Parser.parse_error(text)  # type: ignore[no-untyped-call]
    assert kind_of(error) == kind
    with pytest.raises(RetryLater if kind else Stop):
        asyncio.run(patiently(raising(error)))


@pytest.mark.parametrize(
    ("error", "kind"),
    [
        (exceptions.ConnectionError("Connection closed by server."), "unavailable"),
        (exceptions.TimeoutError("Timeout reading from 127.0.0.1:6379"), "unavailable"),
        (ConnectionResetError("reset"), "unavailable"),
        (asyncio.TimeoutError(), "unavailable"),
        (exceptions.RedisClusterException("Redis Cluster cannot be connected."), "cluster"),
        (exceptions.SlotNotCoveredError('Slot "5" is not covered by the cluster.'), "cluster"),
    ],
)
def test_a_server_that_is_away_is_waited_for(error: Exception, kind: str) -> None:
    with pytest.raises(RedisAway) as found:
        asyncio.run(patiently(raising(error)))
    assert found.value.kind == kind
