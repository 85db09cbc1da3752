"""Brokers that trials may break: one alone, and three with three copies of everything. Each is started once a run."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.servers import absence
from tests.servers.apache_kafka import ApacheKafka, KafkaCluster
from tests.servers.process import ServerUnavailableError

if TYPE_CHECKING:
    from collections.abc import Iterator

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
