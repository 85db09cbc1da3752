"""Whole batches out of a Kafka fetch, instead of one Python object a record.

aiokafka turns every record into a `ConsumerRecord` (2.3 µs each, and Faust another 130 µs). Here a fetch becomes a few
`RecordBatch` values whose columns are plain lists. This rests on private parts of aiokafka 0.14: `Fetcher._records`,
`FetchResult` and `PartitionRecords`; the version is pinned and tests hold all of it to a real broker.
"""

# ruff: noqa: SLF001 - the private parts named above
from __future__ import annotations

from collections import OrderedDict
from typing import TYPE_CHECKING, Any, NamedTuple

import msgspec
from aiokafka.consumer.fetcher import READ_COMMITTED, FetchResult, PartitionRecords
from aiokafka.errors import CorruptRecordException

from pipeline.ingest.decode import SwollenBatch
from pipeline.ingest.kept_records import KeptRecords
from pipeline.ingest.unpacking import MOST_UNPACKED_BYTES, SwollenError

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from aiokafka import TopicPartition

TIMESTAMP_UNKNOWN = -1
UNCOMPRESSED = 0
LARGEST_JOINED_BYTES = 8 * 1024 * 1024
"""Compressed record batches are joined up to so much of what they hold: a fetch of kilobytes may hold gigabytes."""


class RecordBatch(msgspec.Struct, frozen=True):
    """All records that the log of one partition holds in [start_offset, next_offset), as columns in log order.

    The columns are empty where the log holds nothing to read there: markers of transactions, aborted transactions,
    records that compaction took away. Successive batches of one partition touch: each starts at the other's
    `next_offset`.
    """

    topic: str
    partition: int
    start_offset: int
    next_offset: int
    offsets: list[int]
    keys: list[bytes | None]
    values: list[bytes | None]
    headers: list[Sequence[tuple[str, bytes | None]]] | None
    """None when no record has any."""
    timestamps_ms: list[int]
    """Kafka's own time of each record, -1 where unknown."""
    highwater: int
    """The end of the partition's log when this was fetched."""
    epoch: int = 0
    """Of the seek after which this was fetched: what was fetched before the newest seek is stale."""

    def let_go(self) -> None:
        """Empty the columns: who has read them may have to keep the batch itself for long."""
        for column in (self.offsets, self.keys, self.values, self.timestamps_ms, self.headers or []):
            column.clear()


class _Record(NamedTuple):
    """What is read of a record here."""

    offset: int
    key: bytes | None
    value: bytes | None
    headers: Sequence[tuple[str, bytes | None]]
    timestamp: int


