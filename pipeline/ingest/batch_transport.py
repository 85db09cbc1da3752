"""Faust's aiokafka transport, handing whole batches to the agent: one Faust event is one `RecordBatch`.

What differs from the driver, and why:
  fetched records     unpacked in bulk (`record_batch.py`); `broker_max_poll_records` counts batches
  start positions     asked from the windows, whose fence moves in one step with the data; Kafka's commits are advisory
  read offsets        not tracked: Faust drops what lies below the last offset read, and after a seek back that is
                      everything; it also lists every offset of a gap. Lanes check that batches touch instead
  commit offsets      the newest acknowledged offset: lanes keep the order within a partition, so there are no holes
  silent brokers      are waited for by the reader alone: a commit and a farewell are given up soon
  full buffers        block the fetch loop instead of pausing partitions: with all of them paused Faust sleeps a second
  early partitions    (those beyond the horizon) are held: not fetched until their turn comes
  isolation           read_committed: what a producer took back is not counted
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
from typing import TYPE_CHECKING, Any, cast

import aiokafka
from aiokafka.coordinator.assignors.roundrobin import RoundRobinPartitionAssignor
from faust.transport.drivers import aiokafka as driver
from faust.types import TP as FAUST_TP
from faust.types import ConsumerMessage

from pipeline.ingest.record_batch import FetchedBatches, RecordBatch

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faust.types import TP

log = logging.getLogger(__name__)

FETCH_BYTES_IN_ALL = 8 * 1024 * 1024
"""Most bytes of one fetch: few partitions with much of each, since large batches cost less. The fetcher asks in an
order drawn anew each time, so that all have their turn. An answer lies in memory three times while it is read."""
PREFETCH_BACKOFF_SECONDS = 0.5
"""How long what was fetched may wait before other partitions are fetched beside it."""
HELD_WAIT_SECONDS = 0.5
METADATA_SECONDS = 10.0
"""How soon partitions that were added are noticed."""
BEGIN_PAUSE_SECONDS = 0.01
COMMIT_SECONDS = 5.0
"""How long a commit may take: aiokafka repeats it for as long as Kafka is away, and who has to stop waits for it."""
FAREWELL_SECONDS = 5.0
"""How long leaving the group may take; of who does not get through, Kafka learns by the session timeout."""


class _Forgetful(dict[Any, Any]):
    """Read offsets that are never known."""

    def __missing__(self, key: Any) -> None:
        return None

    def __setitem__(self, key: Any, value: Any) -> None:
        pass

    def update(self, *args: Any, **kwargs: Any) -> None:
        """Keep nothing."""


class BatchConsumerThread(driver.AIOKafkaConsumerThread):
    """The thread that owns the aiokafka consumer."""

    fetched: FetchedBatches

    async def on_start(self) -> None:
        """Start the consumer and exchange the place its fetcher puts records in: nothing is subscribed to yet."""
        await super().on_start()
        self.fetched = FetchedBatches(most_records=cast("Any", self.app).batch_records)
        fetcher = self._ensure_consumer()._fetcher  # noqa: SLF001 - see record_batch.py
        fetcher._records = self.fetched  # noqa: SLF001
        fetcher._prefetch_backoff = PREFETCH_BACKOFF_SECONDS  # noqa: SLF001

    async def _commit(self, offsets: Mapping[TP, int]) -> bool:
        try:
            return await asyncio.wait_for(super()._commit(offsets), COMMIT_SECONDS)
        except asyncio.TimeoutError:
            log.warning("Kafka takes no commits, which are advisory")
            return False

    async def stop(self) -> None:
        """Stop a thread that has been started, also one that has not begun yet: Faust would leave that to live on."""
        while self._thread is not None and self._thread.is_alive() and not self._started.is_set():  # noqa: ASYNC110 - its event is another loop's
            await asyncio.sleep(BEGIN_PAUSE_SECONDS)
        await super().stop()

    async def on_thread_stop(self) -> None:
        """Leave the group, if Kafka hears it.

        Where it does not, aiokafka waits long for an answer, or ends in a cancellation of its own, of which Faust would
        not learn that the thread has ended.
        """
        leaving = asyncio.ensure_future(super().on_thread_stop())
        await asyncio.wait([leaving], timeout=FAREWELL_SECONDS)
        if not leaving.done() or leaving.cancelled():
            leaving.cancel()
            log.warning("Kafka does not hear that this worker leaves: its session times out")
        else:
            leaving.result()

    async def seek_to(self, positions: Mapping[TP, int], epoch: int) -> None:
        """Forget what was fetched and go to `positions`, in one step of this thread.

        Partitions that were taken away in the meantime are left out: their new owner is told by Kafka.
        """
        await self.call_thread(self._seek_to, positions, epoch)

    async def _seek_to(self, positions: Mapping[TP, int], epoch: int) -> None:
        consumer = self._ensure_consumer()
        assigned = consumer.assignment()
        self.fetched.epoch = epoch
        for tp, offset in positions.items():
            partition = driver.ensure_aiokafka_TP(tp)
            if partition in assigned:
                consumer.seek(partition, offset)

    def _create_worker_consumer(self, transport: Any) -> aiokafka.AIOKafkaConsumer:
        conf = self.app.conf
        self._assignor = RoundRobinPartitionAssignor
        return aiokafka.AIOKafkaConsumer(
            client_id=conf.broker_client_id,
            group_id=conf.id,
            # A member with a name does not leave when it stops: its partitions wait for it until the session times out.
            group_instance_id=cast("Any", self.app).group_instance_id,
            bootstrap_servers=driver.server_list(transport.url, transport.default_port),
            partition_assignment_strategy=[RoundRobinPartitionAssignor],
            enable_auto_commit=False,
            auto_offset_reset="earliest",
            isolation_level="read_committed",
            max_poll_records=conf.broker_max_poll_records,
            max_poll_interval_ms=_milliseconds(conf.broker_max_poll_interval),
            max_partition_fetch_bytes=conf.consumer_max_fetch_size,
            fetch_max_bytes=FETCH_BYTES_IN_ALL,
            fetch_max_wait_ms=_milliseconds(cast("Any", self.app).fetch_wait_seconds),
            check_crcs=True,
            request_timeout_ms=_milliseconds(conf.broker_request_timeout),
            session_timeout_ms=_milliseconds(conf.broker_session_timeout),
            rebalance_timeout_ms=_milliseconds(conf.broker_rebalance_timeout),
            heartbeat_interval_ms=_milliseconds(conf.broker_heartbeat_interval),
            metadata_max_age_ms=_milliseconds(METADATA_SECONDS),
            connections_max_idle_ms=conf.consumer_connections_max_idle_ms,
            **driver.credentials_to_aiokafka_auth(conf.broker_credentials, conf.ssl_context),
        )


class BatchConsumer(driver.Consumer):
    """Faust's consumer; see the head of this file for what differs."""

    _thread: BatchConsumerThread

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self._read_offset = _Forgetful()
        self._released = asyncio.Event()

    def _new_consumer_thread(self) -> BatchConsumerThread:
        return BatchConsumerThread(self, loop=self.loop, beacon=self.beacon)

    async def on_stop(self) -> None:
        """Commit what is acknowledged, unless the consumer's thread is gone with its loop."""
        if not self.crashed:
            await super().on_stop()

    async def seek_to_committed(self) -> Mapping[TP, int]:
        """Go to where the windows say this worker has to start; Faust asks after every assignment."""
        positions: Mapping[TP, int] = await cast("Any", self.app).reposition()
        return positions

    async def seek_to(self, positions: Mapping[TP, int], epoch: int) -> None:
        """See `BatchConsumerThread.seek_to`."""
        for tp in self._buffered_partitions & positions.keys():
            super().on_buffer_drop(tp)
        self._buffered_partitions.clear()
        await self._thread.seek_to(positions, epoch)

    async def _getmany(self, active_partitions: set[TP] | None, timeout: float) -> Any:
        records = await super()._getmany(active_partitions, timeout)
        cast("Any", self.app).check_log_ends(self)
        return records

    def _to_message(self, tp: TP, record: RecordBatch) -> ConsumerMessage:
        newest_ms = record.timestamps_ms[-1] if record.timestamps_ms else -1
        return ConsumerMessage(
            record.topic,
            record.partition,
            record.next_offset - 1,
            newest_ms / 1000.0,
            0,
            None,
            None,
            cast("bytes", record),
            None,
            0,
            0,
            tp,
            generation_id=self.app.consumer_generation_id,
        )

    def _new_offset(self, tp: TP) -> int | None:
        acknowledged = self._acked[tp]
        if not acknowledged:
            return None
        newest = max(acknowledged)
        acknowledged.clear()
        self._acked_index[tp].clear()
        return newest + 1

    def on_buffer_full(self, tp: TP) -> None:
        """Leave the partition active: the full queue itself holds the fetch loop back."""

    def on_buffer_drop(self, tp: TP) -> None:
        """Nothing was taken out of the fetch loop when it was full."""

    def hold(self, partition: tuple[str, int]) -> None:
        """Fetch no more of a partition that is early; what was fetched already still goes to its lane."""
        super().on_buffer_full(FAUST_TP(*partition))

    def release(self, partition: tuple[str, int]) -> None:
        """Fetch it again, at once even where every partition was held."""
        super().on_buffer_drop(FAUST_TP(*partition))
        self._released.set()

    async def _wait_next_records(self, timeout: float) -> Any:
        if self.flow_active and not self._get_active_partitions():
            # Faust would sleep for a second.
            self._released.clear()
            with contextlib.suppress(asyncio.TimeoutError):
                await asyncio.wait_for(self._released.wait(), HELD_WAIT_SECONDS)
        return await super()._wait_next_records(timeout)


class BatchTransport(driver.Transport):
    """The driver's transport with Élan's consumer."""

    Consumer = BatchConsumer


def _milliseconds(seconds: float | None) -> int:
    return int((seconds or 0) * 1000)
