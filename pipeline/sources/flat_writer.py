"""Writes the flat form: one activity a line, to a file, a gzipped file or standard output."""

from __future__ import annotations

import gzip
import os
import stat
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import IO, TYPE_CHECKING, cast

import msgspec
import orjson

from pipeline.errors import SettingsError

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from pipeline.model import Activity

STANDARD_OUTPUT = "-"
COMPRESSION_LEVEL = 6
BUFFER_BYTES = 1 << 20


def write_flat(activities: Iterable[Activity], target: str) -> int:
    """Write all activities, gzipped where `target` ends in .gz, and answer how many. `-` is standard output.

    A file appears under its name only when it is complete: an error leaves what was there before. One that is there
    keeps its mode, a device or a pipe is written to.

    Raises:
        SettingsError: the target cannot be written.
        BrokenPipeError: the reader of standard output has gone.
    """
    if target == STANDARD_OUTPUT:
        return _write_to_standard_output(activities)
    with _opened(Path(target)) as stream:
        return _write_lines(activities, stream)


def encode_flat(activity: Activity) -> bytes:
    """One line, without its end; fields at their default are left out."""
    return orjson.dumps(msgspec.to_builtins(activity))


def _write_lines(activities: Iterable[Activity], stream: IO[bytes]) -> int:
    written = 0
    for activity in activities:
        stream.write(encode_flat(activity) + b"\n")
        written += 1
    stream.flush()
    return written


def _write_to_standard_output(activities: Iterable[Activity]) -> int:
    try:
        return _write_lines(activities, sys.stdout.buffer)
    except BrokenPipeError:
        raise
    except OSError as error:
        message = f"Standard output cannot be written ({error.strerror or error}); write to another file."
        raise SettingsError(message) from error


@contextmanager
def _opened(target: Path) -> Iterator[IO[bytes]]:
    # A device or a pipe is written to as it is; what a link leads to is replaced, and the link stays.
    is_stream = target.exists() and not target.is_file()
    try:
        with target.open("wb") if is_stream else _replacing(Path(os.path.realpath(target))) as raw:
            if target.suffix == ".gz":
                # No name and no time inside: the same activities make the same bytes.
                with gzip.GzipFile("", "wb", COMPRESSION_LEVEL, raw, mtime=0) as packed:
                    yield cast("IO[bytes]", packed)
            else:
                yield raw
    except OSError as error:
        message = f"{target} cannot be written ({error.strerror or error}); give another file."
        raise SettingsError(message) from error


@contextmanager
def _replacing(file: Path) -> Iterator[IO[bytes]]:
    """Bytes that get the name of `file` once they are complete, and its mode where it is there already."""
    part = file.with_name(f".{file.name}.{os.getpid()}.part")
    try:
        with part.open("wb", buffering=BUFFER_BYTES) as raw:
            if file.exists():
                part.chmod(stat.S_IMODE(file.stat().st_mode))
            yield raw
        part.replace(file)
    finally:
        with suppress(OSError):
            part.unlink(missing_ok=True)
