"""Files and folders that commands write: what cannot be is refused in one sentence, where possible before the work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import SettingsError

if TYPE_CHECKING:
    import msgspec


def in_a_folder(file: Path | None) -> Path | None:
    """The same file; raises SettingsError where its folder is not there. May be the callback of an option."""
    if file is not None and not file.parent.is_dir():
        raise SettingsError(f"{file} cannot be written: make the folder {file.parent} first.")
    return file


JsonOption = Annotated[
    Path | None, typer.Option(help="File that takes the figures as one JSON object.", callback=in_a_folder)
]


def write_file(file: Path, content: bytes) -> None:
    """Write a whole file. Raises SettingsError where that cannot be."""
    try:
        file.write_bytes(content)
    except OSError as error:
        raise _not_writable(file, error) from None


def write_json(file: Path | None, content: msgspec.Struct | dict[str, object]) -> None:
    """Write one JSON object, where a file was named at all. Raises SettingsError where that cannot be."""
    import msgspec  # noqa: PLC0415 - quick --help

    if file is not None:
        write_file(file, msgspec.json.format(msgspec.json.encode(content)) + b"\n")


def make_folder(folder: Path | None) -> None:
    """Make a folder and those above it, where one was named at all. Raises SettingsError where that cannot be."""
    if folder is None:
        return
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(folder, error) from None


def _not_writable(place: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{place} cannot be written ({error.strerror or error}); give another place.")
