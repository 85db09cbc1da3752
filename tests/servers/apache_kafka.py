"""A real Apache Kafka broker in KRaft mode, one node, from the jars of Maven's central repository."""

from __future__ import annotations

import shutil
import subprocess
from pathlib import Path

from tests.servers.process import HOST, ServerProcess, ServerUnavailableError, free_ports
from tests.servers.store import fetched_once

VERSION = "4.4.0"
_HERE = Path(__file__).parent
_CLUSTER_ID = "ZWxhbi10ZXN0cy1icm9rZQ"  # any 16 bytes in base64
# A short-lived broker gains more from a quick start than from optimised code.
_JAVA_FLAGS = ("-Xms256m", "-Xmx512m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-Djava.awt.headless=true")
_DOWNLOAD_SECONDS = 300
_FORMAT_SECONDS = 60

# One node: every internal topic has one replica. The waits that make sense in a cluster are shortened, so that groups
# form at once and a killed broker is let back after two seconds.
_PROPERTIES = """\
process.roles=broker,controller
node.id=1
controller.quorum.voters=1@{host}:{controller_port}
listeners=PLAINTEXT://{host}:{port},CONTROLLER://{host}:{controller_port}
advertised.listeners=PLAINTEXT://{host}:{port}
controller.listener.names=CONTROLLER
listener.security.protocol.map=PLAINTEXT:PLAINTEXT,CONTROLLER:PLAINTEXT
inter.broker.listener.name=PLAINTEXT
log.dirs={folder}/data
num.partitions=8
default.replication.factor=1
min.insync.replicas=1
offsets.topic.replication.factor=1
offsets.topic.num.partitions=4
transaction.state.log.replication.factor=1
transaction.state.log.min.isr=1
transaction.state.log.num.partitions=4
share.coordinator.state.topic.replication.factor=1
share.coordinator.state.topic.min.isr=1
group.initial.rebalance.delay.ms=0
group.min.session.timeout.ms=1000
broker.session.timeout.ms=2000
broker.heartbeat.interval.ms=500
num.network.threads=2
num.io.threads=4
log.cleaner.dedupe.buffer.size=4194304
"""


class ApacheKafka:
    """One broker with its data in a folder; it keeps port and data over stop and start.

    Raises ServerUnavailableError when Java is missing, or the jars are not cached and Maven is missing or fails.
    """

    def __init__(self, folder: Path) -> None:
        self._java = _program("java")
        self._jars = fetched_once(f"kafka-{VERSION}", _fetch_jars)
        self._folder = folder.resolve()
        self._folder.mkdir(parents=True, exist_ok=True)
        self._properties = self._folder / "server.properties"
        port, controller_port = free_ports(2)
        self._properties.write_text(
            _PROPERTIES.format(host=HOST, port=port, controller_port=controller_port, folder=self._folder)
        )
        self.bootstrap = f"{HOST}:{port}"
        command = self._java_command("kafka.Kafka", str(self._properties))
        self.process = ServerProcess("Apache Kafka", command, port, self._folder / "output.log")

    def start(self) -> ApacheKafka:
        """Start the broker, its storage formatted on first use, and return it once it takes clients."""
        if not (self._folder / "data" / "meta.properties").exists():
            self._format()
        # The broker opens the clients' port only when its controller has admitted it: an open port means ready.
        self.process.start()
        return self

    def stop(self) -> None:
        """Shut the broker down in order."""
        self.process.stop()

    def kill(self) -> None:
        """End the broker as a power cut would."""
        self.process.kill()

    def _java_command(self, main_class: str, *arguments: str) -> list[str]:
        logging = f"-Dlog4j2.configurationFile={_HERE / 'log4j2.properties'}"
        return [self._java, *_JAVA_FLAGS, logging, "-cp", f"{self._jars}/*", main_class, *arguments]

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
