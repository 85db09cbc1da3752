"""`elan demo`: the whole pipeline on the embedded default, and a screen that shows what happens while it happens."""

from __future__ import annotations

import asyncio
import contextlib
import logging
import signal
import threading
from dataclasses import dataclass, field
from typing import TYPE_CHECKING, Any
from zoneinfo import ZoneInfo

import msgspec
from aiokafka import AIOKafkaConsumer, TopicPartition

from pipeline import clock
from pipeline.errors import RetryLater, ServerError
from pipeline.kafka_clients import kafka_admin
from pipeline.kafka_topics import create_missing, partitions_of
from pipeline.lab.demo_feed import Announced, DemoOptions, Feed, Written
from pipeline.lab.demo_settings import demo_settings
from pipeline.lab.embedded import EmbeddedServers
from pipeline.lab.screen import DemoScreen, summary
from pipeline.lab.verdicts import compare
from pipeline.model import AlertTransition
from pipeline.redis_clients import async_redis_client
from pipeline.serve import run_serve
from pipeline.windows.aggregate import local_day
from pipeline.windows.redis_progress import RedisProgress
from pipeline.windows.redis_verdicts import RedisVerdicts
from pipeline.worker import run_worker

if TYPE_CHECKING:
    from rich.console import Console

    from pipeline.settings import Settings
    from pipeline.windows.redis_scripts import Client

FRAME_SECONDS = 0.25
QUIET_SECONDS = 1.0
"""How long no alert may come after the outbox is empty until all are taken to be here."""
STOP_SECONDS = 3.0
INTERRUPTED = 130
_decode_step = msgspec.json.Decoder(AlertTransition).decode


@dataclass(slots=True)
class _Replay:
    """What is known of the replay so far."""

    announced: Announced | None = None
    records: int | None = None
    counted: int = 0
    event_seconds: float | None = None
    steps: list[AlertTransition] = field(default_factory=list)
    last_step_at: float = 0.0
    first_alert_seconds: float | None = None


async def run_demo(options: DemoOptions, console: Console, metrics_port: int, *, once: bool) -> int:
    """Run the demo to its end, then serve metrics until Ctrl-C unless `once` -> exit code.

    Raises:
        ServerError: an embedded server is missing or the metrics port is taken.
        InputError: the file given cannot be used.
    """
    interrupted = asyncio.Event()
    for number in (signal.SIGINT, signal.SIGTERM):
        asyncio.get_running_loop().add_signal_handler(number, interrupted.set)
    with EmbeddedServers() as servers:
        settings = demo_settings(servers.kafka_bootstrap, servers.redis_url, metrics_port)
        await asyncio.to_thread(_create_topics, settings)
        demo = Demo(settings, options, console)
        try:
            return await demo.run(interrupted, once=once)
        finally:
            await demo.stop()


def _create_topics(settings: Settings) -> None:
    admin = kafka_admin(settings)
    try:
        create_missing(admin, settings)
        # The broker would make a missing topic by itself, with a number of partitions of its own.
        found = partitions_of(admin, settings).get(settings.kafka.activity_topic)
    finally:
        admin.close()
    if found != settings.kafka.partitions:
        raise ServerError(
            f"The embedded broker made {found} partitions instead of {settings.kafka.partitions}: run the demo again."
        )


