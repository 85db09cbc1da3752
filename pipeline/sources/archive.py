"""An export as it was delivered: a zip file or a folder of JSON documents, read one document at a time."""

from __future__ import annotations

import zipfile
import zlib
from contextlib import contextmanager
from typing import TYPE_CHECKING, TypeVar

import msgspec

from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.sources.report import ImportReport

T = TypeVar("T")
NESTED = "nested too deeply"
LARGEST_DOCUMENT_BYTES = 512 * 1024 * 1024
"""One document is held in memory; a larger one is no part of any export Élan reads."""
_RECORDS = msgspec.json.Decoder(list[msgspec.Raw])


class Archive:
    """The JSON documents of one export; names are relative, with forward slashes, sorted."""

    def __init__(self, path: Path, archive: zipfile.ZipFile | None) -> None:
        self.path = path
        self._zip = archive
        self.names = sorted(set(_names_in_folder(path) if archive is None else _names_in_zip(archive)))

    def read(self, name: str) -> bytes:
        """The bytes of one document.

        Raises:
            InputError: it is missing, damaged, encrypted or too large.
        """
        try:
            return self._read_checked(name)
        except KeyError:
            message = f"{self.path} has no {name}; give the whole export."
        except (zipfile.BadZipFile, zlib.error, EOFError) as error:
            message = f"{self.path} is damaged at {name} ({error}); fetch the export again."
        except (RuntimeError, NotImplementedError) as error:
            message = f"{self.path} cannot be unpacked at {name} ({error}); unpack it and give the folder."
        except OSError as error:
            message = f"{self.path} cannot be read at {name} ({error.strerror or error})."
        raise InputError(message)

    def decode(self, name: str, decoder: msgspec.json.Decoder[T]) -> T:
        """One document, decoded.

        Raises:
            InputError: it cannot be read, is cut in the middle or is no JSON.
            msgspec.ValidationError: it is JSON of another shape.
        """
        try:
            return decoder.decode(self.read(name))
        except msgspec.ValidationError:
            raise
        except (msgspec.DecodeError, UnicodeDecodeError) as error:
            message = f"{self.path} holds no valid JSON at {name} ({error}); fetch the export again."
            raise InputError(message) from None
        except RecursionError:
            message = f"{self.path} holds JSON at {name} that is {NESTED}; no platform writes that, leave it out."
            raise InputError(message) from None

    def records(self, name: str, decoder: msgspec.json.Decoder[T], report: ImportReport) -> Iterator[T]:
        """The records of a document that is a list; one of another shape is rejected, the others go on.

        Raises:
            InputError: as `decode`.
        """
        report.reading(name, 1)
        try:
            raw_records = self.decode(name, _RECORDS)
        except msgspec.ValidationError:
            report.reject("not a list of records")
            return
        for place, raw in enumerate(raw_records, 1):
            report.reading(name, place)
            try:
                record = decoder.decode(raw)
            except msgspec.DecodeError as error:
                report.reject(shape_of(error))
            except RecursionError:
                report.reject(NESTED)
            else:
                yield record

    def _read_checked(self, name: str) -> bytes:
        size = (self.path / name).stat().st_size if self._zip is None else self._zip.getinfo(name).file_size
        if size > LARGEST_DOCUMENT_BYTES:
            message = f"{self.path} holds {name} of {size} bytes, more than Élan reads at once; split it."
            raise InputError(message)
        return (self.path / name).read_bytes() if self._zip is None else self._zip.read(name)


@contextmanager
def open_archive(path: Path) -> Iterator[Archive]:
    """Open a zip file or a folder.

    Raises:
        InputError: there is no such file, it is no zip file, or its directory is damaged.
    """
    if path.is_dir():
        yield Archive(path, None)
        return
    if not path.is_file():
        message = f"{path} does not exist; give a zip file or a folder."
        raise InputError(message)
    try:
        archive = zipfile.ZipFile(path)
    except (zipfile.BadZipFile, EOFError) as error:
        message = f"{path} is no zip file or is cut off ({error}); fetch the export again."
        raise InputError(message) from None
    except OSError as error:
        message = f"{path} cannot be read ({error.strerror or error})."
        raise InputError(message) from None
    with archive:
        yield Archive(path, archive)


def shape_of(error: msgspec.DecodeError) -> str:
    """Why a record was rejected, without its values: a short reason from a small set."""
    text = str(error)
    if not isinstance(error, msgspec.ValidationError):
        return "not JSON"
    field = text.split("`$", 1)[1].strip("`.") if "`$" in text else ""
    if text.startswith("Object missing required field"):
        return f"{text.split('`')[1]} is missing"
    if text.startswith("Invalid enum value"):
        return f"unknown {field}"
    return f"{field} has a wrong type or value" if field else "not an object"


def stem_of(path: Path) -> str:
    """The network's name where nobody gave one: `acme.zip` -> `acme`."""
    resolved = path.resolve()
    return resolved.name if resolved.is_dir() else resolved.stem


def _names_in_folder(path: Path) -> list[str]:
    return [found.relative_to(path).as_posix() for found in path.rglob("*.json") if found.is_file()]


def _names_in_zip(archive: zipfile.ZipFile) -> list[str]:
    # macOS adds a shadow of every file under this folder.
    return [name for name in archive.namelist() if name.endswith(".json") and not name.startswith("__MACOSX/")]
