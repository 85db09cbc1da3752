"""A Redis Cluster (of one node, which has all slots) is spoken to by redis+cluster://."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import redis

from pipeline.redis_clients import async_redis_client, redis_client
from pipeline.settings import load_settings
from tests.servers import absence
from tests.servers.process import HOST, ServerProcess, ServerUnavailableError, free_ports
from tests.servers.valkey import _server_binary

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from typer.testing import Result

ALL_SLOTS = (0, 16383)


@pytest.fixture(scope="module")
def cluster_url(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give the URL of a Cluster that has just been formed."""
    folder = tmp_path_factory.mktemp("cluster")
    port, bus_port = free_ports(2)
    options = {"port": port, "bind": HOST, "dir": folder, "cluster-enabled": "yes", "cluster-port": bus_port}
    try:
        command = [_server_binary(), *(word for name, value in options.items() for word in (f"--{name}", str(value)))]
    except ServerUnavailableError as error:
        absence.leave_out("Valkey", error)
    process = ServerProcess("Valkey", command, port, folder / "output.log")
    process.start()
    with redis.Redis(HOST, port) as node:
        node.execute_command("CLUSTER", "ADDSLOTSRANGE", *ALL_SLOTS)
        while b"cluster_state:ok" not in node.execute_command("CLUSTER", "INFO"):
            pass
    yield f"redis+cluster://{HOST}:{port}"
    process.stop()


def test_both_clients_find_the_node_of_a_key(cluster_url: str) -> None:
    settings = load_settings(environ={"ELAN_REDIS_URL": cluster_url})

    async def read() -> object:
        async with async_redis_client(settings) as client:
            return await client.get("key")

    client = redis_client(settings)
    client.set("key", "value")
    client.close()
    assert asyncio.run(read()) == b"value"


def test_a_check_looks_at_every_primary(elan: Callable[..., Result], cluster_url: str) -> None:
    elan("topics", "create")
    result = elan("check", ELAN_REDIS_URL=cluster_url)
    place = cluster_url.removeprefix("redis+cluster://")
    assert f"{place} has no append-only file" in result.stdout
    assert f"{place}: maxmemory-policy noeviction" in result.stdout
    assert "this host and Redis differ by 0." in result.stdout
