"""Ctrl-C during a replay, which is one long computation that never waits."""

from __future__ import annotations

import asyncio
import signal
from typing import TYPE_CHECKING, Any, NoReturn, TypeVar

if TYPE_CHECKING:
    from collections.abc import Coroutine

T = TypeVar("T")


def run_interruptible(coroutine: Coroutine[Any, Any, T]) -> T:
    """What it returns, as of `asyncio.run`; Ctrl-C raises KeyboardInterrupt wherever it is.

    asyncio's own handler of Ctrl-C would cancel it where it next waits for something: at its end.
    """
    before = signal.getsignal(signal.SIGINT)
    if before is not signal.default_int_handler:
        # Somebody wants it ignored, such as a shell that started this in the background.
        return asyncio.run(coroutine)
    signal.signal(signal.SIGINT, _interrupt)
    try:
        return asyncio.run(coroutine)
    finally:
        signal.signal(signal.SIGINT, before)


def _interrupt(_: int, __: object) -> NoReturn:
    raise KeyboardInterrupt
