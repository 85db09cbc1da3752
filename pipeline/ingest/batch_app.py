"""The Faust application of a worker: one agent on the activity topic that receives whole batches."""

from __future__ import annotations

import asyncio
import itertools
import logging
import signal
from typing import TYPE_CHECKING, Any, cast

import faust
from aiokafka.errors import KafkaConnectionError
from faust.serializers.schemas import Schema

from pipeline.errors import RetryLater, ServerError, Stop
from pipeline.ingest.batch_handler import EARLIEST, BatchHandler, Partition
from pipeline.ingest.batch_transport import BatchConsumer, BatchTransport
from pipeline.ingest.lanes import FIRST_BACKOFF_SECONDS, LONGEST_BACKOFF_SECONDS, Lanes

if TYPE_CHECKING:
    from collections.abc import Mapping

    from faust.types import TP

    from pipeline.settings import Settings

log = logging.getLogger(__name__)

FETCH_BYTES = 4 * 1024 * 1024
"""Most bytes of one partition in one fetch: about 13,000 activities of 300 bytes, one batch when far behind."""
BATCHES_A_POLL = 2
BUFFERED_BATCHES = 1
LONGEST_POLL_INTERVAL_SECONDS = 300.0
REQUEST_TIMEOUT_SECONDS = 30.0
DRAIN_SECONDS = 1.0
"""How long a revocation or a stop waits for a batch in flight. The fence makes a batch harmless that ends later."""


class BatchSchema(Schema[Any, Any]):
    """Hands a batch on as it is; a decoding error in Faust's channel would acknowledge it and lose it."""

    def compile(self, app: Any, **_callbacks: Any) -> Any:
        """The coroutine that Faust calls for each message."""

        async def decode(message: Any, *, propagate: bool = False) -> Any:  # noqa: ARG001  # Faust's signature
            return app.create_event(None, message.value, None, message)

        return decode


