"""Waiting for a server that is away: the same again, after a pause that grows, until it works or the process ends."""

from __future__ import annotations

import asyncio
import logging
from typing import TYPE_CHECKING, TypeVar

from pipeline.errors import RetryLater

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

T = TypeVar("T")
log = logging.getLogger(__name__)

FIRST_PAUSE_SECONDS = 0.1
LONGEST_PAUSE_SECONDS = 5.0


async def until_done(what: str, action: Callable[[], Awaitable[T]], on_retry: Callable[[str], None]) -> T:
    """The action's result. `action` must be harmless to repeat; `on_retry` is told why each time it is."""
    pause_seconds = FIRST_PAUSE_SECONDS
    while True:
        try:
            return await action()
        except RetryLater as error:
            log.warning("%s: %s; again in %.1f s", what, error, pause_seconds)
            on_retry(str(error))
        await asyncio.sleep(pause_seconds)
        pause_seconds = min(2 * pause_seconds, LONGEST_PAUSE_SECONDS)
