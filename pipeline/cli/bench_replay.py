"""`elan bench replay`: what a backtest of an archive costs."""

from __future__ import annotations

import asyncio
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipeline.cli.bench_ingest import JSON_HELP
from pipeline.cli.replay_options import EVENTS_HELP, NETWORK_HELP, SOURCE_HELP

if TYPE_CHECKING:
    from pipeline.lab.replay_bench import ReplayBench


def replay(
    file: Annotated[Path, typer.Argument(help=EVENTS_HELP)],
    source: Annotated[str, typer.Option(help=SOURCE_HELP)] = "jsonl",
    network: Annotated[str | None, typer.Option(help=NETWORK_HELP)] = None,
    json: Annotated[Path | None, typer.Option(help=JSON_HELP)] = None,
) -> None:
    """Measure what a backtest of a file costs: reading it, counting, and judging every day of it, in memory.

    Needs no server. The settings are those of `elan backtest`.

    Example: elan bench replay events.jsonl.gz --json replay.json

    Exit codes: 0 done, 2 a setting or option is wrong, 4 the file cannot be used.
    """
    import msgspec  # noqa: PLC0415 - quick --help

    from pipeline.lab.replay_bench import run_replay_bench  # noqa: PLC0415
    from pipeline.settings import load_settings  # noqa: PLC0415

    found = asyncio.run(run_replay_bench(file, source, network, load_settings()))
    _show(found, Console())
    if json is not None:
        json.write_bytes(msgspec.json.format(msgspec.json.encode(found)) + b"\n")


def _show(found: ReplayBench, console: Console) -> None:
    table = Table("one backtest", "", title_justify="left")
    table.columns[1].justify = "right"
    rows = {
        "activities": f"{found.activities:,}",
        "communities": f"{found.communities:,}",
        "alert steps": f"{found.alert_steps:,}",
        "seconds of one core": f"{found.seconds:.2f}",
        "seconds on the clock": f"{found.wall_seconds:.2f}",
        "activities a second of the core": f"{found.events_per_second:,.0f}",
        "peak memory, MiB": f"{found.rss_mb:,.0f}",
    }
    for name, value in rows.items():
        table.add_row(name, value)
    console.print(table)
