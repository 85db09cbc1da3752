"""Starts the stock Faust application on the topic of the bench, and waits for what it cost."""

from __future__ import annotations

import subprocess
import sys
from typing import TYPE_CHECKING

import msgspec

from pipeline import clock
from pipeline.errors import ServerError

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.lab.bench_topic_servers import BenchPlace

START_SECONDS = 120.0
"""On the embedded broker its start was seen to take half a minute."""
SLOWEST_EVENTS_A_SECOND = 100.0
STOP_SECONDS = 10.0
PAUSE_SECONDS = 0.1
LAST_CHARACTERS = 500


class StockCost(msgspec.Struct, frozen=True):
    """Seconds of a core from its first event to its last, and how many it counted."""

    core_seconds: float
    events: int


def measure_stock_faust(place: BenchPlace, events: int, folder: Path) -> StockCost:
    """Let stock Faust count the first `events` activities it is given.

    Raises:
        ServerError: it ended early or is not done in time.
    """
    kafka, result, log = place.settings.kafka, folder / "stock.json", folder / "stock.log"
    command = [sys.executable, "-m", "pipeline.lab.stock_faust", kafka.bootstrap_servers, kafka.activity_topic]
    with log.open("wb") as output:
        process = subprocess.Popen(  # noqa: S603 - our own module
            [*command, f"{kafka.group}-stock", str(events), str(result)],
            stdout=output,
            stderr=subprocess.STDOUT,
            cwd=folder,
        )
    deadline = clock.monotonic_seconds() + START_SECONDS + events / SLOWEST_EVENTS_A_SECOND
    try:
        while not result.exists():
            if process.poll() is not None or clock.monotonic_seconds() > deadline:
                said = log.read_text(errors="replace").strip()[-LAST_CHARACTERS:]
                raise ServerError(f"Stock Faust did not count {events:,} events: {said}")
            _pause(process)
    finally:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
    return msgspec.json.decode(result.read_bytes(), type=StockCost)


def _pause(process: subprocess.Popen[bytes]) -> None:
    try:
        process.wait(PAUSE_SECONDS)
    except subprocess.TimeoutExpired:
        return
