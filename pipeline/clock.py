"""The one place where the wall clock is read; everywhere else time is an argument."""

from __future__ import annotations

import time
from datetime import datetime, timezone


def now_seconds() -> float:
    """Unix time in seconds."""
    return time.time()


def now() -> datetime:
    """The present moment, aware, in UTC."""
    return datetime.now(timezone.utc)


def monotonic_seconds() -> float:
    """Seconds on a clock that never steps, for durations only."""
    return time.perf_counter()


def rfc3339(unix_seconds: float) -> str:
    """`2026-03-02T08:00:00Z`; milliseconds appear only where there are any."""
    moment = datetime.fromtimestamp(unix_seconds, timezone.utc)
    timespec = "milliseconds" if moment.microsecond else "seconds"
    return moment.isoformat(timespec=timespec).replace("+00:00", "Z")


def pause(seconds: float) -> None:
    """Wait; for commands that have no event loop."""
    time.sleep(seconds)
