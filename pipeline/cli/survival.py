"""`elan survival`: how long communities live, and what chance of success one of a given age and size has."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer
from rich import box
from rich.console import Console
from rich.markup import escape
from rich.table import Table

from pipeline.cli.interruptible import run_interruptible
from pipeline.cli.output_files import picture_file, writing
from pipeline.cli.replay_options import EVENTS_HELP, KNOWN_NETWORK_HELP, SOURCE_HELP

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.lab.survival_calibration import Bin
    from pipeline.scoring.survival import Curve, CurvePoint, Survival

STANDARD_INPUT = Path("-")
TIMES = {"5 months": 5, "1 year": 12, "2 years": 24, "5 years": 60}
AGES = {"1 month": 30, "3 months": 91, "6 months": 183, "1 year": 365, "2 years": 731, "4 years": 1461}
SIZES = (0.0, 6.0, 12.0, 25.0, 50.0)
"""The least of each class, in participants a week."""
NAME_WIDTH = 11
HORIZONS = (6, 12)
NOTHING = "–"  # noqa: RUF001 - the sign for no figure; a hyphen would read as minus
CURVES_LEGEND = (
    "Share that somebody took part in at that age or later, in brackets how many were seen as old. Dead: silent for "
    "180 days; nothing is known of the last 180. Established: 12 active weeks or more, their clock starts at 12 weeks "
    "of age. Sizes are participants a week in the last active year."
)
CHANCES_LEGEND = (
    "Chance to be alive 6 and 12 months from now for one that is active today, in brackets how many were seen as old; "
    "from the curve of its size, else that of the established (e) or of all spaces (a)."
)


def survival(
    *,
    events: Annotated[
        Path | None, typer.Option(help=f"{EVENTS_HELP} Without it, what the workers left in Redis.", allow_dash=True)
    ] = None,
    source: Annotated[str, typer.Option(help=SOURCE_HELP)] = "jsonl",
    network: Annotated[str | None, typer.Option(help=KNOWN_NETWORK_HELP)] = None,
    plot: Annotated[
        Path | None, typer.Option(help="File for a picture: .png, .svg or .pdf.", callback=picture_file)
    ] = None,
    calibrate: Annotated[
        bool, typer.Option("--calibrate", help="Tell chances in the past of the events, and see what came true.")
    ] = False,
) -> None:
    """Show how long communities live: survival by age, size and line, and the chance of success that follows.

    Example: elan survival --events events.jsonl.gz --calibrate --plot survival.png

    Exit codes: 0 done, 2 a setting or option is wrong, 3 Redis cannot be reached, 4 the file cannot be used.
    """
    from pipeline.lab.lives import read_lives  # noqa: PLC0415 - quick --help
    from pipeline.lab.survival_calibration import calibrate as calibrated_on  # noqa: PLC0415
    from pipeline.settings import load_settings  # noqa: PLC0415

    past = _past_to_calibrate_on(events) if calibrate else None
    settings = load_settings()
    lives = run_interruptible(read_lives(settings, events, source, network))
    bins = run_interruptible(calibrated_on(settings, past, source, network)) if past else []
    console = Console()
    show(lives.profile.survival, lives.network, console)
    if calibrate:
        show_calibration(bins, console)
    if plot is not None:
        from pipeline.lab.survival_plot import draw_survival  # noqa: PLC0415 - quick --help

        with writing(plot):
            draw_survival(lives.profile.survival, bins, lives.network, plot)
        console.print(f"picture: {escape(str(plot))}", highlight=False, soft_wrap=True)


def _past_to_calibrate_on(events: Path | None) -> Path:
    from pipeline.errors import SettingsError  # noqa: PLC0415 - quick --help

    if events is None or events == STANDARD_INPUT:
        raise SettingsError("--calibrate replays the past a second time, so it needs a file: give one with --events.")
    return events


def show(found: Survival, network: str, console: Console) -> None:
    """Print the curves, the seed's half beside the measured share, and the chances."""
    from pipeline.lab.plots import date_of  # noqa: PLC0415 - quick --help

    console.print(f"[bold]{escape(network)}[/bold], as of {date_of(found.day)}", highlight=False)
    if not found.all_spaces.communities:
        console.print("No community is 180 days old yet, so nobody can be known to be dead.")
        return
    console.print(_curves(found))
    console.print(CURVES_LEGEND, highlight=False)
    console.print(_seed(found), highlight=False)
    console.print(_chances(found))
    console.print(CHANCES_LEGEND, highlight=False)