class BatchRecords(PartitionRecords):  # type: ignore[misc]  # aiokafka's fetcher is not typed
    """One partition's part of a fetch, read as `RecordBatch` values of at most `most_records` records."""

    next_fetch_offset: int

    def __init__(self, stock: PartitionRecords, *, most_records: int, highwater: int, epoch: int) -> None:
        super().__init__(
            stock._tp,
            stock._records,
            stock._aborted_transactions,
            stock.next_fetch_offset,
            None,
            None,
            stock._check_crcs,
            stock._isolation_level,
        )
        # A cycle that would hold the bytes of the fetch until the collector of garbage comes by: 100 MB and more.
        stock._records_iterator = None
        self._most_records = most_records
        self._highwater = highwater
        self._epoch = epoch

    def _unpack_records(self) -> Iterator[RecordBatch]:
        """Join small record batches and cut large ones; `next_fetch_offset` is always where the last one ended."""
        kept: list[Any] = []
        kept_bytes = 0
        end = self.next_fetch_offset
        for records, next_offset, inflated_bytes in self._readable(end):
            kept += records
            kept_bytes += inflated_bytes
            end = next_offset
            while len(kept) > self._most_records:
                head, kept = kept[: self._most_records], kept[self._most_records :]
                yield self._batch(head, kept[0].offset)
            if kept_bytes > LARGEST_JOINED_BYTES:
                whole, kept, kept_bytes = kept, [], 0
                yield self._batch(whole, end)
        if kept or end > self.next_fetch_offset:
            yield self._batch(kept, end)

    def _readable(self, position: int) -> Iterator[tuple[list[Any], int, int]]:
        """(records at or after `position`, offset after them, bytes that were compressed) of each stored batch."""
        while self._records.has_next():
            stored = self._records.next_intact()
            if stored is None:
                message = f"Invalid CRC - {self._tp}"
                raise CorruptRecordException(message)
            records = [] if self._is_hidden(stored) else self._all_of(stored, position)
            if records and records[0].offset < position:
                # A broker sends the whole record batch that the wanted offset lies in.
                records = [record for record in records if record.offset >= position]
            position = max(position, stored.next_offset)
            inflated = stored.compression_type != UNCOMPRESSED
            yield records, position, sum(len(record.value or b"") for record in records) if inflated else 0

    def _all_of(self, stored: Any, position: int) -> list[Any]:
        try:
            return list(stored)
        except SwollenError:
            return [_swollen(stored, self._records.newest_bytes(), position)]
        except UnicodeDecodeError:
            return KeptRecords.read_leniently(self._records)

    def _is_hidden(self, stored: Any) -> bool:
        """Whether a record batch is a marker of a transaction or belongs to an aborted one."""
        if self._isolation_level == READ_COMMITTED and stored.producer_id is not None:
            self._consume_aborted_up_to(stored.base_offset)
            if stored.is_control_batch and self._contains_abort_marker(stored):
                self._aborted_producers.discard(stored.producer_id)
            elif stored.is_transactional and stored.producer_id in self._aborted_producers:
                return True
        return bool(stored.is_control_batch)

    def _batch(self, records: list[Any], next_offset: int) -> RecordBatch:
        headers = [record.headers for record in records]
        batch = RecordBatch(
            topic=self._tp.topic,
            partition=self._tp.partition,
            start_offset=self.next_fetch_offset,
            next_offset=next_offset,
            offsets=[record.offset for record in records],
            keys=[record.key for record in records],
            values=[record.value for record in records],
            headers=headers if any(headers) else None,
            timestamps_ms=[TIMESTAMP_UNKNOWN if record.timestamp is None else record.timestamp for record in records],
            highwater=self._highwater,
            epoch=self._epoch,
        )
        self.next_fetch_offset = next_offset
        return batch


def _swollen(stored: Any, data: bytes, position: int) -> _Record:
    """One record that is no activity, for all of a record batch that cannot be read."""
    value, first = SwollenBatch(data), max(position, stored.base_offset)
    value.detail = (
        f"the records {first} to {stored.next_offset - 1} are one compressed batch of more than "
        f"{MOST_UNPACKED_BYTES >> 20} MiB"
    )
    return _Record(first, None, value, (), stored.max_timestamp)


class FetchedBatches(OrderedDict["TopicPartition", Any]):
    """The place where aiokafka's fetcher keeps what it fetched (`Fetcher._records`), handing it out as batches.

    Set on the fetcher of one consumer, so that no other consumer in the process is changed: the fetcher names
    `PartitionRecords` as a global of its module, and exchanging that would change them all.
    """

    def __init__(self, most_records: int) -> None:
        super().__init__()
        self._most_records = most_records
        self.epoch = 0
        """Of the newest seek. Read and written in the consumer's thread only."""

    def __setitem__(self, partition: TopicPartition, result: Any) -> None:
        """Keep a fetch result or error; records are exchanged for the same ones in batches (nothing is parsed yet)."""
        if isinstance(result, FetchResult):
            result._partition_records = BatchRecords(
                result._partition_records,
                most_records=self._most_records,
                highwater=result._assignment.state_value(partition).highwater,
                epoch=self.epoch,
            )
        super().__setitem__(partition, result)
