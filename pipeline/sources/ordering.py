"""Time order with bounded memory: exports are sorted by channel or topic, the log is sorted by time.

Activities are sorted in runs of `RUN_ACTIVITIES`, spooled to temporary files and merged. Order is by time, then by id;
activities equal in both stay in the order they came in.
"""

from __future__ import annotations

import heapq
import tempfile
from contextlib import ExitStack, suppress
from itertools import islice
from typing import IO, TYPE_CHECKING

import msgspec

from pipeline.errors import SettingsError
from pipeline.model import Activity

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from datetime import datetime

RUN_ACTIVITIES = 50_000
"""Activities held in memory at once: about 40 MB."""
MOST_RUNS = 200
"""Temporary files open at once; past it they are merged into one, well below the usual limit of open files."""
BUFFER_BYTES = 256 * 1024
_LENGTH_BYTES = 4
_ENCODER = msgspec.msgpack.Encoder()
_DECODER = msgspec.msgpack.Decoder(Activity)


def in_time_order(activities: Iterable[Activity], run_activities: int = RUN_ACTIVITIES) -> Iterator[Activity]:
    """All activities by (time, id). Nothing is yielded before the last one was read: a damaged input yields nothing.

    Raises:
        SettingsError: the temporary folder is full.
    """
    source = iter(activities)
    run = sorted(islice(source, run_activities), key=time_and_id)
    if len(run) < run_activities:
        yield from run
        return
    with ExitStack() as files:
        spools = [_spooled(run, files)]
        while run := sorted(islice(source, run_activities), key=time_and_id):
            spools.append(_spooled(run, files))
            if len(spools) >= MOST_RUNS:
                merged = _spooled(_merged(spools), files)
                for spool in spools:
                    spool.close()
                spools = [merged]
        yield from _merged(spools)


def time_and_id(activity: Activity) -> tuple[datetime, str]:
    """The key of the order."""
    return activity.time, activity.id


def _merged(spools: list[IO[bytes]]) -> Iterator[Activity]:
    return heapq.merge(*(_unspooled(spool) for spool in spools), key=time_and_id)


def _spooled(activities: Iterable[Activity], files: ExitStack) -> IO[bytes]:
    spool = files.enter_context(tempfile.TemporaryFile(prefix="elan-import-", buffering=BUFFER_BYTES))  # noqa: SIM115 - `files` closes it
    try:
        for activity in activities:
            record = _ENCODER.encode(activity)
            spool.write(len(record).to_bytes(_LENGTH_BYTES, "big"))
            spool.write(record)
        spool.seek(0)
    except OSError as error:
        # Its end would write once more, and that error would stand for this one.
        with suppress(OSError):
            spool.close()
        message = (
            f"No room to sort in {tempfile.gettempdir()} ({error.strerror or error}); set TMPDIR to a larger folder."
        )
        raise SettingsError(message) from error
    return spool


def _unspooled(spool: IO[bytes]) -> Iterator[Activity]:
    while length := spool.read(_LENGTH_BYTES):
        yield _DECODER.decode(spool.read(int.from_bytes(length, "big")))
