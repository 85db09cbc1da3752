"""`elan worker`: takes batches into the windows, judges, relays alerts, writes the clock. Any number may run."""

from __future__ import annotations

import asyncio
import gc
import logging
import platform
from contextlib import AsyncExitStack
from typing import TYPE_CHECKING

from pipeline import __version__, heap
from pipeline.clock import monotonic_seconds
from pipeline.duties import LEASE_SECONDS, Judging, Relaying
from pipeline.duty_loops import TROUBLE_PAUSE_SECONDS, end_duties, for_ever
from pipeline.endpoint import endpoint
from pipeline.errors import RetryLater, Rewind, ServerError
from pipeline.horizon import DAY_SECONDS
from pipeline.ingest.batch_app import BatchApp, run
from pipeline.ingest.dead_letters import KafkaDeadLetterWriter
from pipeline.ingest.trust import Trust, TrustRules
from pipeline.intake import Intake
from pipeline.intake_metrics import IntakeMetrics
from pipeline.judging import Judge
from pipeline.kafka_clients import aiokafka_producer, broker_credentials, kafka_admin
from pipeline.learning import Learner
from pipeline.pseudonyms import pseudonyms_of
from pipeline.publish.relay import AlertsTopic
from pipeline.redis_clients import async_redis_client
from pipeline.rules import rules_of
from pipeline.settings import require_pseudonym_key
from pipeline.telemetry import Telemetry
from pipeline.ticking import Ticking
from pipeline.topic_watch import TopicWatch
from pipeline.windows.aggregate import Aggregator
from pipeline.windows.columns import REMEMBERED_DAYS
from pipeline.windows.redis_instance import InstanceName
from pipeline.windows.redis_progress import RedisProgress
from pipeline.windows.redis_scripts import LOADING, RedisAway
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.redis_verdicts import Lease, RedisVerdicts

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

    from aiokafka import AIOKafkaProducer

    from pipeline.settings import Settings
    from pipeline.windows.redis_scripts import Client

log = logging.getLogger(__name__)

BUSY_PAUSE_SECONDS = 0.02
IDLE_PAUSE_SECONDS = 0.5
RELAY_PAUSE_SECONDS = 0.2
VERIFY_PAUSE_SECONDS = 2.0
WATCH_PAUSE_SECONDS = 2.0
HEAP_PAUSE_SECONDS = 2.0
TOPIC_ANSWER_SECONDS = 5.0
BEGIN_SECONDS = 10.0
GC_THRESHOLD = 50_000


class Worker:
    """One worker process: its parts, wired."""

    def __init__(self, settings: Settings, client: Client, producer: AIOKafkaProducer) -> None:
        key = require_pseudonym_key(settings)
        kafka, namespace, shards = settings.kafka, settings.redis.namespace, settings.redis.shards
        self._settings = settings
        self.telemetry = Telemetry("worker")
        self.metrics = IntakeMetrics(self.telemetry, settings.clock.allowed_lateness_seconds)
        self._progress = RedisProgress(client, namespace)
        self.learner = Learner()
        self.topic = TopicWatch(settings, lambda: kafka_admin(settings, answer_seconds=TOPIC_ANSWER_SECONDS))
        store, verdicts, rules = (
            RedisStore(client, namespace, shards),
            RedisVerdicts(client, namespace, shards),
            rules_of(settings),
        )
        self.intake = Intake(
            Trust(_trust_rules(settings), pseudonyms_of(key)),
            Aggregator(shards, lambda network: settings.network(network).time_zone),
            store,
            self._progress,
            KafkaDeadLetterWriter(producer, kafka.dead_letter_topic),
            self.metrics,
            settings.clock.allowed_lateness_seconds,
            self.topic.ask,
            self.begin,
        )
        self.app = BatchApp(settings, broker_credentials(settings), self.intake)
        self._judging = Judging(
            client,
            namespace,
            shards,
            judge=Judge(store, verdicts, rules, learn=self.learner.learn),
            rules=rules,
            verdicts=verdicts,
            progress=self._progress,
            ask_topic=self.topic.ask,
            telemetry=self.telemetry,
        )
        relay_lease = Lease(client, namespace, "relay", LEASE_SECONDS)
        self._relaying = Relaying(relay_lease, verdicts, AlertsTopic(producer, kafka.alerts_topic), self.telemetry)
        clock_lease = Lease(client, namespace, "clock", 3 * settings.clock.interval_seconds)
        self._ticking = Ticking(clock_lease, producer, kafka.activity_topic)
        self._leases = [relay_lease, clock_lease]
        self.instance = InstanceName(client, namespace, kafka.group_instance_id)

    async def begin(self) -> None:
        """Freeze or check what Redis was started with; raises Stop or RetryLater."""
        await self._progress.claim_layout(self._settings.redis.shards, self._settings.kafka.activity_topic)

    async def verify(self) -> float:
        """One look whether Redis still has what it has confirmed, and our name is ours -> seconds to pause."""
        await self.instance.verify()
        if self.app.is_repositioning:
            # A loss is known until the positions are found, and would be told of at every look.
            return VERIFY_PAUSE_SECONDS
        try:
            await self.intake.verify()
        except Rewind as error:
            log.error("%s: reading again from what it still knows", error)  # noqa: TRY400 - one sentence tells it
            self.metrics.lost()
            self.app.rewind()
        return VERIFY_PAUSE_SECONDS

    async def watch(self) -> float:
        """One look whether Kafka answers, and the topic is still the one that is being counted -> seconds to pause."""
        before, found = self.intake.topic, await self.topic.ask()
        if before is not None and found != before and not self.app.is_repositioning:
            change = "made anew" if found.identity != before.identity else "given more partitions"
            log.error("Topic %s was %s while it was read", self._settings.kafka.activity_topic, change)
            self.app.rewind()
        return WATCH_PAUSE_SECONDS

    async def judge(self) -> float:
        """One round of judging -> seconds to pause."""
        progress = await self._judging.run_once()
        self.intake.judged_seconds = progress.reached_seconds
        return BUSY_PAUSE_SECONDS if progress.boundaries or self.intake.is_early else IDLE_PAUSE_SECONDS

    async def relay(self) -> float:
        """One round of relaying -> seconds to pause."""
        await self._relaying.run_once()
        return RELAY_PAUSE_SECONDS

    async def tick(self) -> float:
        """One tick of the clock -> seconds to pause."""
        await self._ticking.run_once()
        return self._settings.clock.interval_seconds

    async def give_back_memory(self) -> float:
        """Give memory back that is free -> seconds to pause."""
        heap.give_back()
        return HEAP_PAUSE_SECONDS

    def duties(self) -> list[Callable[[], Awaitable[float]]]:
        """What runs beside the intake."""
        live = self._settings.clock.source == "live"
        always = [self.judge, self.relay, self.verify, self.watch, self.give_back_memory]
        return [*always, *([self.tick] if live else [])]

    async def end(self) -> None:
        """Let the others have the leases at once; what Redis does not hear, it lets go by itself."""
        try:
            await self._judging.give_back()
            for lease in self._leases:
                await lease.give_back()
        except RetryLater as error:
            log.info("leases run out by themselves: %s", error)


