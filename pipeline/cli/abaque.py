"""`elan abaque`: what engagement is ordinary at which age, learnt from a network or carried over from another."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated, NamedTuple

import typer
from rich.console import Console

from pipeline.cli.interruptible import run_interruptible
from pipeline.cli.output_files import in_a_folder, picture_file, write_file, writing
from pipeline.cli.replay_options import EVENTS_HELP, KNOWN_NETWORK_HELP, SOURCE_HELP

if TYPE_CHECKING:
    from pipeline.lab.lives import NetworkLives
    from pipeline.scoring.abaque import Abaque, Cell
    from pipeline.settings import Settings

abaque = typer.Typer(help="What engagement is ordinary at which age: look at it, carry it over.", no_args_is_help=True)

SKETCH_WIDTH = 110

EventsOption = Annotated[
    Path | None, typer.Option(help=f"{EVENTS_HELP} Without it, what the workers left in Redis.", allow_dash=True)
]
SourceOption = Annotated[str, typer.Option(help=SOURCE_HELP)]
NetworkOption = Annotated[str | None, typer.Option(help=KNOWN_NETWORK_HELP)]
LineOption = Annotated[str | None, typer.Option(help="Only communities of this line: practice, process, ….")]
LearntOption = Annotated[bool, typer.Option("--learnt", help="The learnt abaque, even where another was loaded.")]
TargetOption = Annotated[str | None, typer.Option(help="Network it is for; need not be given where there is one only.")]


class _Known(NamedTuple):
    found: NetworkLives
    abaque: Abaque
    """The one in effect."""
    origin: str
    """Where it comes from, for a reader."""

    def title(self, line: str | None) -> str:
        return f"{self.found.network}, {f'line {line}' if line else 'all communities'}: {self.origin}"


@abaque.command()
def show(
    events: EventsOption = None,
    source: SourceOption = "jsonl",
    network: NetworkOption = None,
    line: LineOption = None,
    learnt: LearntOption = False,  # noqa: FBT002 - an option
) -> None:
    """Show the engagement index by age, how troughs ended, and how many communities show the three points.

    Each month is made of every community old enough, the dead with an index of 0, so that survivors do not brighten it.
    An abaque that was loaded goes before the learnt one. With --events a file is replayed in memory.

    Example: elan abaque show --events events.jsonl.gz --line practice

    Exit codes: 0 shown, 2 no such network or line, not surveyed yet, or a setting is wrong, 3 Redis cannot be reached,
    4 the file cannot be used.
    """
    from pipeline.cli import abaque_tables  # noqa: PLC0415 - quick --help

    known = _known(events, source, network, learnt=learnt)
    cells = _cells(known, line)
    console = Console()
    console.print(known.title(line), style="bold", highlight=False, markup=False)
    console.print(abaque_tables.bands_table(cells))
    legend = abaque_tables.BANDS_LEGEND.format(smallest_cell=known.abaque.smallest_cell)
    console.print(legend, highlight=False)
    console.print(abaque_tables.troughs_table(known.found.profile.troughs))
    console.print(abaque_tables.TROUGHS_LEGEND, highlight=False)
    console.print(abaque_tables.three_points_sentence(known.found.lives), highlight=False)


@abaque.command()
def export(
    file: Annotated[
        Path, typer.Argument(help="File of JSON to write; - is standard output.", allow_dash=True, callback=in_a_folder)
    ],
    events: EventsOption = None,
    source: SourceOption = "jsonl",
    network: NetworkOption = None,
) -> None:
    """Write what a network has taught, abaque and troughs, to a file that `elan abaque import` reads elsewhere.

    It holds counts and percentiles by age, line and size: no community and no person.

    Example: elan abaque export abaque.json --network acme

    Exit codes: 0 written, 2 no such network, not surveyed yet, a setting is wrong, or the file cannot be written, 3
    Redis cannot be reached, 4 the events cannot be used.
    """
    from pipeline.lab.abaque_file import STANDARD_STREAM, VERSION, AbaqueFile, encode_abaque  # noqa: PLC0415
    from pipeline.lab.plots import date_of  # noqa: PLC0415 - quick --help

    found = _known(events, source, network, learnt=True).found
    profile = found.profile
    day = date_of(profile.day).isoformat()
    content = AbaqueFile(VERSION, found.network, day, profile.communities, profile.abaque, profile.troughs)
    if str(file) == STANDARD_STREAM:
        typer.echo(encode_abaque(content), nl=False)
        return
    write_file(file, encode_abaque(content))
    typer.echo(f"{file}: what {profile.communities} communities of {found.network} have taught up to {day}.")


@abaque.command("import")
def import_file(
    file: Annotated[Path, typer.Argument(help="A file of `elan abaque export`; - is standard input.", allow_dash=True)],
    network: TargetOption = None,
    check: Annotated[bool, typer.Option("--check", help="Say whether the file can be used; load nothing.")] = False,  # noqa: FBT002 - an option
) -> None:
    """Load an abaque for a network: from the next boundary on it goes before the one the network has taught.

    For a network too young or too small to have one of its own. Its troughs are not loaded. The network need not be
    known yet. `elan abaque unload` goes back to the learnt one.

    Example: elan abaque import abaque.json --network acme

    Exit codes: 0 loaded, 2 no such network or a setting is wrong, 3 Redis cannot be reached, 4 the file cannot be used.
    """
    from pipeline.lab.abaque_file import read_abaque  # noqa: PLC0415 - quick --help

    content = read_abaque(file)
    origin = f"learnt from {content.communities} communities of {content.network} up to {content.day}"
    if check:
        typer.echo(f"{file} can be used: {origin}.")
        return
    name = _keep_loaded(network, content.abaque)
    typer.echo(f"Loaded for {name}, from its next boundary on: {origin}.")


@abaque.command()
def unload(network: TargetOption = None) -> None:
    """Take a loaded abaque away: from the next boundary on the learnt one is in effect.

    Example: elan abaque unload --network acme

    Exit codes: 0 done, 2 no such network or a setting is wrong, 3 Redis cannot be reached.
    """
    name = _keep_loaded(network, None)
    typer.echo(f"{name} goes by what it has taught, from its next boundary on.")


@abaque.command()
def plot(  # noqa: PLR0917 - one an option
    file: Annotated[
        Path | None,
        typer.Argument(help="Picture to write (.png, .svg, .pdf); without it a sketch.", callback=picture_file),
    ] = None,
    events: EventsOption = None,
    source: SourceOption = "jsonl",
    network: NetworkOption = None,
    line: LineOption = None,
    learnt: LearntOption = False,  # noqa: FBT002 - an option
) -> None:
    """Draw the bands of the engagement index over age.

    Example: elan abaque plot abaque.png --events events.jsonl.gz

    Exit codes: 0 drawn, 2 no such network or line, not surveyed yet, a setting is wrong, or the picture cannot be
    written, 3 Redis cannot be reached, 4 the events cannot be used.
    """
    from pipeline.lab.abaque_plot import draw_bands, sketch_bands  # noqa: PLC0415 - quick --help

    known = _known(events, source, network, learnt=learnt)
    cells = _cells(known, line)
    if file is None:
        typer.echo(known.title(line))
        typer.echo(sketch_bands(cells, min(Console().width, SKETCH_WIDTH)))
        return
    with writing(file):
        draw_bands(cells, known.title(line), file)
    typer.echo(f"picture: {file}")


def _known(events: Path | None, source: str, network: str | None, *, learnt: bool) -> _Known:
    from pipeline.settings import load_settings  # noqa: PLC0415 - quick --help

    return run_interruptible(_read(load_settings(), events, source, network, learnt=learnt))


async def _read(settings: Settings, events: Path | None, source: str, network: str | None, *, learnt: bool) -> _Known:
    from pipeline.lab.lives import read_lives  # noqa: PLC0415 - quick --help
    from pipeline.lab.loaded_abaque import loaded_abaque  # noqa: PLC0415
    from pipeline.lab.plots import date_of  # noqa: PLC0415

    found = await read_lives(settings, events, source, network)
    loaded = await loaded_abaque(settings, found.network) if events is None and not learnt else None
    if loaded is not None:
        return _Known(found, loaded, f"loaded, learnt elsewhere up to {date_of(loaded.day)}")
    profile = found.profile
    origin = f"learnt from {profile.communities} communities up to {date_of(profile.day)}"
    return _Known(found, profile.abaque, origin)


def _cells(known: _Known, line: str | None) -> list[Cell]:
    """The cells of a line, of all communities where it is None.

    Raises:
        SettingsError: no community carries that line, or no month has enough communities.
    """
    from pipeline.errors import SettingsError  # noqa: PLC0415 - quick --help
    from pipeline.scoring.abaque import ALL_LINES  # noqa: PLC0415

    cells = known.abaque.cells.get(line or ALL_LINES)
    if cells is None:
        lines = ", ".join(name for name in known.abaque.cells if name != ALL_LINES)
        hint = f"choose one of {lines}" if lines else "leave --line out, no community carries one"
        raise SettingsError(f"The abaque of {known.found.network} has no line {line!r}: {hint}.")
    if not cells:
        raise SettingsError(f"No community of {known.found.network} is a month old yet: come back after a month.")
    return cells


def _keep_loaded(network: str | None, content: Abaque | None) -> str:
    from pipeline.lab.loaded_abaque import keep_loaded_abaque  # noqa: PLC0415 - quick --help
    from pipeline.settings import load_settings  # noqa: PLC0415

    return run_interruptible(keep_loaded_abaque(load_settings(), network, content))
