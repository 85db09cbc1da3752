"""Duties that run beside the intake: each for ever, and all ended together."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING

from pipeline.errors import RetryLater

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from pipeline.intake_metrics import IntakeMetrics

log = logging.getLogger(__name__)

TROUBLE_PAUSE_SECONDS = 1.0
CANCEL_AGAIN_SECONDS = 0.1


async def for_ever(duty: Callable[[], Awaitable[float]], metrics: IntakeMetrics) -> None:
    """Do a duty again and again, with the pause it asks for; what has to wait for a server is told to `metrics`."""
    while True:
        try:
            pause_seconds = await duty()
            metrics.over(duty.__name__)
        except RetryLater as error:
            log.warning("%s; again in %.0f s", error, TROUBLE_PAUSE_SECONDS)
            metrics.trouble(error, duty.__name__)
            pause_seconds = TROUBLE_PAUSE_SECONDS
        await asyncio.sleep(pause_seconds)


async def end_duties(duties: list[asyncio.Task[None]]) -> None:
    """Cancel until all have ended.

    redis-py sends through `asyncio.wait_for`, which before Python 3.12 loses a cancellation that arrives in the moment
    in which the sending is done: the duty would go on for ever.
    """
    while running := [duty for duty in duties if not duty.done()]:
        for duty in running:
            duty.cancel()
        await asyncio.wait(running, timeout=CANCEL_AGAIN_SECONDS)
