"""`elan serve`: the communities' series for Prometheus, and health."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from pipeline.settings import Settings


def serve(
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error; logs go to stderr.")] = "info",
) -> None:
    """Expose the communities' momentum, engagement, members, phase and alerts for Prometheus.

    Reads Redis every few seconds and writes nothing, so one or two may run. Endpoints: /metrics, /-/healthy, /-/ready.
    At most serve.community_series communities have series of their own: those with an open alert, then the largest;
    communities with fewer members than privacy.smallest_group are counted, never named.

    Example: elan serve

    Exit codes: 0 ended by a signal, 2 a setting is wrong, 3 Redis cannot be reached or the port is taken.
    """
    from pipeline.cli.logs import log_to_stderr  # noqa: PLC0415 - quick --help
    from pipeline.settings import load_settings  # noqa: PLC0415

    settings = load_settings()
    log_to_stderr(log_level)
    asyncio.run(_serve_until_signal(settings))


async def _serve_until_signal(settings: Settings) -> None:
    from pipeline.serve import run_serve  # noqa: PLC0415 - quick --help

    log = logging.getLogger("elan.serve")
    task = asyncio.ensure_future(run_serve(settings, lambda url: log.info("metrics on %s/metrics", url)))
    loop = asyncio.get_running_loop()
    for number in (signal.SIGTERM, signal.SIGINT):
        loop.add_signal_handler(number, task.cancel)
    with contextlib.suppress(asyncio.CancelledError):
        await task