class BatchApp(faust.App):
    """Consumes one topic in batches of at most `kafka.batch_records`, each given to the handler in the log's order."""

    def __init__(self, settings: Settings, credentials: Any, handler: BatchHandler[Any]) -> None:
        """`credentials` are Faust's broker credentials, None for plain text."""
        kafka = settings.kafka
        self.batch_records = kafka.batch_records
        self.fetch_wait_seconds = kafka.fetch_wait_seconds
        self.group_instance_id = kafka.group_instance_id
        self._handler = handler
        self._epochs = itertools.count(1)
        self._newest_turn = 0
        self._asking = asyncio.Lock()
        self._under_way = 0
        self._unchecked: dict[TP, int] = {}
        super().__init__(
            kafka.group,
            broker=[f"aiokafka://{server}" for server in kafka.bootstrap_servers.split(",")],
            broker_credentials=credentials,
            broker_session_timeout=kafka.session_timeout_seconds,
            broker_heartbeat_interval=kafka.heartbeat_interval_seconds,
            broker_request_timeout=max(REQUEST_TIMEOUT_SECONDS, 1.5 * kafka.session_timeout_seconds),
            broker_max_poll_interval=LONGEST_POLL_INTERVAL_SECONDS,
            broker_max_poll_records=BATCHES_A_POLL,
            consumer_max_fetch_size=FETCH_BYTES,
            consumer_auto_offset_reset="earliest",
            stream_buffer_maxsize=BUFFERED_BATCHES,
            # Waiting until all is acknowledged would hold up a rebalance while Redis is away.
            stream_wait_empty=False,
            store="memory://",
            autodiscover=False,
            table_standby_replicas=0,
            topic_disable_leader=True,
            topic_allow_declare=False,
            web_enabled=False,
            web_router_enabled=False,
            web_tables_enabled=False,
        )
        topic = self.topic(kafka.activity_topic, schema=BatchSchema())
        self.agent(topic, name="ingest")(self._ingest)
        self.on_partitions_revoked.connect(self._revoked)

    async def _ingest(self, stream: Any) -> None:
        async for event in stream.noack().events():
            await self.lanes.put(event)

    @property
    def lanes(self) -> Lanes[Any]:
        """The lanes, made inside the running event loop."""
        if "_lanes" not in self.__dict__:
            self._lanes: Lanes[Any] = Lanes(
                self._handler, self._crash_soon, self.rewind, lambda: cast("BatchConsumer", self.consumer)
            )
        return self._lanes

    def _crash_soon(self, error: BaseException) -> None:
        self._ending = asyncio.ensure_future(self.crash(error))

    def rewind(self) -> None:
        """Start all partitions again from the handler's start positions, soon."""
        self.lanes.shut()
        self._rewinding = asyncio.ensure_future(self.reposition())
        self._rewinding.add_done_callback(self._rewound)

    def _rewound(self, task: asyncio.Future[Any]) -> None:
        if not task.cancelled() and (error := task.exception()) is not None:
            self._crash_soon(error)

    async def reposition(self) -> Mapping[TP, int]:
        """Stop the lanes, ask the handler for the start positions, seek there, start the lanes again.

        Faust asks for it after an assignment; call it yourself when Redis may have lost its last second. Shielded,
        because Faust breaks off after a while and would go on from Kafka's own commits.
        """
        return await asyncio.shield(asyncio.ensure_future(self._reposition()))

    @property
    def is_repositioning(self) -> bool:
        """Whether the lanes wait for start positions: what the handler remembers is about to be what these say."""
        return self._under_way > 0

    async def _reposition(self) -> Mapping[TP, int]:
        self._newest_turn += 1
        turn = self._newest_turn
        self._under_way += 1
        try:
            await self.lanes.halt()
            # One after the other: a call that was overtaken would make the handler forget what the newer has begun.
            async with self._asking:
                return await self._find_positions(turn)
        finally:
            self._under_way -= 1

    async def _find_positions(self, turn: int) -> Mapping[TP, int]:
        """Until they are found, or somebody newer asks for them."""
        backoff_seconds = FIRST_BACKOFF_SECONDS
        while turn == self._newest_turn and not self.should_stop:
            consumer = cast("BatchConsumer", self.consumer)
            assignment = consumer.assignment()
            try:
                starts = await self._handler.start_positions({(tp.topic, tp.partition) for tp in assignment})
            except RetryLater as error:
                log.warning("No start positions yet: %s", error)
                await asyncio.sleep(backoff_seconds)
                backoff_seconds = min(2 * backoff_seconds, LONGEST_BACKOFF_SECONDS)
                continue
            if turn == self._newest_turn:
                go_on_from = {tp: starts.get((tp.topic, tp.partition), EARLIEST) for tp in assignment}
                return await self._go_on(consumer, go_on_from)
        return {}

    async def _go_on(self, consumer: BatchConsumer, starts: Mapping[TP, int]) -> Mapping[TP, int]:
        epoch = next(self._epochs)
        # The lanes first: a batch of the new epoch may arrive as soon as the consumer's thread has sought.
        self.lanes.resume(epoch, {(tp.topic, tp.partition): offset for tp, offset in starts.items()})
        self._unchecked = {tp: offset for tp, offset in starts.items() if offset > 0}
        # Offset 0 may be gone; then the broker's answer makes the consumer go where the log begins.
        positions = {tp: max(0, offset) for tp, offset in starts.items()}
        await consumer.seek_to(positions, epoch)
        return positions

    def check_log_ends(self, consumer: BatchConsumer) -> None:
        """Notice where a log ends before the start position: the embedded broker would wait there for ever.

        The ends are what the first fetch after an assignment said; `ListOffsets` is wrong on that broker.
        """
        for tp in self._unchecked.keys() & consumer.assignment():
            highwater: int | None = consumer.highwater(tp)
            if highwater is not None and highwater < self._unchecked[tp]:
                self._ends_early((tp.topic, tp.partition))
            if highwater is not None:
                del self._unchecked[tp]

    def _ends_early(self, partition: Partition) -> None:
        try:
            self.lanes.ends_early(partition)
        except Stop as error:
            self._crash_soon(error)

    async def _revoked(self, *arguments: Any, **_signal: Any) -> None:
        """Faust's signal: the application, then the partitions taken away."""
        revoked: set[TP] = arguments[-1]
        await self._drain()
        if revoked:
            self._handler.revoked({(tp.topic, tp.partition) for tp in revoked})

    async def _drain(self) -> None:
        try:
            await asyncio.wait_for(self.lanes.halt(), DRAIN_SECONDS)
        except asyncio.TimeoutError:
            log.warning("A batch is still in flight; the fence will tell whether it counted")

    async def on_stop(self) -> None:
        """Let the batch in flight end before Faust takes everything apart."""
        await self._drain()
        self.lanes.close()
        await super().on_stop()

    def _create_directories(self) -> None:
        """Make none: Faust would create a data folder for tables, which Élan does not use."""

    def _new_transport(self) -> Any:
        return BatchTransport(self.conf.broker_consumer, self)

    def _new_producer_transport(self) -> Any:
        return BatchTransport(self.conf.broker_producer, self)


async def run(app: BatchApp, *, stop_on_signals: bool = True) -> None:
    """Run a worker inside the present event loop until SIGTERM or SIGINT, `app.stop()`, or a crash.

    Neither opens a port nor touches logging or stdout, which `faust worker` does. A Faust application ends for good:
    make another one to start again.

    Raises:
        ServerError: Kafka cannot be reached.
        Exception: what the worker crashed with, `Stop` for example.
    """
    loop = asyncio.get_running_loop()
    stopping = asyncio.Event()
    signals = (signal.SIGTERM, signal.SIGINT) if stop_on_signals else ()
    for number in signals:
        loop.add_signal_handler(number, stopping.set)
    starting = asyncio.create_task(app.start())
    starting.add_done_callback(lambda task: None if task.cancelled() or not task.exception() else stopping.set())
    waiting = [asyncio.create_task(stopping.wait()), asyncio.create_task(app.wait_until_stopped())]
    try:
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
    finally:
        for number in signals:
            loop.remove_signal_handler(number)
        await app.stop()
        for task in (starting, *waiting):
            task.cancel()
        ended = await asyncio.gather(starting, *waiting, return_exceptions=True)
    reason = app.crash_reason or (ended[0] if isinstance(ended[0], Exception) else None)
    if isinstance(reason, KafkaConnectionError):
        servers = ", ".join(url.authority for url in app.conf.broker)
        message = f"Kafka cannot be reached at {servers}: start it, or set kafka.bootstrap_servers."
        raise ServerError(message) from reason
    if reason is not None:
        raise reason
