"""`elan backtest`: what would have been told about a network's past, and when."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.markup import escape

from pipeline.cli.interruptible import run_interruptible
from pipeline.cli.output_files import in_a_folder, make_picture_folder, write_file, writing
from pipeline.cli.replay_options import EVENTS_HELP, NETWORK_HELP, SOURCE_HELP

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.lab.runs import Recorder
    from pipeline.model import AlertTransition

STANDARD_OUTPUT = "-"


def backtest(
    file: Annotated[Path, typer.Argument(help=EVENTS_HELP, allow_dash=True)],
    alerts: Annotated[str, typer.Option(help="Where the alert steps go, one JSON line each; - for stdout.")],
    source: Annotated[str, typer.Option(help=SOURCE_HELP)] = "jsonl",
    network: Annotated[str | None, typer.Option(help=NETWORK_HELP)] = None,
    plot: Annotated[Path | None, typer.Option(help="Folder for a picture of each community that had an alert.")] = None,
) -> None:
    """Run the live stages over a file, with event time as the clock, and write every alert step.

    The same windows, measures and decisions as `elan worker`, on a store in memory: the alerts equal those of a live
    run over the same events.

    Example: elan backtest events.jsonl.gz --alerts alerts.jsonl --plot pictures/

    Exit codes: 0 done, 2 a setting or option is wrong, 4 the file cannot be used.
    """
    from pipeline.lab.replay_file import read_in_order, replay_file  # noqa: PLC0415 - quick --help
    from pipeline.lab.runs import Recorder  # noqa: PLC0415
    from pipeline.settings import load_settings  # noqa: PLC0415
    from pipeline.sources.report import ImportReport  # noqa: PLC0415

    in_a_folder(Path(alerts))
    make_picture_folder(plot)
    settings, report = load_settings(), ImportReport()
    recorder = Recorder(None if plot else [])

    async def run() -> list[AlertTransition]:
        activities = read_in_order(file, source, network, report)
        return [step async for step in replay_file(activities, settings, recorder)]

    steps = run_interruptible(run())
    _write(steps, alerts)
    console = Console(stderr=True)
    raised = sum(step.state.value == "raised" for step in steps)
    console.print(
        f"{report.activities:,} activities of {len(report.communities)} communities: "
        f"{raised} alerts raised, {len(steps)} steps; {report.rejects} records rejected.",
        highlight=False,
    )
    if plot is not None:
        _draw(recorder, plot, console)


def _write(steps: Iterable[AlertTransition], target: str) -> None:
    from pipeline.publish.alerts import encode_transition  # noqa: PLC0415 - quick --help

    lines = b"".join(encode_transition(step) + b"\n" for step in steps)
    if target == STANDARD_OUTPUT:
        sys.stdout.buffer.write(lines)
        # What cannot be written is told now, not by Python at its end.
        sys.stdout.flush()
    else:
        write_file(Path(target), lines)


def _draw(recorder: Recorder, folder: Path, console: Console) -> None:
    from pipeline.lab.plots import draw  # noqa: PLC0415 - quick --help

    runs = [run for run in recorder.runs.values() if run.alerts]
    with writing(folder):
        for run in runs:
            draw(run, folder)
    console.print(f"{len(runs)} pictures in {escape(str(folder))}.", highlight=False)
