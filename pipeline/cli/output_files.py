"""Files and folders that commands write: what cannot be is refused in one sentence, where possible before the work."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import SettingsError

if TYPE_CHECKING:
    import msgspec

STANDARD_OUTPUT = "-"


def in_a_folder(file: Path | None) -> Path | None:
    """Callback of an option: raises SettingsError where the folder of the file is not there."""
    if file is not None and not file.parent.is_dir():
        raise SettingsError(f"{file} cannot be written: make the folder {file.parent} first.")
    return file


def each_in_a_folder(files: list[Path] | None) -> list[Path] | None:
    """The same for an option that may be given several times."""
    for file in files or ():
        in_a_folder(file)
    return files


def in_a_folder_or_printed(target: str) -> str:
    """The same for an option that may be - for stdout."""
    if target != STANDARD_OUTPUT:
        in_a_folder(Path(target))
    return target


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


def make_folder(folder: Path) -> None:
    """Make a folder and those above it. Raises SettingsError where that cannot be."""
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except OSError as error:
        raise _not_writable(folder, error) from None


def _not_writable(place: Path, error: OSError) -> SettingsError:
    return SettingsError(f"{place} cannot be written ({error.strerror or error}); give another place.")
