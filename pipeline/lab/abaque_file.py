"""An abaque as a file: written by one deployment, checked and read by another."""

from __future__ import annotations

import sys
from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import InputError
from pipeline.scoring.abaque import ALL_LINES, Abaque
from pipeline.scoring.life import MONTHS_KEPT
from pipeline.scoring.troughs import TroughAbaque  # noqa: TC001 - msgspec reads it at run time

if TYPE_CHECKING:
    from pathlib import Path

    from pipeline.scoring.abaque import Bands, Cell

VERSION = 1
STANDARD_STREAM = "-"
_OWN_FILE = "give a file that `elan abaque export` has written"


class AbaqueFile(msgspec.Struct, frozen=True):
    """What the file holds. `day` is the ISO date the abaque was learnt on, `communities` how many it was learnt from.

    The troughs tell a reader how they ended in that network; only the abaque is loaded.
    """

    version: int
    network: str
    day: str
    communities: int
    abaque: Abaque
    troughs: TroughAbaque


def encode_abaque(content: AbaqueFile) -> bytes:
    """The JSON of a file."""
    return msgspec.json.format(msgspec.json.encode(content), indent=1) + b"\n"


def read_abaque(path: Path) -> AbaqueFile:
    """Read and check a file, or standard input where the path is "-".

    Raises:
        InputError: it cannot be read, or is not an abaque that percentiles can be read from.
    """
    try:
        text = sys.stdin.buffer.read() if str(path) == STANDARD_STREAM else path.read_bytes()
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror}): name a file that exists.") from error
    try:
        content = msgspec.json.decode(text, type=AbaqueFile)
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} holds no abaque ({error}): {_OWN_FILE}.") from error
    mistake = _mistake(content)
    if mistake is not None:
        raise InputError(f"{path} holds an abaque that cannot be used, {mistake}: {_OWN_FILE}.")
    return content


def _mistake(content: AbaqueFile) -> str | None:
    """What is wrong with the abaque, beginning with where; None if nothing is."""
    if content.version != VERSION:
        return f"its version is {content.version} and not {VERSION}"
    cells = content.abaque.cells
    if all(cell.bands is None for cell in cells.get(ALL_LINES, ())):
        return "no month of all communities has a band"
    for line, months in cells.items():
        place = f"line {line!r}" if line else "all communities"
        if any(cell.month >= following.month for cell, following in pairwise(months)):
            return f"the months of {place} are not in order"
        for cell in months:
            if not 1 <= cell.month <= MONTHS_KEPT:
                return f"month {cell.month} of {place} is not within 1 and {MONTHS_KEPT}"
            if not _is_in_order(cell):
                return f"a band of month {cell.month} of {place} is below 0 or not in order"
    return None


def _is_in_order(cell: Cell) -> bool:
    bands: list[Bands] = [band for band in (cell.bands, cell.alive) if band is not None]
    return all(band[0] >= 0 and list(band) == sorted(band) for band in bands)