def _trust_rules(settings: Settings) -> TrustRules:
    return TrustRules(
        duplicate_horizon_records=settings.ingest.duplicate_horizon_records,
        largest_record_bytes=settings.ingest.largest_record_bytes,
        allowed_lateness_seconds=settings.clock.allowed_lateness_seconds,
        future_tolerance_seconds=settings.clock.future_tolerance_seconds,
        remembered_seconds=REMEMBERED_DAYS * DAY_SECONDS,
    )


async def run_worker(
    settings: Settings, *, on_url: Callable[[str], None] | None = None, stop_on_signals: bool = True
) -> None:
    """Run one worker until a signal, cancellation, or an error that it must not go on from.

    Raises:
        SettingsError: no pseudonym key in production mode.
        ServerError: Kafka or Redis cannot be reached at the start, or the metrics port is taken.
        Stop: going on would lose something or count it twice.
    """
    require_pseudonym_key(settings)
    async with AsyncExitStack() as stack:
        client = await stack.enter_async_context(async_redis_client(settings))
        producer = await stack.enter_async_context(aiokafka_producer(settings))
        worker = Worker(settings, client, producer)
        stack.callback(worker.topic.close)
        stack.push_async_callback(worker.learner.end)
        await _begin(worker)
        _spare_the_collector()
        telemetry = worker.telemetry
        telemetry.gauge("elan_build_info").labels(__version__, platform.python_version()).set(1)
        telemetry.gauge("elan_ready").set_function(lambda: float(worker.metrics.why_not_ready() is None))
        host, port = settings.worker.metrics_host, settings.worker.metrics_port
        url = await stack.enter_async_context(endpoint(host, port, telemetry.registry, worker.metrics.why_not_ready))
        if on_url is not None:
            on_url(url)
        await _run_all(worker, stop_on_signals=stop_on_signals)
        await worker.end()


async def _begin(worker: Worker) -> None:
    """Redis may still be loading what it keeps: wait for that, but not for long where it is not there or refuses."""
    deadline = monotonic_seconds() + BEGIN_SECONDS
    while True:
        try:
            await worker.begin()
            return await worker.instance.claim()
        except RetryLater as error:  # noqa: PERF203 - the exception is what the loop is for
            is_loading = isinstance(error, RedisAway) and error.kind == LOADING
            if not is_loading and monotonic_seconds() > deadline:
                raise ServerError(f"{error}. Check redis.url, then run `elan check`.") from error
            log.warning("%s; again in %.0f s", error, TROUBLE_PAUSE_SECONDS)
            await asyncio.sleep(TROUBLE_PAUSE_SECONDS)


def _spare_the_collector() -> None:
    """What was made at the start stays; what a batch makes goes by counting references. Collecting finds nothing."""
    gc.collect()
    gc.freeze()
    gc.set_threshold(GC_THRESHOLD)


async def _run_all(worker: Worker, *, stop_on_signals: bool) -> None:
    """The intake and the duties beside it; the first to fail ends all."""
    intake = asyncio.create_task(run(worker.app, stop_on_signals=stop_on_signals), name="intake")
    duties = [asyncio.create_task(for_ever(duty, worker.metrics), name=duty.__name__) for duty in worker.duties()]
    try:
        done, _ = await asyncio.wait([intake, *duties], return_when=asyncio.FIRST_COMPLETED)
        for task in done:
            task.result()
    finally:
        await end_duties(duties)
        if not intake.done():
            await worker.app.stop()
        await asyncio.gather(intake, *duties, return_exceptions=True)
