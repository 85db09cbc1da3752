"""The bytes here are made by aiokafka's own writer of record batches; transactions are tested on a real broker."""

from __future__ import annotations

import gc
import struct
import weakref
from typing import TYPE_CHECKING

import pytest
from aiokafka import TopicPartition
from aiokafka.consumer.fetcher import PartitionRecords
from aiokafka.errors import CorruptRecordException
from aiokafka.record.default_records import DefaultRecordBatchBuilder, _DefaultRecordBatchBuilderPy
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import Reject
from pipeline.ingest.decode import decode_batch
from pipeline.ingest.kept_records import KeptRecords
from pipeline.ingest.record_batch import LARGEST_JOINED_BYTES, BatchRecords, RecordBatch
from pipeline.ingest.unpacking import MOST_UNPACKED_BYTES
from pipeline.model import Reason

if TYPE_CHECKING:
    from collections.abc import Sequence

NO_COMPRESSION, GZIP, SNAPPY, LZ4, ZSTD = range(5)
READ_COMMITTED = 1


def stored(offsets: Sequence[int], compression: int = NO_COMPRESSION, headers: bool = False) -> bytes:  # noqa: FBT001, FBT002
    """One record batch as a broker keeps it."""
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1_000_000)
    for offset in offsets:
        own = [("h", str(offset).encode())] if headers else []
        builder.append(offset - offsets[0], 1000 + offset, b"k", f"v{offset}".encode(), own)
    # The base offset is the broker's to set, and outside the checksum.
    return struct.pack(">q", offsets[0]) + bytes(builder.build())[8:]


def unpacked(data: bytes, fetch_offset: int = 0, most_records: int = 5000) -> list[RecordBatch]:
    """What a fetch of these bytes becomes, checking the position aiokafka would fetch from next after each batch."""
    partition = TopicPartition("esn", 3)
    stock = PartitionRecords(partition, KeptRecords(data), None, fetch_offset, None, None, True, READ_COMMITTED)  # noqa: FBT003
    records = BatchRecords(stock, most_records=most_records, highwater=99, epoch=7)
    batches = []
    for batch in records:
        assert records.next_fetch_offset == batch.next_offset
        batches.append(batch)
    return batches


