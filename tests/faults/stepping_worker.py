"""Runs `elan worker` under a wall clock that steps.

    python stepping_worker.py SECONDS STEP [STEP ...]

The clock is off by the first STEP (seconds; negative: behind) for SECONDS, then by the next one, and so on in turn.
The monotonic clock goes on as it should, as it does when somebody sets a machine's time.
"""

from __future__ import annotations

import sys
import time

_wall, _monotonic = time.time, time.monotonic
_started = _monotonic()
PERIOD_SECONDS = float(sys.argv[1])
STEPS = [float(step) for step in sys.argv[2:]]


def stepping() -> float:
    """Unix time, wrongly."""
    passed = int((_monotonic() - _started) / PERIOD_SECONDS)
    return _wall() + STEPS[passed % len(STEPS)]


def main() -> None:
    # Before anything is imported that might keep the function.
    time.time = stepping
    time.time_ns = lambda: int(stepping() * 1e9)
    from pipeline.cli.worker import worker  # noqa: PLC0415

    worker(log_level="info")


if __name__ == "__main__":
    main()
