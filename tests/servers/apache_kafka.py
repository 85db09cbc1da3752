"""Real Apache Kafka in KRaft mode, from the jars of Maven's central repository: one node, or a cluster of three."""

from __future__ import annotations

import shutil
import subprocess
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING

from tests.servers.process import HOST, ServerProcess, ServerUnavailableError, free_ports
from tests.servers.store import fetched_once

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

VERSION = "4.4.0"
CLUSTER_NODES = 3
_HERE = Path(__file__).parent
_CLUSTER_ID = "ZWxhbi10ZXN0cy1icm9rZQ"  # any 16 bytes in base64
# A short-lived broker gains more from a quick start than from optimised code.
_JAVA_FLAGS = ("-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.awt.headless=true")
_MEMORY = ("-Xms256m", "-Xmx512m")
_MEMORY_OF_MANY = ("-Xms128m", "-Xmx256m")
_DOWNLOAD_SECONDS = 300
_FORMAT_SECONDS = 60
_CLUSTER_SECONDS = 120

# The waits that make sense in production are shortened, so that groups form at once and a killed broker is let back, or
# its partitions led by another, after two seconds.
_PROPERTIES = """\
process.roles=broker,controller
node.id={node.number}
controller.quorum.voters={voters}
listeners=PLAINTEXT://{host}:{node.port},CONTROLLER://{host}:{node.controller_port}
advertised.listeners=PLAINTEXT://{host}:{node.port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
num.partitions=8
default.replication.factor={copies}
min.insync.replicas={in_sync}
offsets.topic.replication.factor={copies}
offsets.topic.num.partitions=4
transaction.state.log.replication.factor={copies}
transaction.state.log.min.isr={in_sync}
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor={copies}
share.coordinator.state.topic.min.isr={in_sync}
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=4194304
"""


@dataclass(frozen=True)
class Node:
    """One node, broker and controller at once."""

    number: int
    port: int
    controller_port: int


def nodes(count: int) -> list[Node]:
    """Nodes on ports that are free now."""
    ports = free_ports(2 * count)
    return [Node(place + 1, *ports[2 * place : 2 * place + 2]) for place in range(count)]


class ApacheKafka:
    """One broker with its data in a folder; it keeps port and data over stop and start.

    `quorum` are all nodes of its cluster, the first of them itself; `more` are properties beside the usual ones. Raises
    ServerUnavailableError when Java is missing, or the jars are not cached and Maven is missing or fails.
    """

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None, quorum: Sequence[Node] = ()) -> None:
        self._java = _program("java")
        self._jars = fetched_once(f"kafka-{VERSION}", _fetch_jars)
        self._folder = folder.resolve()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._properties = self._folder / "server.properties"
        quorum = quorum or nodes(1)
        self.node = quorum[0]
        self._memory = _MEMORY if len(quorum) == 1 else _MEMORY_OF_MANY
        self._properties.write_text(_properties(self._folder, quorum, more or {}))
        self.bootstrap = f"{HOST}:{self.node.port}"
        command = self._java_command("kafka.Kafka", str(self._properties))
        self.process = ServerProcess("Apache Kafka", command, self.node.port, self._folder / "output.log")

    def start(self) -> ApacheKafka:
        """Start the broker, its storage formatted on first use, and return it once it takes clients."""
        self.launch()
        # The broker opens the clients' port only when its controller has admitted it: an open port means ready.
        self.process.wait_until_ready()
        return self

    def launch(self) -> None:
        """Start without waiting."""
        if not (self._folder / "data" / "meta.properties").exists():
            self._format()
        self.process.launch()

    def stop(self) -> None:
        """Shut the broker down in order."""
        self.process.stop()

    def kill(self) -> None:
        """End the broker as a power cut would."""
        self.process.kill()

    def _java_command(self, main_class: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={_HERE / 'log4j2.properties'}"
        flags = (*_JAVA_FLAGS, *self._memory, logging)
        return [self._java, *flags, "-cp", f"{self._jars}/*", main_class, *arguments]

    def _format(self) -> None:
        arguments = ("format", "-t", _CLUSTER_ID, "-c", str(self._properties))
        done = subprocess.run(
            self._java_command("kafka.tools.StorageTool", *arguments),
            capture_output=True,
            text=True,
            timeout=_FORMAT_SECONDS,
            check=False,
        )
        if done.returncode != 0:
            message = f"the storage of Apache Kafka was not formatted: {done.stdout}{done.stderr}"
            raise RuntimeError(message)


class KafkaCluster:
    """Three brokers that keep three copies of everything, and take a write when two of them have it."""

    def __init__(self, folder: Path, more: Mapping[str, str] | None = None) -> None:
        quorum = nodes(CLUSTER_NODES)
        self.brokers = {
            node.number: ApacheKafka(
                folder / str(node.number), more, [node, *(other for other in quorum if other is not node)]
            )
            for node in quorum
        }
        """Number of a node, which Kafka calls a leader by -> its broker."""
        self.bootstrap = ",".join(broker.bootstrap for broker in self.brokers.values())

    def start(self) -> KafkaCluster:
        """Start all nodes, and return when all take clients."""
        for broker in self.brokers.values():
            broker.launch()
        for broker in self.brokers.values():
            broker.process.wait_until_ready(_CLUSTER_SECONDS)
        return self

    def stop(self) -> None:
        """End all nodes at once: in order the last would wait in vain for a quorum to let it go."""
        for broker in self.brokers.values():
            broker.kill()


def _properties(folder: Path, quorum: Sequence[Node], more: Mapping[str, str]) -> str:
    is_cluster = len(quorum) > 1
    usual = _PROPERTIES.format(
        node=quorum[0],
        voters=",".join(f"{node.number}@{HOST}:{node.controller_port}" for node in quorum),
        host=HOST,
        folder=folder,
        copies=CLUSTER_NODES if is_cluster else 1,
        in_sync=2 if is_cluster else 1,
    )
    return usual + "".join(f"{name}={value}\n" for name, value in more.items())


def _program(name: str) -> str:
    path = shutil.which(name)
    if path is None:
        message = f"the program {name} is not on PATH"
        raise ServerUnavailableError(message)
    return path


def _fetch_jars(folder: Path) -> None:
    command = [
        _program("mvn"),
        "--quiet",
        "--batch-mode",
        "--file",
        str(_HERE / "pom.xml"),
        f"-Dkafka.version={VERSION}",
    ]
    command += ["dependency:copy-dependencies", "-DincludeScope=runtime", f"-DoutputDirectory={folder}"]
    try:
        done = subprocess.run(command, capture_output=True, text=True, timeout=_DOWNLOAD_SECONDS, check=False)
    except subprocess.TimeoutExpired:
        message = f"Maven did not download the jars within {_DOWNLOAD_SECONDS} s"
        raise ServerUnavailableError(message) from None
    if done.returncode != 0:
        first_error = next((line for line in done.stdout.splitlines() if "ERROR" in line), done.stderr.strip())
        message = f"Maven could not download the jars: {first_error}"
        raise ServerUnavailableError(message)
