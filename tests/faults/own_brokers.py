"""Brokers that trials may break: one alone, one behind a link, and three with three copies of everything.

Each is started once a run, or once a module.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from tests.faults.proxy import Proxy
from tests.servers import absence
from tests.servers.apache_kafka import ApacheKafka, KafkaCluster, nodes
from tests.servers.process import HOST, ServerUnavailableError, free_ports

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

# A topic comes back only by hand, and compaction does not wait for a quarter of a minute.
OWN = {"auto.create.topics.enable": "false", "log.cleaner.backoff.ms": "200"}


@pytest.fixture(scope="session")
def _broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApacheKafka]:
    try:
        broker = ApacheKafka(tmp_path_factory.mktemp("own-broker"), OWN)
    except ServerUnavailableError as error:
        absence.leave_out("Apache Kafka", error)
    yield broker
    broker.kill()


@pytest.fixture
def own_broker(_broker: ApacheKafka) -> ApacheKafka:
    """Give a broker of the trials' own that runs, whatever the trial before has left."""
    if _broker.process.is_running:
        _broker.process.thaw()
    else:
        _broker.start()
    return _broker


@pytest.fixture(scope="module")
def broker_cluster(tmp_path_factory: pytest.TempPathFactory) -> Iterator[KafkaCluster]:
    """Give three brokers of the trials' own."""
    try:
        cluster = KafkaCluster(tmp_path_factory.mktemp("own-cluster"), OWN)
    except ServerUnavailableError as error:
        absence.leave_out("Apache Kafka", error)
    yield cluster.start()
    cluster.stop()


@dataclass(frozen=True)
class LinkedBroker:
    """A broker, and the link to its second listener, which tells its clients to come back by that link only."""

    broker: ApacheKafka
    link: Proxy

    @property
    def by_link(self) -> dict[str, str]:
        """What a worker is told to reach it by the link; all others reach it directly."""
        return {"ELAN_KAFKA_BOOTSTRAP_SERVERS": f"{HOST}:{self.link.port}"}

    @property
    def directly(self) -> dict[str, str]:
        """What a worker is told to reach it as the producer and the oracle do."""
        return {"ELAN_KAFKA_BOOTSTRAP_SERVERS": self.broker.bootstrap}


def _start_linked(folder: Path, link: Proxy, port: int) -> ApacheKafka:
    (node,) = nodes(1)
    direct = f"PLAINTEXT://{HOST}:{node.port}"
    listeners = {
        "listeners": f"{direct},LINK://{HOST}:{port},CONTROLLER://{HOST}:{node.controller_port}",
        "advertised.listeners": f"{direct},LINK://{HOST}:{link.port}",
        "listener.security.protocol.map": "PLAINTEXT:PLAINTEXT,LINK:PLAINTEXT,CONTROLLER:PLAINTEXT",
    }
    return ApacheKafka(folder, {**OWN, **listeners}, [node]).start()


@pytest.fixture(scope="module")
def _linked(tmp_path_factory: pytest.TempPathFactory) -> Iterator[LinkedBroker]:
    (port,) = free_ports(1)
    link = Proxy(port).start()
    try:
        broker = _start_linked(tmp_path_factory.mktemp("linked-broker"), link, port)
    except ServerUnavailableError as error:
        link.stop()
        absence.leave_out("Apache Kafka", error)
    yield LinkedBroker(broker, link)
    link.stop()
    broker.kill()


@pytest.fixture
def linked_broker(_linked: LinkedBroker) -> LinkedBroker:
    """Give a broker with a link, both of which work, whatever the trial before has left."""
    _linked.link.release(lose=True)
    if not _linked.broker.process.is_running:
        _linked.broker.start()
    return _linked
