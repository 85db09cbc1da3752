"""`elan bench latency`: how soon an activity is in the windows."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipeline.cli.bench_figures import KAFKA_HELP, REDIS_HELP, show
from pipeline.cli.output_files import JsonOption, write_json

if TYPE_CHECKING:
    from pipeline.lab.latency_bench import LatencyBench


def latency(
    *,
    events_per_second: Annotated[
        float, typer.Option(min=1.0, max=20_000.0, help="Activities sent a second.")
    ] = 1_000.0,
    seconds: Annotated[float, typer.Option(min=1.0, help="How long, after two seconds that are not measured.")] = 20.0,
    kafka: Annotated[str | None, typer.Option(help=KAFKA_HELP)] = None,
    redis: Annotated[str | None, typer.Option(help=REDIS_HELP)] = None,
    json: JsonOption = None,
) -> None:
    """Measure the time from sending an activity until the windows in Redis hold it.

    Activities of the present are sent at an even pace; one worker, started as users start it, counts them, while the
    bench asks Redis every five milliseconds or so where the partitions stand. A standing is written after the windows.

    Example: elan bench latency --seconds 60 --json latency.json

    Exit codes: 0 done, 2 an option is wrong, 3 a server or the worker failed, or a record was not counted.
    """
    from pipeline.lab.bench_topic_servers import bench_place  # noqa: PLC0415 - quick --help
    from pipeline.lab.latency_bench import run_latency_bench  # noqa: PLC0415

    told = Console(stderr=True)
    with bench_place(kafka, redis) as place:
        found = asyncio.run(run_latency_bench(place, events_per_second, seconds, told.print))
        _show(found, place.broker)
    write_json(json, found)


def _show(found: LatencyBench, broker: str) -> None:
    figures = {
        "broker": broker,
        "activities": f"{found.events:,}",
        "activities a second": f"{found.events_per_second:,.0f}",
        "half of them within, ms": f"{found.p50_ms:,.1f}",
        "99 % of them within, ms": f"{found.p99_ms:,.1f}",
        "all of them within, ms": f"{found.max_ms:,.1f}",
    }
    show("from sent to counted", figures)
