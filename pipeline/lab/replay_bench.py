"""What a backtest of an archive costs: this process reads the file and runs the stages over it in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipeline import clock
from pipeline.errors import InputError
from pipeline.lab.judge_bench import core_seconds, peak_rss_bytes
from pipeline.lab.replay_file import read_in_order, replay_file
from pipeline.lab.runs import Recorder
from pipeline.sources.report import ImportReport

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.settings import Settings

MEBIBYTE = 1024 * 1024


class ReplayBench(msgspec.Struct, frozen=True):
    """`seconds` of one core for the whole file, from its first byte to the last boundary judged."""

    seconds: float
    wall_seconds: float
    activities: int
    communities: int
    alert_steps: int
    events_per_second: float
    """Activities a second of the core."""
    rss_mb: float
    """The most this process held, in MiB."""


async def run_replay_bench(path: Path, source: str, network: str | None, settings: Settings) -> ReplayBench:
    """Replay a file once.

    Raises:
        InputError: the file cannot be used, or no activity is in it.
        SettingsError: no such source, or the network must be named.
    """
    report, steps = ImportReport(), 0
    seconds, wall_seconds = core_seconds(), clock.monotonic_seconds()
    async for _ in replay_file(read_in_order(path, source, network, report), settings, Recorder([])):
        steps += 1
    seconds, wall_seconds = core_seconds() - seconds, clock.monotonic_seconds() - wall_seconds
    if not report.activities:
        raise InputError(f"There is no activity in {path}: give another file, or another --source.")
    return ReplayBench(
        seconds=round(seconds, 3),
        wall_seconds=round(wall_seconds, 3),
        activities=report.activities,
        communities=len(report.communities),
        alert_steps=steps,
        events_per_second=round(report.activities / seconds),
        rss_mb=round(peak_rss_bytes() / MEBIBYTE, 1),
    )
