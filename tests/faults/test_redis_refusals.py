"""A Redis that is there but refuses: workers wait, acknowledge nothing it did not take, say why, and then go on."""

from __future__ import annotations

import threading
import time
import urllib.error
import urllib.request
from contextlib import contextmanager
from typing import TYPE_CHECKING

import pytest
import redis
from kafka import KafkaConsumer, TopicPartition

from tests.faults.load import Load
from tests.integration.pipeline.deployment import wait_until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from contextlib import AbstractContextManager

    from tests.faults.deployment import FaultyDeployment, Worker
    from tests.faults.trial import Trial, Trials
    from tests.servers.valkey import Valkey

    Refusal = Callable[[Valkey], AbstractContextManager[None]]

EVENTS_PER_SECOND = 2_000
REFUSED_SECONDS = 2.0
"""From the moment at which every worker has said so."""
COMMANDS_TO_LOAD = 100_000
SLOW_TO_LOAD = ("--key-load-delay", "300")
"""Microseconds a command; every 1,024 commands it answers that it is loading."""


@contextmanager
def configured(server: Valkey, **settings: str) -> Iterator[None]:
    """Another setting of a running server for a while."""
    with redis.Redis.from_url(server.url) as client:
        before = {name: client.config_get(name)[name] for name in settings}
        for name, value in settings.items():
            client.config_set(name, value)
        yield
        for name, value in before.items():
            client.config_set(name, value)


def full(server: Valkey) -> AbstractContextManager[None]:
    return configured(server, maxmemory="1")


def read_only(server: Valkey) -> AbstractContextManager[None]:
    return configured(server, **{"min-replicas-to-write": "1"})


@contextmanager
def busy(server: Valkey) -> Iterator[None]:
    """Somebody's script does not end."""

    def loop_for_ever() -> None:
        with (
            redis.Redis.from_url(server.url, socket_timeout=60) as client,
            pytest.raises(redis.ResponseError, match="killed"),
        ):
            client.eval("while true do end", 0)

    with configured(server, **{"busy-reply-threshold": "100"}), redis.Redis.from_url(server.url) as client:
        thread = threading.Thread(target=loop_for_ever, daemon=True)
        thread.start()
        yield
        client.script_kill()
        thread.join(30)


@contextmanager
def loading(server: Valkey) -> Iterator[None]:
    """It was started again, and reads a long file slowly."""
    with redis.Redis.from_url(server.url) as client, client.pipeline(transaction=False) as pipe:
        for number in range(COMMANDS_TO_LOAD):
            pipe.set("somebody else's", number)
        pipe.execute()
    server.stop()
    command = server.process.command
    server.process.command = [*command, *SLOW_TO_LOAD]
    server.start()
    server.process.command = command
    with redis.Redis.from_url(server.url, socket_timeout=30) as client:
        assert client.info("persistence")["loading"]
        yield
        assert client.info("persistence")["loading"], "it should have taken longer"
        client.config_set("key-load-delay", "0")
        wait_until(lambda: not client.info("persistence")["loading"], "the end of loading")


def readiness(deployment: FaultyDeployment, worker: Worker) -> str:
    """What /-/ready says."""
    try:
        with urllib.request.urlopen(f"{deployment.url_of(worker)}/-/ready", timeout=10) as answer:
            return str(answer.read().decode())
    except urllib.error.HTTPError as error:
        return error.read().decode()


def acknowledged(deployment: FaultyDeployment) -> dict[int, int]:
    """Partition -> what the group has committed to Kafka."""
    environment = deployment.environment
    consumer = KafkaConsumer(bootstrap_servers=deployment.kafka, group_id=environment["ELAN_KAFKA_GROUP"])
    try:
        topic = environment["ELAN_KAFKA_ACTIVITY_TOPIC"]
        return {n: consumer.committed(TopicPartition(topic, n)) or 0 for n in range(deployment.partitions)}
    finally:
        consumer.close()


def refuse(trial: Trial, server: Valkey, refusal: Refusal, says: str, kind: str, *, one_starts: bool = False) -> None:
    """Let Redis refuse until all workers have said so, and a while longer; then wait until they have gone on.

    With `one_starts` there is one that starts meanwhile: it waits as well.
    """
    deployment, workers = trial.deployment, list(trial.deployment.workers)
    with refusal(server):
        if one_starts:
            late = deployment.start_worker()
            wait_until(lambda: says in deployment.log_of(late), f"{says!r} to be said at a start", deployment)
        wait_until(
            lambda: all(says in readiness(deployment, worker) for worker in workers), f"{says!r} to be said", deployment
        )
        time.sleep(REFUSED_SECONDS)
        for worker in workers:
            assert deployment.metric(worker, "elan_ready") == 0
            assert deployment.metric(worker, f'elan_redis_errors_total{{kind="{kind}"}}') > 0
            assert says in deployment.log_of(worker)
        taken = acknowledged(deployment)
    trial.fault(says)
    standings = deployment.standings()
    assert all(offset <= standings.get(partition, 0) for partition, offset in taken.items()), (taken, standings)
    wait_until(
        lambda: all(readiness(deployment, worker) == "ready\n" for worker in deployment.workers),
        "readiness",
        deployment,
    )


def begin(trials: Trials, server: Valkey) -> Trial:
    trial = trials.begin(redis_url=server.url)
    workers = [trial.deployment.start_worker() for _ in range(2)]
    trial.produce(Load(trial.seed), EVENTS_PER_SECOND)
    trial.deployment.wait_for_assignment(*workers)
    trial.deployment.wait_for_records(trial.random.randrange(1_000, 4_000))
    return trial


@pytest.mark.timeout(180)
def test_a_full_redis_is_waited_for(trials: Trials, own_valkey: Valkey) -> None:
    trial = begin(trials, own_valkey)
    refuse(trial, own_valkey, full, "Redis is full", "full")
    trial.heal()
    trial.settle().assert_exact()


@pytest.mark.long
@pytest.mark.timeout(180)
def test_a_redis_that_is_read_only_or_busy_or_loading_is_waited_for(trials: Trials, own_valkey: Valkey) -> None:
    trial = begin(trials, own_valkey)
    refuse(trial, own_valkey, read_only, "Redis takes no writes", "read_only")
    refuse(trial, own_valkey, busy, "Redis is busy", "busy")
    refuse(trial, own_valkey, loading, "Redis is still loading", "loading", one_starts=True)
    trial.heal()
    trial.settle().assert_exact()
