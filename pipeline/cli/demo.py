"""`elan demo`: see the whole pipeline work on this machine, with Python alone."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.cli.replay_options import FILE_HELP, NETWORK_HELP, SOURCE_HELP

STANDARD_INPUT = Path("-")


def demo(
    *,
    seed: Annotated[int, typer.Option(help="Seed of the simulated company: same seed, same alerts.")] = 7,
    communities: Annotated[int, typer.Option(min=8, help="Communities of the simulated company.")] = 40,
    members: Annotated[int, typer.Option(min=100, help="Members of the simulated company.")] = 1500,
    months: Annotated[int, typer.Option(min=12, max=60, help="Months to simulate.")] = 24,
    events: Annotated[Path | None, typer.Option(help=f"Replay this instead: {FILE_HELP}")] = None,
    source: Annotated[str, typer.Option(help=SOURCE_HELP)] = "jsonl",
    network: Annotated[str | None, typer.Option(help=NETWORK_HELP)] = None,
    metrics_port: Annotated[int, typer.Option(min=0, max=65535, help="Port of the metrics; 0: a free one.")] = 9465,
    once: Annotated[bool, typer.Option("--once", help="End after the summary instead of serving metrics.")] = False,
) -> None:
    """Simulate a company's network and watch Élan notice which communities lose momentum.

    Starts a real Valkey and a real Kafka-protocol broker from wheels on free loopback ports, writes two years of a
    simulated company (or a file of yours) to the activity topic, and runs the worker on it: Kafka, Faust, Redis,
    judging, alerts. At the end it says what was declined on purpose, what was found and how late. The metrics stay up
    until Ctrl-C.

    Example: elan demo --once --events export.zip --source slack-export

    Exit codes: 0 done, 2 an option is wrong, 3 no embedded server for this platform or the port is taken, 4 the file
    cannot be used, 130 interrupted.
    """
    import asyncio  # noqa: PLC0415 - quick --help

    from rich.console import Console  # noqa: PLC0415

    from pipeline.cli.logs import log_to_stderr  # noqa: PLC0415
    from pipeline.errors import SettingsError  # noqa: PLC0415
    from pipeline.lab.demo import run_demo  # noqa: PLC0415
    from pipeline.lab.demo_feed import DemoOptions  # noqa: PLC0415

    if events == STANDARD_INPUT:
        # Another process reads it, and to that one standard input is closed.
        raise SettingsError("The demo cannot read standard input: give --events a file.")
    log_to_stderr("error")
    options = DemoOptions(seed, communities, members, months, events, source, network)
    code = asyncio.run(run_demo(options, Console(), metrics_port, once=once))
    if code:
        raise typer.Exit(code)
