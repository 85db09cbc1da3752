"""The HTTP door of a process says where it is, or why it cannot be opened."""

from __future__ import annotations

import asyncio
import socket

import aiohttp
import pytest
from prometheus_client import CollectorRegistry

from pipeline.endpoint import endpoint
from pipeline.errors import ElanError, ServerError, SettingsError


def refusal(host: str, port: int) -> ElanError:
    async def run() -> None:
        async with endpoint(host, port, CollectorRegistry(), lambda: None):
            pass

    with pytest.raises(ElanError) as told:
        asyncio.run(run())
    return told.value


# The last is of a network for documentation: no machine has it.
@pytest.mark.parametrize("host", ["no-such-host.invalid", "192.0.2.1"])
def test_a_host_that_is_not_this_machine_is_told_as_such(host: str) -> None:
    told = refusal(host, 0)
    assert isinstance(told, SettingsError)
    assert f"{host} is no address of this machine" in str(told)


def test_a_port_that_is_taken_is_told_as_such() -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = holder.getsockname()[1]
        told = refusal("127.0.0.1", port)
    assert isinstance(told, ServerError)
    assert f"Port {port} on 127.0.0.1 is taken" in str(told)


def has_ipv6() -> bool:
    """Containers often lack it."""
    try:
        socket.create_server(("::1", 0), family=socket.AF_INET6).close()
    except OSError:
        return False
    return True


@pytest.mark.parametrize(
    ("host", "begins"),
    [
        ("127.0.0.1", "http://127.0.0.1:"),
        pytest.param("::1", "http://[::1]:", marks=pytest.mark.skipif(not has_ipv6(), reason="no IPv6 here")),
    ],
)
def test_the_url_that_is_told_is_one_that_answers(host: str, begins: str) -> None:
    async def answer() -> tuple[str, str]:
        async with (
            endpoint(host, 0, CollectorRegistry(), lambda: None) as url,
            aiohttp.ClientSession() as client,
            client.get(f"{url}/-/ready") as reply,
        ):
            return url, await reply.text()

    url, ready = asyncio.run(answer())
    assert (url.startswith(begins), ready) == (True, "ready\n")
