"""The servers that the other tests rely on are the real ones."""

from __future__ import annotations

import json
import subprocess
import urllib.request
from typing import TYPE_CHECKING

import kafka
import redis

from tests.servers.apache_kafka import ApacheKafka
from tests.servers.prometheus import Prometheus
from tests.servers.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path


def _write(bootstrap: str, topic: str, value: bytes) -> int:
    producer = kafka.KafkaProducer(bootstrap_servers=bootstrap, acks="all")
    try:
        offset: int = producer.send(topic, value, partition=0).get(30).offset
        return offset
    finally:
        producer.close()


def test_the_broker_keeps_its_records_and_its_port_over_a_power_cut(
    kafka_bootstrap: str, tmp_path: Path, fresh_topic: Callable[[str], str]
) -> None:
    assert kafka_bootstrap  # asked for so that this test is left out with the others where Kafka cannot be had
    topic = fresh_topic("kept")
    broker = ApacheKafka(tmp_path / "kafka").start()
    try:
        first = _write(broker.bootstrap, topic, b"before")
        broker.kill()
        broker.start()
        assert _write(broker.bootstrap, topic, b"after") == first + 1
    finally:
        broker.kill()


def test_valkey_keeps_what_it_answered_for_over_a_power_cut(valkey_url: str, tmp_path: Path) -> None:
    assert valkey_url
    server = Valkey(tmp_path / "valkey", appendfsync="always").start()
    try:
        with redis.Redis.from_url(server.url) as client:
            client.set("kept", "yes")
        server.kill()
        server.start()
        with redis.Redis.from_url(server.url) as client:
            assert client.get("kept") == b"yes"
    finally:
        server.kill()


def test_every_test_begins_with_an_empty_valkey(valkey_url: str) -> None:
    with redis.Redis.from_url(valkey_url) as client:
        assert client.dbsize() == 0


def test_promtool_tells_a_wrong_rule(promtool_binary: str, tmp_path: Path) -> None:
    rules = tmp_path / "rules.yml"
    rules.write_text("groups: [{name: g, rules: [{record: a, expr: 'sum('}]}]")
    done = subprocess.run([promtool_binary, "check", "rules", str(rules)], capture_output=True, text=True, check=False)
    assert done.returncode != 0
    assert "unclosed left parenthesis" in done.stdout + done.stderr


def test_prometheus_answers_queries_as_soon_as_it_is_started(prometheus_binary: str, tmp_path: Path) -> None:
    assert prometheus_binary
    configuration = tmp_path / "prometheus.yml"
    configuration.write_text("scrape_configs: []")
    server = Prometheus(tmp_path / "prometheus", configuration).start()
    try:
        with urllib.request.urlopen(f"{server.url}/api/v1/query?query=1%2B1", timeout=5) as answer:
            assert json.load(answer)["data"]["result"][1] == "2"
    finally:
        server.stop()
