"""Files and folders that commands write: what cannot be is refused in one sentence, where possible before the work."""

from __future__ import annotations

import importlib.util
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Annotated

import typer

from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterator

    import msgspec

PICTURES = (".png", ".svg", ".pdf")


def in_a_folder(file: Path | None) -> Path | None:
    """The same file; raises SettingsError where its folder is not there. May be the callback of an option."""
    if file is not None and not file.parent.is_dir():
        raise SettingsError(f"{file} cannot be written: make the folder {file.parent} first.")
    return file


JsonOption = Annotated[
    Path | None, typer.Option(help="File that takes the figures as one JSON object.", callback=in_a_folder)
]


def picture_file(file: Path | None) -> Path | None:
    """The same file; the callback of an option.

    Raises:
        SettingsError: matplotlib is not installed, its ending names no kind of picture, or its folder is not there.
    """
    if file is not None:
        _check_matplotlib()
        if file.suffix not in PICTURES:
            raise SettingsError(f"{file} is no picture: end the name of the file in {', '.join(PICTURES)}.")
    return in_a_folder(file)


def make_picture_folder(folder: Path | None) -> None:
    """Make a folder and those above it, where one was named at all.

    Raises:
        SettingsError: matplotlib is not installed, or the folder cannot be made.
    """
    if folder is not None:
        _check_matplotlib()
        with writing(folder):
            folder.mkdir(parents=True, exist_ok=True)


def _check_matplotlib() -> None:
    if importlib.util.find_spec("matplotlib") is None:
        raise SettingsError("Pictures need matplotlib; install it with pip install 'elan-esn[plot]', or ask for none.")


@contextmanager
def writing(place: Path) -> Iterator[None]:
    """While a file or a folder is written: raises SettingsError where that cannot be."""
    try:
        yield
    except OSError as error:
        message = f"{place} cannot be written ({error.strerror or error}); give another place."
        raise SettingsError(message) from None


def write_file(file: Path, content: bytes) -> None:
    """Write a whole file. Raises SettingsError where that cannot be."""
    with writing(file):
        file.write_bytes(content)


def write_json(file: Path | None, content: msgspec.Struct | dict[str, object]) -> None:
    """Write one JSON object, where a file was named at all. Raises SettingsError where that cannot be."""
    import msgspec  # noqa: PLC0415 - quick --help

    if file is not None:
        write_file(file, msgspec.json.format(msgspec.json.encode(content)) + b"\n")
