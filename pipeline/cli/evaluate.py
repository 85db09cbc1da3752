"""`elan evaluate`: how often alerts are right and how early they come, on a network's own past."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.cli.interruptible import run_interruptible
from pipeline.cli.output_files import JsonOption, in_a_folder, make_picture_folder, write_file, write_json, writing
from pipeline.cli.replay_options import EVENTS_HELP, NETWORK_HELP, SOURCE_HELP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.lab.evaluation.archives import EvaluatedArchive, Scores
    from pipeline.lab.evaluation.matching import Figures

FEW_DECLINES = 10
"""With fewer, the interval of an F1 is wider than any difference between detectors."""
COLUMNS = ("recall\n(of)", "precision\n(strict)", "F1\n(90 %)", "false\n(watched)", "delay\n(p75)")
LEAST_NAME_WIDTH = 17
NOTHING = "–"  # noqa: RUF001 - the sign for no figure; a hyphen would read as minus
LEGEND = (
    "An alert is right from 14 days before to 56 days after a strong decline; of: how many there are. "
    "strict: alerts near doubtful declines counted as false. 90 %: interval of F1. "
    "false: false alarms in a year of one community; watched: in a year at 3 members a week or more. "
    "delay: days from the decline to the alert, median and upper quartile."
)


def evaluate(
    *,
    events: Annotated[list[Path], typer.Argument(help=EVENTS_HELP, allow_dash=True)],
    labels: Annotated[list[Path] | None, typer.Option(help="Labels to use, one file for each of events.")] = None,
    alerts: Annotated[
        list[Path] | None, typer.Option(help="Alerts to score instead of replaying, one file for each of events.")
    ] = None,
    source: Annotated[str, typer.Option(help=SOURCE_HELP)] = "jsonl",
    network: Annotated[str | None, typer.Option(help=NETWORK_HELP)] = None,
    write_labels: Annotated[
        list[Path] | None, typer.Option(help="Where the labels go, one file for each of events.")
    ] = None,
    json: JsonOption = None,
    plot: Annotated[Path | None, typer.Option(help="Folder for pictures of the communities with declines.")] = None,
) -> None:
    """Measure how well alerts meet the declines that hindsight sees in the same past.

    Each file of events, one network each, is replayed for its alerts as `elan backtest` does, or they are read
    with --alerts (of any detector). 42 segmenters look at the past with hindsight and agree on where sustained
    declines began. Rules that people use stand beside, on the same labels.

    Example: elan evaluate events.jsonl.gz --json figures.json --plot pictures/

    Exit codes: 0 done, 2 a setting or option is wrong, 4 a file cannot be used.
    """
    from pipeline.lab.evaluation.archives import check_one_each, files_to_evaluate  # noqa: PLC0415 - quick --help
    from pipeline.lab.evaluation.archives import evaluate as evaluated_of  # noqa: PLC0415
    from pipeline.settings import load_settings  # noqa: PLC0415

    make_picture_folder(plot)
    for file in write_labels or ():
        in_a_folder(file)
    settings = load_settings()
    files = files_to_evaluate(events, alerts or [], labels or [])
    check_one_each("--write-labels", events, write_labels or [])
    evaluated = [run_interruptible(evaluated_of(file, source, network, settings)) for file in files]
    _show(evaluated, Console())
    _write(evaluated, write_labels or [], json)
    if plot is not None:
        _draw(evaluated, plot)


def _write(evaluated: Sequence[EvaluatedArchive], label_files: Sequence[Path], figures_file: Path | None) -> None:
    import msgspec  # noqa: PLC0415 - quick --help

    for each, path in zip(evaluated, label_files, strict=False):
        write_file(path, msgspec.json.encode(each.labels) + b"\n")
    if figures_file is not None:
        archives, together = _scores(evaluated)
        write_json(figures_file, {"archives": archives, "together": together})


def _scores(evaluated: Sequence[EvaluatedArchive]) -> tuple[list[Scores], Scores]:
    from pipeline.lab.evaluation.archives import TOGETHER, scores  # noqa: PLC0415 - quick --help

    return [scores(each.series.archive, [each]) for each in evaluated], scores(TOGETHER, evaluated)


def _show(evaluated: Sequence[EvaluatedArchive], console: Console) -> None:
    archives, together = _scores(evaluated)
    console.print(_table([*archives, together] if len(archives) > 1 else archives))
    console.print(LEGEND, highlight=False)
    for note in _notes(evaluated, together):
        console.print(note, highlight=False, markup=False, soft_wrap=True)


def _table(scored: Sequence[Scores]) -> Table:
    """Both tiers of every archive; below them the simple rules, on the labels of all."""
    from pipeline.lab.evaluation.simple_rules import SIMPLE_RULES  # noqa: PLC0415 - quick --help

    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column(min_width=LEAST_NAME_WIDTH)
    for heading in COLUMNS:
        table.add_column(heading, justify="right", no_wrap=True)
    for each in scored:
        for tier, figures in each.tiers.items():
            table.add_row(escape(f"{each.archive}, {tier}"), *_cells(figures))
    table.add_section()
    for rule in SIMPLE_RULES:
        table.add_row(rule.description, *_cells(scored[-1].rules[rule.name]))
    return table


def _cells(figures: Figures) -> list[str]:
    interval = "-".join(_share(bound) for bound in figures.f1_90_percent or ())
    return [
        f"{_share(figures.recall)} ({figures.declines})",
        f"{_share(figures.precision)} ({_share(figures.strict_precision)})",
        f"{_share(figures.f1)} ({interval})" if interval else _share(figures.f1),
        f"{_share(figures.false_per_community_year)} ({_share(figures.false_per_watched_year)})",
        f"{_whole(figures.delay_days_median)} ({_whole(figures.delay_days_p75)})",
    ]


def _share(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.2f}".removeprefix("0")


def _whole(value: float | None) -> str:
    return NOTHING if value is None else f"{value:.0f}"


def _notes(evaluated: Sequence[EvaluatedArchive], together: Scores) -> list[str]:
    """What the figures cannot tell."""
    notes = [f"{each.series.archive}: {each.rejects} records rejected." for each in evaluated if each.rejects]
    figures = next(iter(together.tiers.values()))
    if not figures.communities:
        notes.append("No community was active in 12 weeks or more: there is nothing to judge alerts by.")
    elif not figures.declines:
        notes.append(
            f"Hindsight sees no strong decline in {figures.communities} communities: too few to judge alerts by; only "
            "false alarms can be counted."
        )
    elif figures.declines < FEW_DECLINES:
        notes.append(f"Strong declines: only {figures.declines}, so the figures may be far from those of next year.")
    return notes


def _draw(evaluated: Sequence[EvaluatedArchive], folder: Path) -> None:
    from pipeline.lab.evaluation.evaluation_plot import draw  # noqa: PLC0415 - quick --help

    with writing(folder):
        pictures = [picture for each in evaluated for picture in draw(each, folder)]
    Console(stderr=True).print(f"{len(pictures)} pictures in {escape(str(folder))}.", highlight=False)
