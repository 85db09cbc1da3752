"""The HTTP door of a process: `/metrics` for Prometheus, `/-/healthy` and `/-/ready` for whoever restarts it."""

from __future__ import annotations

import errno
import socket
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from aiohttp import web
from prometheus_client import CONTENT_TYPE_LATEST, generate_latest

from pipeline.errors import ServerError, SettingsError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from prometheus_client import CollectorRegistry

NOT_READY = 503


@asynccontextmanager
async def endpoint(
    host: str, port: int, registry: CollectorRegistry, why_not_ready: Callable[[], str | None]
) -> AsyncIterator[str]:
    """Serve the endpoints as long as the block runs; yields the URL. Port 0 takes a free one.

    Healthy says only that the process runs: an outage of Kafka or Redis must not become a storm of restarts.
    `why_not_ready` answers None when ready, else the reason in one sentence.

    Raises:
        SettingsError: the host is no address of this machine.
        ServerError: the port is taken.
    """

    async def metrics(_: web.Request) -> web.Response:
        return web.Response(body=generate_latest(registry), headers={"Content-Type": CONTENT_TYPE_LATEST})

    async def healthy(_: web.Request) -> web.Response:
        return web.Response(text="healthy\n")

    async def ready(_: web.Request) -> web.Response:
        reason = why_not_ready()
        return web.Response(text="ready\n") if reason is None else web.Response(text=f"{reason}\n", status=NOT_READY)

    app = web.Application()
    app.add_routes([web.get("/metrics", metrics), web.get("/-/healthy", healthy), web.get("/-/ready", ready)])
    runner = web.AppRunner(app, access_log=None, shutdown_timeout=1.0)
    await runner.setup()
    try:
        site = web.TCPSite(runner, host, port)
        try:
            await site.start()
        except OSError as error:
            if isinstance(error, socket.gaierror) or error.errno == errno.EADDRNOTAVAIL:
                message = f"{host} is no address of this machine: choose another metrics host ({error.strerror})."
                raise SettingsError(message) from error
            message = f"Port {port} on {host} is taken or not allowed: choose another metrics port ({error.strerror})."
            raise ServerError(message) from error
        address, bound_port = runner.addresses[0][:2]
        # An IPv6 address has colons of its own.
        yield f"http://[{address}]:{bound_port}" if ":" in address else f"http://{address}:{bound_port}"
    finally:
        await runner.cleanup()