class Demo:
    """One run: a feed, a worker, the communities' endpoint, and the screen."""

    def __init__(self, settings: Settings, options: DemoOptions, console: Console) -> None:
        self._settings = settings
        self._console = console
        self._feed = Feed(settings, options)
        self._replay = _Replay()
        self._tasks: list[asyncio.Task[None]] = []
        self._started = clock.monotonic_seconds()

    async def run(self, interrupted: asyncio.Event, *, once: bool) -> int:
        """Replay, summary, and metrics until interrupted -> exit code."""
        url: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        self._tasks = [asyncio.create_task(run_serve(self._settings, url.set_result), name="serve")]
        # A port that is taken is told before anything else is under way.
        await self._first_of(url)
        self._tasks += [
            asyncio.create_task(run_worker(self._settings, stop_on_signals=False), name="worker"),
            asyncio.create_task(self._hear_alerts(), name="alerts"),
        ]
        self._feed.start()
        async with async_redis_client(self._settings) as client:
            finished = await self._show(client, url.result(), interrupted)
        if not finished:
            self._console.print("Interrupted; the embedded servers are stopped.")
            return INTERRUPTED
        self._summary()
        if not once:
            self._console.print(f"Metrics stay on {url.result()}/metrics until Ctrl-C.", highlight=False)
            await interrupted.wait()
        return 0

    async def stop(self) -> None:
        """End everything that runs."""
        self._feed.stop()
        pending = set(self._tasks)
        while pending:
            for task in pending:
                task.cancel()
            # A worker that is just starting does not hear the first.
            _, pending = await asyncio.wait(pending, timeout=STOP_SECONDS)
            if pending:
                # A worker stopped in the middle of its start leaves threads and connections that complain.
                threading.excepthook = lambda _: None
                logging.disable()

    async def _first_of(self, wanted: asyncio.Future[str]) -> None:
        """Wait for the endpoint, or for the error of whatever failed to start."""
        waiting: list[asyncio.Future[Any]] = [wanted, *self._tasks]
        await asyncio.wait(waiting, return_when=asyncio.FIRST_COMPLETED)
        self._raise_failures()

    def _raise_failures(self) -> None:
        for task in self._tasks:
            if task.done() and not task.cancelled():
                task.result()

    async def _show(self, client: Client, url: str, interrupted: asyncio.Event) -> bool:
        """Show the replay until it has ended; False when the user interrupts it."""
        namespace, shards = self._settings.redis.namespace, self._settings.redis.shards
        progress, verdicts = RedisProgress(client, namespace), RedisVerdicts(client, namespace, shards)
        replay, shown = self._replay, 0
        with DemoScreen(self._console, None, url) as screen:
            while not interrupted.is_set():
                self._raise_failures()
                self._listen_to_feed()
                with contextlib.suppress(RetryLater):
                    await self._look(progress)
                    networks = await progress.first_days()
                    screen.communities([reading for name in networks for reading in await verdicts.readings(name)])
                    screen.progress(replay.event_seconds, replay.counted, replay.records)
                    for step in replay.steps[shown:]:
                        screen.alert(step)
                    shown = len(replay.steps)
                    if await self._has_ended(progress, verdicts):
                        return True
                with contextlib.suppress(asyncio.TimeoutError):
                    await asyncio.wait_for(interrupted.wait(), FRAME_SECONDS)
        return False

    def _listen_to_feed(self) -> None:
        for message in self._feed.poll():
            if isinstance(message, Announced):
                self._replay.announced = message
                self._started = clock.monotonic_seconds()
            elif isinstance(message, Written):
                self._replay.records = message.records

    async def _look(self, progress: RedisProgress) -> None:
        standings = (await progress.standings()).values()
        self._replay.counted = sum(standing.next_offset for standing in standings)
        marks = [standing.watermark_seconds for standing in standings if standing.watermark_seconds is not None]
        self._replay.event_seconds = min(marks) if marks else None

    async def _has_ended(self, progress: RedisProgress, verdicts: RedisVerdicts) -> bool:
        """Everything written is counted, everything due is judged, everything told has been heard."""
        replay = self._replay
        if replay.records is None or replay.counted < replay.records or replay.event_seconds is None:
            return False
        # The newest activity is a day before the closing clock, whatever the time zone.
        for network in await progress.first_days():
            judged = await verdicts.judged(network)
            if len(judged) < self._settings.redis.shards or len(set(judged.values())) != 1:
                return False
            passed = self._passed_day(network, replay.event_seconds)
            if min(judged.values()) < passed:
                return False
        if await verdicts.outbox(limit=1):
            return False
        return clock.monotonic_seconds() - replay.last_step_at > QUIET_SECONDS

    def _passed_day(self, network: str, event_seconds: float) -> int:
        return local_day(event_seconds, ZoneInfo(self._settings.network(network).time_zone)) - 1

    async def _hear_alerts(self) -> None:
        """Read the alerts topic as anybody would."""
        topic = self._settings.kafka.alerts_topic
        consumer = AIOKafkaConsumer(
            bootstrap_servers=self._settings.kafka.bootstrap_servers, auto_offset_reset="earliest"
        )
        consumer.assign([TopicPartition(topic, 0)])
        await consumer.start()
        try:
            async for record in consumer:
                now = clock.monotonic_seconds()
                if self._replay.first_alert_seconds is None:
                    self._replay.first_alert_seconds = now - self._started
                self._replay.steps.append(_decode_step(record.value))
                self._replay.last_step_at = now
        finally:
            await consumer.stop()

    def _summary(self) -> None:
        replay = self._replay
        truth = replay.announced.truth if replay.announced else None
        seconds = clock.monotonic_seconds() - self._started
        comparison = None if truth is None else compare(truth, replay.steps)
        summary(self._console, comparison, replay.steps, seconds)
        if replay.first_alert_seconds is not None:
            self._console.print(
                f"First alert {replay.first_alert_seconds:.0f} s after the start of the replay.", highlight=False
            )
