"""`elan bench replay`: what a backtest of an archive costs."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.cli.bench_figures import show
from pipeline.cli.interruptible import run_interruptible
from pipeline.cli.output_files import JsonOption, write_json
from pipeline.cli.replay_options import EVENTS_HELP, NETWORK_HELP, SOURCE_HELP

if TYPE_CHECKING:
    from pipeline.lab.replay_bench import ReplayBench


def replay(
    file: Annotated[Path, typer.Argument(help=EVENTS_HELP)],
    source: Annotated[str, typer.Option(help=SOURCE_HELP)] = "jsonl",
    network: Annotated[str | None, typer.Option(help=NETWORK_HELP)] = None,
    json: JsonOption = None,
) -> None:
    """Measure what a backtest of a file costs: reading it, counting, and judging every day of it, in memory.

    Needs no server. The settings are those of `elan backtest`.

    Example: elan bench replay events.jsonl.gz --json replay.json

    Exit codes: 0 done, 2 a setting or option is wrong, 4 the file cannot be used.
    """
    from pipeline.lab.replay_bench import run_replay_bench  # noqa: PLC0415 - quick --help
    from pipeline.settings import load_settings  # noqa: PLC0415

    found = run_interruptible(run_replay_bench(file, source, network, load_settings()))
    _show(found)
    write_json(json, found)


def _show(found: ReplayBench) -> None:
    figures = {
        "activities": f"{found.activities:,}",
        "communities": f"{found.communities:,}",
        "alert steps": f"{found.alert_steps:,}",
        "seconds of one core": f"{found.seconds:.2f}",
        "seconds on the clock": f"{found.wall_seconds:.2f}",
        "activities a second of the core": f"{found.events_per_second:,.0f}",
        "peak memory, MiB": f"{found.rss_mb:,.0f}",
    }
    show("one backtest", figures)
