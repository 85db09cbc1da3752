"""`elan bench`: what this machine, and this Redis, are good for."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console

from pipeline.cli.bench_detection import detection
from pipeline.cli.bench_figures import REDIS_HELP, show
from pipeline.cli.bench_ingest import ingest
from pipeline.cli.bench_latency import latency
from pipeline.cli.bench_replay import replay
from pipeline.cli.output_files import JsonOption, write_json

if TYPE_CHECKING:
    from pipeline.lab.judge_bench import JudgeBench

bench = typer.Typer(help="Measure how fast, and how well, Élan counts and judges.", no_args_is_help=True)

MEBIBYTE = 1024 * 1024


def judge(
    *,
    communities: Annotated[int, typer.Option(min=1, help="Communities to judge.")] = 100_000,
    members_per_community: Annotated[int, typer.Option(min=1, help="Members of a community on average.")] = 50,
    redis: Annotated[str | None, typer.Option(help=REDIS_HELP)] = None,
    json: JsonOption = None,
) -> None:
    """Fill a Redis with a large network of made-up communities and measure what judging one day of it costs.

    The figures are the median of the last three of seventeen boundaries: before them alerts of all the past are raised
    at once, and champions are reviewed for the first time. Filling takes a minute or two for five million memberships
    and is not measured; all of it is removed at the end.

    Example: elan bench judge --communities 10000 --json bench.json

    Exit codes: 0 done, 2 an option is wrong, 3 there is no Redis.
    """
    from pipeline.errors import RetryLater, ServerError  # noqa: PLC0415 - quick --help
    from pipeline.lab.judge_bench import bench_settings, run_judge_bench  # noqa: PLC0415

    console = Console(stderr=True)
    with bench_settings(redis) as settings:
        try:
            found = asyncio.run(run_judge_bench(settings, communities, members_per_community, console.print))
        except RetryLater as error:
            raise ServerError(f"{error}. Give the Redis of the bench more memory, or fewer communities.") from error
    _show(found)
    write_json(json, found)


def _show(found: JudgeBench) -> None:
    figures = {
        "communities": f"{found.communities:,}",
        "memberships": f"{found.memberships:,}",
        "seconds of one core": f"{found.seconds:.2f}",
        "seconds on the clock": f"{found.wall_seconds:.2f}",
        "seconds of Redis's core": f"{found.redis_seconds:.2f}",
        "seconds of one core, first boundary": f"{found.first_boundary.seconds:.2f}",
        "bytes per community": f"{found.bytes_per_community:,.0f}",
        "bytes per membership": f"{found.bytes_per_membership:,.0f}",
        "peak memory, MiB": f"{found.peak_rss_bytes / MEBIBYTE:,.0f}",
    }
    show("one boundary", figures)


bench.command("ingest")(ingest)
bench.command("latency")(latency)
bench.command("replay")(replay)
bench.command("judge")(judge)
bench.command("detection")(detection)