def _curves(found: Survival) -> Table:
    table = Table(box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    table.add_column(min_width=NAME_WIDTH)
    for heading in ("spaces", "dead", *TIMES, "half life"):
        table.add_column(heading, justify="right", no_wrap=True)
    rows = {"all spaces": found.all_spaces, "established": found.established}
    for name, curve in rows.items():
        table.add_row(name, *_curve_cells(curve))
    table.add_section()
    for name, curve in found.by_size.items():
        table.add_row(f"size {name}", *_curve_cells(curve))
    table.add_section()
    for name, curve in found.by_line.items():
        table.add_row(escape(f"line {name}"), *_curve_cells(curve))
    return table


def _curve_cells(curve: Curve) -> list[str]:
    points = [curve.points[months] if months < len(curve.points) else None for months in TIMES.values()]
    half_life = NOTHING if curve.half_life_days is None else f"{curve.half_life_days} days"
    return [str(curve.communities), str(curve.deaths), *map(_point, points), half_life]


def _point(point: CurvePoint | None) -> str:
    return NOTHING if point is None else f"{point.survival:.0%} ({point.at_risk})"


def _seed(found: Survival) -> str:
    from pipeline.scoring.survival import SEED_INACTIVE_SHARE, SEED_MONTHS, inactive_share  # noqa: PLC0415 - --help

    share, point = inactive_share(found), found.all_spaces.at_age(SEED_MONTHS)
    seed = f"Lecko's benchmark of 2014 says {SEED_INACTIVE_SHARE:.0%}"
    if share is None or point is None:
        return f"Inactive after {SEED_MONTHS} months: {seed}; here no space was seen as old."
    return (
        f"Inactive after {SEED_MONTHS} months: {share:.0%} of all spaces here (90 % interval {1 - point.high:.0%} to "
        f"{1 - point.low:.0%}); {seed}, without saying how it was counted."
    )


def _chances(found: Survival) -> Table:
    from pipeline.scoring.survival import size_class  # noqa: PLC0415 - quick --help

    columns = {size_class(size): size for size in SIZES if size_class(size) in found.by_size}
    without_curve = [size for size in SIZES if size_class(size) not in found.by_size]
    columns |= dict(zip(["other sizes"], without_curve, strict=False))
    title = "Chance of success by participants a week"
    table = Table("age", title=title, title_justify="left", box=box.SIMPLE_HEAD, pad_edge=False, collapse_padding=True)
    for heading in columns:
        table.add_column(heading, justify="right", no_wrap=True)
    for age, age_days in AGES.items():
        table.add_row(age, *(_chance(found, size, age_days) for size in columns.values()))
    return table


def _chance(found: Survival, size: float, age_days: int) -> str:
    from pipeline.scoring.survival import chance_of_success  # noqa: PLC0415 - quick --help

    half_year, year = (chance_of_success(found, size, age_days, 0, months) for months in HORIZONS)
    if half_year is None:
        return NOTHING
    # Two curves do not go together: what the first knows of a year only, or nothing.
    later = f"{year.probability:.0%}" if year is not None and year.curve == half_year.curve else NOTHING
    mark = {"established": "e", "all": "a"}.get(half_year.curve, "")
    return f"{half_year.probability:.0%} {later} ({half_year.at_risk}{mark})"


def show_calibration(bins: Sequence[Bin], console: Console) -> None:
    """Print chances told in the past beside what was seen 12 months later."""
    if not bins:
        console.print("The past is too short, or of too few communities, to tell chances in it and see what came true.")
        return
    table = Table("chances", box=box.SIMPLE_HEAD, title="Chances of 12 months, told in the past", title_justify="left")
    for heading in ("told", "seen", "90 % interval"):
        table.add_column(heading, justify="right")
    for each in bins:
        interval = f"{each.low:.0%} to {each.high:.0%}"
        table.add_row(str(each.chances), f"{each.told:.0%}", f"{each.seen:.0%}", interval)
    console.print(table)
    console.print("Told half a year apart from what was known then; the same community comes several times.")
