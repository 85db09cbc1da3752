"""Compressed record batches, unpacked up to a limit.

A megabyte of gzip or zstd may hold a gigabyte or more. aiokafka unpacks whatever comes, so one such record batch would
end every worker that reads it, one after the other. Its decoders are exchanged for ones that stop at the limit. What
snappy packs grows by a factor of 21 at most, and is left to aiokafka.
"""

from __future__ import annotations

import zlib
from typing import TYPE_CHECKING

import cramjam
from aiokafka.record import default_records
from aiokafka.record._crecords import default_records as compiled_records

if TYPE_CHECKING:
    from collections.abc import Callable

    from typing_extensions import Buffer

MOST_UNPACKED_BYTES = 64 * 1024 * 1024
"""Brokers take a megabyte unless told otherwise, and activities shrink to a tenth or a twentieth."""
_FIRST_GUESS = 16
"""Times the packed bytes: activities fit, and what does not is unpacked once more."""
_LZ4_GROWTH = 255
"""A byte of LZ4 becomes no more; to unpack without a limit takes half the time."""
_NO_ROOM = "whole buffer"
"""How cramjam says that what it unpacks is larger than the buffer."""
_GZIP = zlib.MAX_WBITS | 16


class SwollenError(Exception):
    """A record batch holds more than `MOST_UNPACKED_BYTES`."""


def gzip_decode(payload: Buffer) -> bytes:
    """All members of a gzip file.

    Raises:
        SwollenError: they are larger than the limit.
        EOFError: the last one is cut off.
    """
    parts, packed, room = [], bytes(payload), MOST_UNPACKED_BYTES
    while packed:
        member = zlib.decompressobj(_GZIP)
        part = member.decompress(packed, room + 1)
        room -= len(part)
        if room < 0:
            raise SwollenError
        if not member.eof:
            message = "a gzip file without its end"
            raise EOFError(message)
        parts.append(part)
        packed = member.unused_data
    return b"".join(parts)


def lz4_decode(payload: Buffer) -> bytes:
    """An LZ4 frame. Raises SwollenError."""
    if memoryview(payload).nbytes * _LZ4_GROWTH <= MOST_UNPACKED_BYTES:
        return bytes(cramjam.lz4.decompress(payload))
    return _unpacked(cramjam.lz4.decompress_into, payload)


def zstd_decode(payload: Buffer) -> bytes:
    """A Zstandard frame. Raises SwollenError."""
    return _unpacked(cramjam.zstd.decompress_into, payload)


def _unpacked(decompress_into: Callable[[Buffer, bytearray], int], payload: Buffer) -> bytes:
    packed = bytes(payload)
    size = min(MOST_UNPACKED_BYTES, _FIRST_GUESS * len(packed))
    while True:
        room = bytearray(size)
        try:
            return bytes(memoryview(room)[: decompress_into(packed, room)])
        except cramjam.DecompressionError as error:
            if _NO_ROOM not in str(error):
                raise
            if size == MOST_UNPACKED_BYTES:
                raise SwollenError from error
        size = min(MOST_UNPACKED_BYTES, size * _FIRST_GUESS)


# Both modules name the decoders as globals. Every consumer of the process gets these, which read all the same.
for _module in (default_records, compiled_records):
    for _decode in (gzip_decode, lz4_decode, zstd_decode):
        setattr(_module, _decode.__name__, _decode)
