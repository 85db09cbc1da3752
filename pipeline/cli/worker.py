"""`elan worker`: the command that counts, judges and tells."""

from __future__ import annotations

import asyncio
import logging
from typing import Annotated

import typer


def worker(
    log_level: Annotated[str, typer.Option(help="debug, info, warning or error; logs go to stderr.")] = "info",
) -> None:
    """Run a worker: take activities in, keep the windows, judge due boundaries, relay alerts.

    Any number may run; they share the partitions of the activity topic and take over from each other. SIGTERM ends one
    cleanly: what is in flight is counted, the partitions are handed over. Metrics and health are on the port that the
    first line says.

    Example: ELAN_PRIVACY_PSEUDONYM_KEY_FILE=/run/secrets/key elan worker

    Exit codes: 0 ended by a signal, 2 a setting is wrong, 3 Kafka or Redis cannot be reached at the start, 5 stopped
    because going on would lose something or count it twice, 6 there was not enough memory.
    """
    from pipeline.cli.logs import log_to_stderr  # noqa: PLC0415 - quick --help
    from pipeline.cli.memory import end_at_once  # noqa: PLC0415
    from pipeline.settings import load_settings  # noqa: PLC0415
    from pipeline.worker import run_worker  # noqa: PLC0415

    settings = load_settings()
    log_to_stderr(log_level)
    log = logging.getLogger("elan.worker")

    async def run() -> None:
        try:
            await run_worker(settings, on_url=lambda url: log.info("metrics on %s/metrics", url))
        except MemoryError:
            end_at_once()

    asyncio.run(run())
