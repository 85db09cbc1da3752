r"""The bytes of a fetch, which aiokafka's compiled classes do not show, and what only they allow.

Checksums by the processor's own instruction take a fourteenth of the time that aiokafka's take.

Header names that are not UTF-8: Kafka asks for UTF-8 and no broker checks it; one such name would hold its partition,
since aiokafka raises on the whole record batch. Here the batch is read once more, by aiokafka's own pure Python, from a
buffer whose slices decode leniently: `\xff` stands for a byte that is none of UTF-8. This is slow, and rare.
"""

# ruff: noqa: SLF001 - private parts of the pinned aiokafka, see record_batch.py
from __future__ import annotations

import struct
from typing import TYPE_CHECKING, Any

from aiokafka.consumer import fetcher
from aiokafka.record.default_records import _DefaultRecordBatchPy
from aiokafka.record.memory_records import MemoryRecords
from crc32c import crc32c

if TYPE_CHECKING:
    from typing_extensions import SupportsIndex

_HEAD = struct.Struct(">qi")
"""Base offset of a record batch, and the bytes that follow."""
_CHECKSUM = struct.Struct(">I")
_CHECKSUM_PLACE = 17
"""In a record batch; the sum is of all bytes after it."""
_FIRST_MAGIC_WITH_CRC32C = 2


class KeptRecords(MemoryRecords):  # type: ignore[misc]  # one of two classes, chosen at run time
    """The record batches of a fetch; `data` are its bytes, which aiokafka's compiled class does not show."""

    def __init__(self, data: bytes) -> None:
        super().__init__(data)
        self.data = data
        self._place = self._end = 0
        """Where the newest record batch begins and ends."""

    def next_intact(self) -> Any:
        """The next record batch; None where its checksum is not that of its bytes."""
        stored = self.next_batch()
        place = self._place = self._end
        _, length = _HEAD.unpack_from(self.data, place)
        self._end = end = place + _HEAD.size + length
        if stored.magic < _FIRST_MAGIC_WITH_CRC32C:
            return stored if stored.validate_crc() else None
        (said,) = _CHECKSUM.unpack_from(self.data, place + _CHECKSUM_PLACE)
        return stored if crc32c(memoryview(self.data)[place + _CHECKSUM_PLACE + _CHECKSUM.size : end]) == said else None

    def newest_bytes(self) -> bytes:
        """The newest record batch as it is stored."""
        return self.data[self._place : self._end]

    def read_leniently(self) -> list[Any]:
        """The records of the newest record batch, whatever the names of their headers are."""
        batch = _DefaultRecordBatchPy(self.newest_bytes())
        batch._maybe_uncompress()
        batch._buffer = _Lenient(batch._buffer)
        return list(batch)


# The fetcher names its class as a global. Every consumer of the process gets this one, which reads all the same.
fetcher.MemoryRecords = KeptRecords


class _Lenient(bytearray):
    """Bytes whose slices decode whatever they hold."""

    def __getitem__(self, place: SupportsIndex | slice) -> Any:
        found = super().__getitem__(place)
        return _Lenient(found) if isinstance(found, bytearray) else found

    def decode(self, encoding: str = "utf-8", _errors: str = "strict") -> str:
        return super().decode(encoding, "backslashreplace")
