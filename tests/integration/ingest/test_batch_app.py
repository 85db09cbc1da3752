from __future__ import annotations

import asyncio
import os
import signal
import socket
import threading
from typing import TYPE_CHECKING, Any

import aiokafka.consumer.fetcher as stock_fetcher
import pytest
from aiokafka import AIOKafkaConsumer
from mode.threads import WorkerThread

from pipeline.errors import ServerError, Stop
from pipeline.ingest.batch_app import run
from pipeline.ingest.batch_transport import BatchConsumerThread
from tests.integration.ingest.conftest import PARTITIONS, Intake, Log, Worker, create_topic
from tests.servers.process import free_ports

if TYPE_CHECKING:
    from collections.abc import Callable

ONE_A_PARTITION = [b"one"] * PARTITIONS


@pytest.fixture(params=["Apache Kafka", "embedded broker"])
def bootstrap(request: pytest.FixtureRequest) -> str:
    name = "kafka_bootstrap" if request.param == "Apache Kafka" else "embedded_bootstrap"
    found: str = request.getfixturevalue(name)
    return found


def numbered(count: int, word: str = "v") -> list[bytes]:
    return [f"{word}{place:06}".encode() + b"x" * 100 for place in range(count)]


def test_every_record_comes_once_and_in_order_across_a_restart(
    bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    values = numbered(20_000)

    async def story() -> Intake:
        log = await create_topic(bootstrap, fresh_topic("restart"))
        await log.produce(values)
        intake = Intake(pause_seconds=0.02)
        async with Worker(log.app(intake)) as worker:
            await worker.until(lambda: intake.total >= len(values) // 3)
        at_restart = intake.total
        intake.pause_seconds = 0
        async with Worker(log.app(intake)) as worker:
            await worker.until(lambda: intake.total >= len(values))
        assert at_restart < len(values)
        return intake

    intake = asyncio.run(story())
    assert intake.largest <= 500
    assert intake.highwaters == intake.fences
    for (_, partition), found in intake.values.items():
        assert found == values[partition::PARTITIONS]
    for offsets in intake.offsets.values():
        assert offsets == list(range(len(values) // PARTITIONS))


def test_compressed_records_come_and_aborted_ones_do_not(
    kafka_bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    # log   v .. compressed .. (aborted) .. last .. (aborted): the fence ends at the log's end, past the last marker
    first, second, last = numbered(2000), numbered(2000, "gzip"), numbered(400, "last")

    async def story() -> Intake:
        log = await create_topic(kafka_bootstrap, fresh_topic("transactions"))
        await log.produce(first)
        await log.produce(second, compression_type="gzip")
        await log.produce(numbered(1000, "aborted"), transaction=f"a.{log.topic}")
        await log.produce(last)
        await log.produce(numbered(100, "aborted"), transaction=f"b.{log.topic}")
        intake = Intake()
        total = len(first) + len(second) + len(last)
        async with Worker(log.app(intake, batch_records=333)) as worker:
            ends = {(log.topic, partition): (total + 1100) // PARTITIONS + 2 for partition in range(PARTITIONS)}
            await worker.until(lambda: intake.fences == ends)
        return intake

    intake = asyncio.run(story())
    for (_, partition), found in intake.values.items():
        step = slice(partition, None, PARTITIONS)
        assert found == first[step] + second[step] + last[step]


def test_workers_that_come_and_go_lose_nothing_and_count_nothing_twice(
    bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    # worker A ------------------------ stops
    # worker B         joins ------------------------ to the end
    values = numbered(12_000)

    async def story() -> tuple[Intake, Intake]:
        log = await create_topic(bootstrap, fresh_topic("rebalance"))
        await log.produce(values[:4000])
        first, second = Intake(pause_seconds=0.01), Intake(pause_seconds=0.01)
        # What the windows keep is shared by all workers.
        second.fences, second.offsets, second.values = first.fences, first.offsets, first.values
        async with Worker(log.app(second, 100)) as b:
            async with Worker(log.app(first, 100)) as a:
                await a.until(lambda: first.total >= 1000 and {len(s) for s in (*first.asked, *second.asked)} >= {2})
                await log.produce(values[4000:8000])
                await a.until(lambda: first.total >= 5000)
            await log.produce(values[8000:])
            await b.until(lambda: first.total >= len(values))
        return first, second

    first, _ = asyncio.run(story())
    for (_, partition), found in first.values.items():
        assert found == values[partition::PARTITIONS]


def test_a_rewind_while_running_reads_again_from_where_the_windows_stand(
    bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    values = numbered(8000)

    async def story() -> Intake:
        log = await create_topic(bootstrap, fresh_topic("rewind"))
        await log.produce(values)
        intake = Intake(pause_seconds=0.01)
        app = log.app(intake, 200)
        async with Worker(app) as worker:
            await worker.until(lambda: intake.total >= 3000)
            intake.lost_from = 100
            await app.reposition()
            assert intake.total < 3000
            await worker.until(lambda: intake.total >= len(values))
        return intake

    intake = asyncio.run(story())
    for (_, partition), found in intake.values.items():
        assert found == values[partition::PARTITIONS]


def test_nothing_is_counted_until_the_windows_say_where_to_start(
    kafka_bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    async def story() -> Intake:
        log = await create_topic(kafka_bootstrap, fresh_topic("away"))
        await log.produce(numbered(400))
        intake = Intake(refusals=3, fences={(log.topic, partition): 50 for partition in range(PARTITIONS)})
        async with Worker(log.app(intake)) as worker:
            await worker.until(lambda: intake.total >= 50 * PARTITIONS)
        return intake

    intake = asyncio.run(story())
    assert len(intake.asked) == 4
    for offsets in intake.offsets.values():
        assert offsets == list(range(50, 100))


def test_a_log_shorter_than_what_was_counted_stops_the_worker(
    bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    async def story() -> None:
        log = await create_topic(bootstrap, fresh_topic("anew"))
        await log.produce(ONE_A_PARTITION)
        intake = Intake(fences={(log.topic, partition): 500 for partition in range(PARTITIONS)})
        async with Worker(log.app(intake)) as worker:
            await worker.until(lambda: intake.total > 0)

    with pytest.raises(Stop, match=r"ends .*before offset 500, which has been counted"):
        asyncio.run(story())


def test_sigterm_ends_a_busy_worker_within_two_seconds(kafka_bootstrap: str, fresh_topic: Callable[[str], str]) -> None:
    async def story() -> float:
        log = await create_topic(kafka_bootstrap, fresh_topic("sigterm"))
        await log.produce(numbered(4000))
        intake = Intake(pause_seconds=0.05)
        loop = asyncio.get_running_loop()
        running = asyncio.create_task(run(log.app(intake, 10)))
        while intake.total < 100:  # noqa: ASYNC110 - the handler knows nothing of this test
            await asyncio.sleep(0.01)
        began = loop.time()
        os.kill(os.getpid(), signal.SIGTERM)
        await running
        return loop.time() - began

    assert asyncio.run(story()) < 2


def test_sigterm_before_the_consumers_thread_has_begun_ends_the_worker(
    kafka_bootstrap: str, fresh_topic: Callable[[str], str], monkeypatch: pytest.MonkeyPatch
) -> None:
    # main thread  start |SIGTERM|   ==== waits ==== end
    # consumer's         .... late .... begins | ends
    made, serve = threading.Event(), BatchConsumerThread._serve

    async def begin_late(thread: BatchConsumerThread) -> None:
        made.set()
        await asyncio.sleep(0.5)
        await serve(thread)

    monkeypatch.setattr(BatchConsumerThread, "_serve", begin_late)

    async def story() -> None:
        log = await create_topic(kafka_bootstrap, fresh_topic("early"))
        running = asyncio.create_task(run(log.app(Intake())))
        await asyncio.to_thread(made.wait, 10)
        os.kill(os.getpid(), signal.SIGTERM)
        await asyncio.wait_for(running, 10)

    asyncio.run(story())
    # A thread that nobody has stopped would keep the process alive for ever.
    assert not [thread for thread in threading.enumerate() if isinstance(thread, WorkerThread)]


def test_a_worker_opens_no_port_and_leaves_other_consumers_alone(
    kafka_bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    async def story() -> Any:
        log = await create_topic(kafka_bootstrap, fresh_topic("quiet"))
        await log.produce(ONE_A_PARTITION)
        intake = Intake()
        async with Worker(log.app(intake)) as worker:
            await worker.until(lambda: intake.total == PARTITIONS)
            with pytest.raises(ConnectionRefusedError), socket.create_connection(("127.0.0.1", 6066), 1):
                pass
            async with AIOKafkaConsumer(
                log.topic, bootstrap_servers=kafka_bootstrap, auto_offset_reset="earliest"
            ) as consumer:
                return await consumer.getone()

    assert asyncio.run(story()).value == b"one"
    assert stock_fetcher.PartitionRecords.__module__ == "aiokafka.consumer.fetcher"


def test_a_broker_that_is_not_there_is_told_in_one_sentence() -> None:
    (port,) = free_ports(1)

    with pytest.raises(ServerError, match=rf"Kafka cannot be reached at 127\.0\.0\.1:{port}"):
        asyncio.run(run(Log(f"127.0.0.1:{port}", "none").app(Intake()), stop_on_signals=False))
