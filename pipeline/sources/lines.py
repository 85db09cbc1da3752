"""A file of lines, plain or gzipped, or standard input, read with bounded memory."""

from __future__ import annotations

import codecs
import gzip
import io
import sys
import zlib
from contextlib import contextmanager
from typing import IO, TYPE_CHECKING, Any

from pipeline.errors import InputError

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from pipeline.sources.report import ImportReport

STANDARD_INPUT = "-"
LARGEST_LINE_BYTES = 1_000_000
BUFFER_BYTES = 1 << 20
_GZIP_MAGIC = b"\x1f\x8b"
_ZIP_MAGIC = b"PK\x03\x04"


def numbered_lines(path: Path, report: ImportReport) -> Iterator[bytes]:
    """Every line that is not blank; the report knows its place. A line over `LARGEST_LINE_BYTES` is rejected.

    Raises:
        InputError: the file is missing, a zip, damaged or cut in the middle.
    """
    name = "standard input" if str(path) == STANDARD_INPUT else str(path)
    number = 0
    try:
        with _opened(path) as stream:
            _skip_byte_order_mark(stream)
            while line := stream.readline(LARGEST_LINE_BYTES + 1):
                number += 1
                report.reading(name, number)
                if len(line) > LARGEST_LINE_BYTES:
                    report.reject(f"line of more than {LARGEST_LINE_BYTES} bytes")
                    _skip_rest(stream, line)
                elif not line.isspace():
                    yield line
    except EOFError:
        message = f"{name} is cut in the middle, after line {number}; fetch it again."
        raise InputError(message) from None
    except (gzip.BadGzipFile, zlib.error) as error:
        message = f"{name} is damaged after line {number} ({error}); fetch it again."
        raise InputError(message) from None
    except OSError as error:
        message = f"{name} cannot be read ({error.strerror or error}); check the path."
        raise InputError(message) from None


def is_cut_off(line: bytes) -> bool:
    """Whether a line has no end: only the last one of a file can lack it."""
    return not line.endswith(b"\n")


@contextmanager
def _opened(path: Path) -> Iterator[io.BufferedReader[Any]]:
    if str(path) == STANDARD_INPUT:
        # The caller's standard input stays open.
        yield _unpacked(io.BufferedReader(io.FileIO(sys.stdin.fileno(), closefd=False), BUFFER_BYTES), "standard input")
        return
    with io.BufferedReader(io.FileIO(path), BUFFER_BYTES) as stream:
        yield _unpacked(stream, str(path))


def _unpacked(stream: io.BufferedReader[Any], name: str) -> io.BufferedReader[Any]:
    start = stream.peek(len(_ZIP_MAGIC))
    if start.startswith(_ZIP_MAGIC):
        message = f"{name} is a zip file, not lines; unpack it, or choose the source it was exported from."
        raise InputError(message)
    if start.startswith(_GZIP_MAGIC):
        return io.BufferedReader(gzip.GzipFile(fileobj=stream), BUFFER_BYTES)
    return stream


def _skip_byte_order_mark(stream: io.BufferedReader[Any]) -> None:
    """Some editors and exports begin a file with it; no part of the first line."""
    if stream.peek(len(codecs.BOM_UTF8)).startswith(codecs.BOM_UTF8):
        stream.read(len(codecs.BOM_UTF8))


def _skip_rest(stream: IO[bytes], line: bytes) -> None:
    while line and not line.endswith(b"\n"):
        line = stream.readline(BUFFER_BYTES)
