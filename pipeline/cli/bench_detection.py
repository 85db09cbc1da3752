"""`elan bench detection`: how late the detector is, against the best test there can be."""

from __future__ import annotations

from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer
from rich.console import Console
from rich.table import Table

from pipeline.cli.output_files import JsonOption, in_a_folder, write_file, write_json

if TYPE_CHECKING:
    from pipeline.lab.detection_bench.delays import Delay, DetectionBench

CALIBRATION_SHARE = 20
"""Communities of the calibration for each one of a cell: false alarms are rare."""


def detection(
    *,
    communities: Annotated[
        int, typer.Option(min=10, max=10_000, help="Simulated communities for each level and each drop.")
    ] = 200,
    autocorrelation: Annotated[
        float,
        typer.Option(min=0.0, max=0.9, help="Share of a community's daily mood that lasts for weeks; 0 = none."),
    ] = 0.0,
    seed: Annotated[int, typer.Option(min=0, help="Same seed, same figures.")] = 1,
    json: JsonOption = None,
    calibrate: Annotated[
        Path | None,
        typer.Option(
            help="Measure the score thresholds of each budget of false alarms instead, into this JSON file.",
            callback=in_a_folder,
        ),
    ] = None,
) -> None:
    """Measure the days until a watch, beside a test that knows both rates, at the same rate of false alarms.

    Simulated communities of 5, 10, 30 and 100 weekly participants drop to 50 %, 30 % or none at a known day. Nobody can
    be faster than the oracle; the last column says whether the detector comes near enough. The goals are told of, not
    enforced: the command ends with 0 either way.

    Example: elan bench detection --communities 100 --json detection.json

    Exit codes: 0 done, 2 a setting or an option is wrong.
    """
    from pipeline.lab.detection_bench.calibration import calibrate as measure_thresholds  # noqa: PLC0415 - quick --help
    from pipeline.lab.detection_bench.calibration import encode_table  # noqa: PLC0415
    from pipeline.lab.detection_bench.delays import run_detection_bench  # noqa: PLC0415
    from pipeline.rules import rules_of  # noqa: PLC0415
    from pipeline.settings import load_settings  # noqa: PLC0415

    settings, progress = rules_of(load_settings()).detection, Console(stderr=True)
    if calibrate is not None:
        table = measure_thresholds(CALIBRATION_SHARE * communities, seed, settings, progress=progress.print)
        write_file(calibrate, encode_table(table))
        return
    found = run_detection_bench(communities, autocorrelation, seed, settings, progress=progress.print)
    _show(found, Console())
    write_json(json, found)


def _show(found: DetectionBench, console: Console) -> None:
    console.print(_delays(found))
    console.print(
        "level: weekly participants; limit: the oracle at 0.2 false alarms a community-year; oracle: at the rate of "
        "the detector's false alarms, or one in all where it has none; not found: no watch within 150 days.",
        highlight=False,
    )
    for level in found.false_alarms:
        oracle = max(delay.oracle_false_alarms for delay in found.delays if delay.level == level.level)
        console.print(
            f"False alarms at level {level.level}: {level.watches} in {level.years:.0f} community-years, "
            f"{level.per_community_year:.3f} a year (oracle {oracle:.3f}).",
            highlight=False,
        )
    missed = [delay for delay in found.delays if delay.met is False]
    if found.goals_met:
        console.print("All goals are met.")
    else:
        cells = ", ".join(f"{delay.level} {_drop(delay)}" for delay in missed)
        console.print(f"Goals are missed at: {cells}.", highlight=False)


def _delays(found: DetectionBench) -> Table:
    table = Table(title="Median days of the new rate until told", title_justify="left")
    for name in ("level", "drop", "limit", "oracle", "watch", "not found", "ratio", "goal", "met"):
        table.add_column(name, justify="left" if name in {"drop", "met"} else "right")
    for delay in found.delays:
        table.add_row(
            str(delay.level),
            _drop(delay),
            _days(delay.limit_days),
            _days(delay.oracle_days),
            _days(delay.watch_days),
            f"{delay.not_found_share:.0%}",
            "-" if delay.ratio is None else f"{delay.ratio:.1f}",
            "-" if delay.goal_days is None else f"{delay.goal_days:.0f}",
            {None: "-", True: "yes", False: "no"}[delay.met],
        )
    return table


def _drop(delay: Delay) -> str:
    return "to silence" if delay.drop == 0.0 else f"to {delay.drop:.0%}"


def _days(days: float | None) -> str:
    return "-" if days is None else f"{days:.0f}"
