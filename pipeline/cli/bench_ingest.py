"""`elan bench ingest`: what a worker costs for a million activities."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipeline.cli.bench_figures import KAFKA_HELP, REDIS_HELP, show
from pipeline.cli.output_files import JsonOption, write_json

if TYPE_CHECKING:
    from pipeline.lab.ingest_bench import IngestBench


def ingest(
    *,
    events: Annotated[int, typer.Option(min=1_000, help="Made-up activities to read.")] = 1_000_000,
    spread_days: Annotated[
        float, typer.Option(min=0.01, max=365.0, help="Days of event time that a million activities cover.")
    ] = 8.0,
    communities: Annotated[int, typer.Option(min=1, help="Communities, by Zipf's law.")] = 2_000,
    workers: Annotated[int, typer.Option(min=1, max=8, help="Workers that read side by side.")] = 1,
    stock_events: Annotated[
        int, typer.Option(min=1, help="How many of them stock Faust reads; its figure is per million of these.")
    ] = 20_000,
    no_stock: Annotated[bool, typer.Option("--no-stock", help="Leave stock Faust out.")] = False,
    kafka: Annotated[str | None, typer.Option(help=KAFKA_HELP)] = None,
    redis: Annotated[str | None, typer.Option(help=REDIS_HELP)] = None,
    json: JsonOption = None,
) -> None:
    """Measure what one worker costs for a million activities, beside a stock Faust application on the same topic.

    2,000 communities by Zipf's law, 50,000 actors, about 300 bytes each. The topic is written first; then a worker (or
    more), started as users start it, reads it to the end. The command fails unless every record has been counted.
    Stock Faust counts a share of the same records one by one in windowed Tables.

    Example: elan bench ingest --events 200000 --json ingest.json

    Exit codes: 0 done, 2 an option is wrong, 3 a server or the worker failed, or a record was not counted.
    """
    from pipeline.lab.bench_topic_servers import bench_place  # noqa: PLC0415 - quick --help
    from pipeline.lab.ingest_bench import IngestOptions, run_ingest_bench  # noqa: PLC0415

    told = Console(stderr=True)
    with bench_place(kafka, redis) as place:
        found = asyncio.run(
            run_ingest_bench(
                place,
                IngestOptions(events, spread_days, 0 if no_stock else stock_events, communities, workers),
                told.print,
            )
        )
        _show(found, place.broker, appends_to_file=place.appends_to_file)
    write_json(json, found)


def _show(found: IngestBench, broker: str, *, appends_to_file: bool) -> None:
    figures = {
        "broker": broker,
        "Redis keeps an append-only file": "yes" if appends_to_file else "no",
        "seconds of one core": f"{found.elan_cpu_seconds_per_million:.2f}",
        "seconds of one core, stock Faust": _or_dash(found.stock_faust_cpu_seconds_per_million, ".0f"),
        "stock Faust / Élan": _or_dash(found.ratio, ".0f"),
        "seconds of Redis's core": f"{found.redis_cpu_seconds_per_million:.2f}",
        f"activities a second, workers: {found.workers}": f"{found.events_per_second:,.0f}",
        "peak memory of a worker, MiB": f"{found.worker_rss_mb:,.0f}",
    }
    show("a million activities", figures)


def _or_dash(figure: float | None, form: str) -> str:
    return "-" if figure is None else format(figure, form)
