"""`elan resolve`: from a pseudonym back to a person, for who holds both the key and the directory."""

from __future__ import annotations

import csv
import sys
from contextlib import nullcontext
from pathlib import Path  # noqa: TC003 - Typer reads it at run time
from typing import TYPE_CHECKING, Annotated

import typer

if TYPE_CHECKING:
    from collections.abc import Iterator
    from typing import TextIO

DELIMITERS = ",;\t"
NOT_FOUND = 1


def resolve(
    pseudonym: Annotated[str, typer.Argument(help="The 11 characters of a champion, as in an alert.")],
    directory: Annotated[
        Path,
        typer.Option(help="One platform id a line, or a CSV with a header; - reads standard input.", allow_dash=True),
    ],
    network: Annotated[str, typer.Option(help="Name of the network: the same person differs from one to the next.")],
    column: Annotated[
        str | None, typer.Option(help="Column of the CSV that holds the platform's id; the first unless given.")
    ] = None,
) -> None:
    """Say whom a pseudonym stands for: prints the matching line of the directory.

    A pseudonym cannot be turned back; every id of the directory is turned into its own and compared. That takes the key
    (privacy.pseudonym_key) and the directory, so keep the two with different people. Nothing is stored.

    Example: elan resolve --network acme --directory members.csv --column user_id d0Xw2pL7_Qs

    Exit codes: 0 found, 1 nobody in the directory has this pseudonym, 2 a setting or option is wrong, 4 the directory
    cannot be used.
    """
    from pipeline.errors import SettingsError  # noqa: PLC0415
    from pipeline.pseudonyms import PSEUDONYM_CHARACTERS  # noqa: PLC0415 - quick --help
    from pipeline.pseudonyms import pseudonym as pseudonym_of  # noqa: PLC0415
    from pipeline.settings import load_settings, require_pseudonym_key  # noqa: PLC0415

    if len(pseudonym) != PSEUDONYM_CHARACTERS:
        raise SettingsError(f"{pseudonym!r} is no pseudonym: one has {PSEUDONYM_CHARACTERS} characters.")
    key = require_pseudonym_key(load_settings())
    found = [line for actor, line in _people(directory, column) if pseudonym_of(key, network, actor) == pseudonym]
    for line in found:
        typer.echo(line)
    if not found:
        typer.echo(
            f"Nobody in {directory} has the pseudonym {pseudonym} in network {network}: check the network's name, the "
            f"column, and that the key is the one the workers use.",
            err=True,
        )
        raise typer.Exit(NOT_FOUND)


def _people(directory: Path, column: str | None) -> Iterator[tuple[str, str]]:
    """(platform id, whole line) of everybody in the directory."""
    from pipeline.errors import InputError  # noqa: PLC0415 - quick --help

    try:
        opened = nullcontext(sys.stdin) if str(directory) == "-" else directory.open(encoding="utf-8-sig", newline="")
        with opened as lines:
            yield from _ids(lines, column, directory)
    except (OSError, UnicodeDecodeError, csv.Error) as error:
        raise InputError(f"The directory {directory} cannot be read ({error}): give a text file in UTF-8.") from error


def _ids(lines: TextIO, column: str | None, directory: Path) -> Iterator[tuple[str, str]]:
    from pipeline.errors import InputError  # noqa: PLC0415 - quick --help

    first = lines.readline()
    delimiter = max(DELIMITERS, key=first.count)
    if first.count(delimiter) == 0 and column is None:
        # One id a line; whatever stands first may be an id as well.
        for line in (first, *lines):
            yield line.strip(), line.strip()
        return
    header = next(csv.reader([first], delimiter=delimiter))
    if column is not None and column not in header:
        raise InputError(f"The directory {directory} has no column {column!r}: its header says {', '.join(header)}.")
    place = header.index(column) if column is not None else 0
    for row in csv.reader(lines, delimiter=delimiter):
        if len(row) > place:
            yield row[place].strip(), delimiter.join(row)