def swollen(offsets: Sequence[int], compression: int) -> bytes:
    """One record batch that is small, and holds 32 MiB of zeros a record."""
    builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1_000_000_000)
    for offset in offsets:
        builder.append(offset - offsets[0], 1000 + offset, b"k", bytes(MOST_UNPACKED_BYTES // 2), [])
    return struct.pack(">q", offsets[0]) + bytes(builder.build())[8:]


@pytest.mark.parametrize("compression", [GZIP, LZ4, ZSTD])
def test_a_record_batch_that_would_fill_the_memory_is_handed_on_as_it_is_stored(compression: int) -> None:
    bomb = swollen([3, 4], compression)
    (batch,) = unpacked(stored([0, 1, 2]) + bomb + stored([5], compression))

    assert (batch.offsets, batch.next_offset) == ([0, 1, 2, 3, 5], 6)
    assert batch.values[3] == bomb
    assert batch.timestamps_ms[3] == 1004
    rejects = [seen for seen in decode_batch(batch, largest_record_bytes=1_000) if isinstance(seen, Reject)]
    assert rejects[3].reason is Reason.TOO_LARGE
    assert rejects[3].detail == "the records 3 to 4 are one compressed batch of more than 64 MiB"


def test_a_record_batch_within_the_limit_is_read_whatever_it_shrinks_to() -> None:
    (batch,) = unpacked(swollen([7], ZSTD), fetch_offset=7)

    assert [len(value or b"") for value in batch.values] == [MOST_UNPACKED_BYTES // 2]


def test_the_rest_of_a_swollen_record_batch_stands_at_the_wanted_offset() -> None:
    (batch,) = unpacked(swollen([3, 4, 5], GZIP), fetch_offset=4)

    assert (batch.start_offset, batch.offsets, batch.next_offset) == (4, [4], 6)


def test_small_record_batches_of_one_fetch_are_joined() -> None:
    (batch,) = unpacked(stored([0, 1]) + stored([2, 3, 4]))

    assert batch == RecordBatch(
        topic="esn",
        partition=3,
        start_offset=0,
        next_offset=5,
        offsets=[0, 1, 2, 3, 4],
        keys=[b"k"] * 5,
        values=[b"v0", b"v1", b"v2", b"v3", b"v4"],
        headers=None,
        timestamps_ms=[1000, 1001, 1002, 1003, 1004],
        highwater=99,
        epoch=7,
    )


def test_the_bytes_of_a_fetch_are_let_go_without_the_collector_of_garbage() -> None:
    stock = PartitionRecords(TopicPartition("esn", 3), KeptRecords(stored([0])), None, 0, None, None, True, 1)  # noqa: FBT003
    fetched = weakref.ref(stock)
    gc.disable()
    try:
        list(BatchRecords(stock, most_records=5, highwater=1, epoch=1))
        del stock

        assert fetched() is None
    finally:
        gc.enable()


def test_a_large_record_batch_is_cut() -> None:
    assert [batch.offsets for batch in unpacked(stored(range(5)), most_records=2)] == [[0, 1], [2, 3], [4]]


def test_records_before_the_wanted_offset_are_left_out() -> None:
    # A broker sends the whole record batch 0..9 for a fetch from 6.
    (batch,) = unpacked(stored(range(10), GZIP), fetch_offset=6)

    assert (batch.start_offset, batch.offsets) == (6, [6, 7, 8, 9])


def test_a_record_batch_wholly_before_the_wanted_offset_leaves_nothing() -> None:
    assert unpacked(stored([0, 1, 2]), fetch_offset=3) == []


def test_headers_come_along_when_any_record_has_some() -> None:
    (batch,) = unpacked(stored([0]) + stored([1], headers=True))

    assert batch.headers == [[], [("h", b"1")]]


def test_a_flipped_bit_is_noticed() -> None:
    data = bytearray(stored([0, 1, 2]))
    data[-3] ^= 1

    with pytest.raises(CorruptRecordException):
        unpacked(bytes(data))


class RawName(str):
    """A header's name that a client of another language put there byte by byte."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return bytes(self, "latin-1")


@pytest.mark.parametrize("compression", [NO_COMPRESSION, GZIP, SNAPPY, LZ4, ZSTD])
def test_a_header_name_that_is_no_utf_8_holds_nobody_up(compression: int) -> None:
    # 0, 1 fine .... 2, 3 the second with the name ff fe .... 4 fine
    builder = _DefaultRecordBatchBuilderPy(2, compression, 0, -1, -1, -1, 1_000_000)
    builder.append(0, 1000, b"k", b"v2" * 100, [("fine", b"1")])
    builder.append(1, 1001, None, None, [(RawName("\xff\xfe"), b"2"), ("caf\u00e9", None)])
    odd = struct.pack(">q", 2) + bytes(builder.build())[8:]

    (batch,) = unpacked(stored([0, 1]) + odd + stored([4]))

    assert batch.offsets == [0, 1, 2, 3, 4]
    assert batch.values == [b"v0", b"v1", b"v2" * 100, None, b"v4"]
    assert batch.headers == [[], [], [("fine", b"1")], [("\\xff\\xfe", b"2"), ("caf\u00e9", None)], []]
    assert batch.timestamps_ms == [1000, 1001, 1000, 1001, 1004]


@pytest.mark.parametrize("compression", [GZIP, SNAPPY, LZ4, ZSTD])
def test_what_swells_when_it_is_read_is_not_gathered_into_one_batch(compression: int) -> None:
    # A fetch of a few kilobytes (snappy: more) that holds a hundred megabytes.
    bombs = b""
    for offset in range(10):
        builder = DefaultRecordBatchBuilder(2, compression, 0, -1, -1, -1, 1 << 30)
        builder.append(0, 1000, b"k", bytes(LARGEST_JOINED_BYTES + 1), [])
        bombs += struct.pack(">q", offset) + bytes(builder.build())[8:]

    assert [len(batch.offsets) for batch in unpacked(bombs)] == [1] * 10


@given(
    sizes=st.lists(st.tuples(st.integers(1, 9), st.integers(0, 5)), min_size=1, max_size=8),
    most_records=st.integers(1, 12),
    share=st.floats(0, 0.99),
)
def test_batches_touch_and_hold_every_record_once(
    sizes: list[tuple[int, int]], most_records: int, share: float
) -> None:
    data, offsets, position = b"", list[int](), 0
    for size, gap in sizes:  # gaps are what compaction leaves
        run = range(position + gap, position + gap + size)
        data += stored(run)
        offsets += run
        position = run.stop
    fetch_offset = int(share * position)

    batches = unpacked(data, fetch_offset, most_records)

    assert [offset for batch in batches for offset in batch.offsets] == [o for o in offsets if o >= fetch_offset]
    assert [batch.start_offset for batch in batches] == [fetch_offset, *(batch.next_offset for batch in batches[:-1])]
    assert batches[-1].next_offset == position
    assert max(len(batch.offsets) for batch in batches) <= most_records


def test_a_batch_that_is_let_go_keeps_only_its_place() -> None:
    (batch,) = unpacked(stored([4, 5], headers=True), 4)
    batch.let_go()

    assert (batch.offsets, batch.keys, batch.values, batch.headers, batch.timestamps_ms) == ([], [], [], [], [])
    assert (batch.start_offset, batch.next_offset) == (4, 6)
