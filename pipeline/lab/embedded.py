"""A real Valkey and a real Kafka-protocol broker on the loopback, for the demo and for tests.

Nothing outlives the block: the data lie in a fresh folder that is removed, and a watchdog ends both servers should this
process be killed. The broker keeps all in memory and is good for a demo, never the evidence for a claim of correctness.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING, final

from pipeline.clock import monotonic_seconds
from pipeline.errors import ServerError
from pipeline.lab.server_binaries import kafka_binary, redis_binary

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType

HOST = "127.0.0.1"
START_SECONDS = 20.0
STOP_SECONDS = 1.0
"""The broker takes 5 s to end while clients are connected, and has nothing to save."""
PAUSE_SECONDS = 0.01
TRIES = 3
"""A port found free may be taken by somebody else a moment later."""
FETCH_WAIT_SECONDS = 0.05
"""How long a worker lets the broker wait for news. News do not wake it: it looks again after half of the time, or all
of it where that is below a quarter of a second. With half a second, activities are a quarter late again and again."""
_WATCHDOG = Path(__file__).with_name("watchdog.py")


@final
class EmbeddedServers:
    """Context manager: both servers run inside the block; `kafka_bootstrap` and `redis_url` say where."""

    kafka_bootstrap: str
    redis_url: str

    def __init__(self, kafka_port: int = 0, redis_port: int = 0, *, kafka: bool = True) -> None:
        """Port 0 takes a free one. Without `kafka` there is no broker, and no `kafka_bootstrap`."""
        self._kafka = kafka
        self._kafka_port = kafka_port
        self._redis_port = redis_port
        self._servers: list[subprocess.Popen[bytes]] = []
        self._watchdog: subprocess.Popen[bytes] | None = None
        self.folder: Path | None = None
        """Where the servers keep their data and what they print, while they run."""

    def __enter__(self) -> EmbeddedServers:
        """Start both and wait until they answer.

        Raises:
            ServerError: a program is not installed, a port is taken, or a server does not start.
        """
        folder = self.folder = Path(tempfile.mkdtemp(prefix="elan-demo-"))
        try:
            # Found before anything is started: what is missing is said at once.
            redis_program, kafka_program = redis_binary(), kafka_binary(folder) if self._kafka else None
            self._watchdog = _start_watchdog(folder)
            redis_port = self._start("Valkey", self._redis_port, lambda port: _valkey(redis_program, port))
            self.redis_url = f"redis://{HOST}:{redis_port}/0"
            if kafka_program is not None:
                kafka_port = self._start("The broker", self._kafka_port, lambda port: _tansu(kafka_program, port))
                self.kafka_bootstrap = f"{HOST}:{kafka_port}"
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """Stop both and remove their folder."""
        self.stop()

    def stop(self) -> None:
        """End both servers, within about a second; more than once is fine."""
        for server in self._servers:
            server.terminate()
        deadline = monotonic_seconds() + STOP_SECONDS
        for server in self._servers:
            with contextlib.suppress(subprocess.TimeoutExpired):
                server.wait(max(0.0, deadline - monotonic_seconds()))
            server.kill()
            server.wait()
        self._servers.clear()
        if self._watchdog is not None:
            # Killed before its pipe ends: the process ids it knows may be somebody else's by now.
            self._watchdog.kill()
            self._watchdog.communicate()
            self._watchdog = None
        if self.folder is not None:
            shutil.rmtree(self.folder, ignore_errors=True)
            self.folder = None

    def _start(self, name: str, wanted_port: int, command: Callable[[int], list[str]]) -> int:
        if wanted_port:
            _require_free(name, wanted_port)
            return self._start_on(name, wanted_port, command)
        for _ in range(TRIES - 1):
            with contextlib.suppress(ServerError):
                return self._start_on(name, _free_port(), command)
        return self._start_on(name, _free_port(), command)

    def _start_on(self, name: str, port: int, command: Callable[[int], list[str]]) -> int:
        if self.folder is None or self._watchdog is None or self._watchdog.stdin is None:
            raise ServerError("The embedded servers are started by `with EmbeddedServers()`.")
        log = self.folder / f"{port}.log"
        with log.open("wb") as output:
            # In a session of its own: Ctrl-C reaches the demo alone, which stops the servers in order.
            server = subprocess.Popen(  # noqa: S603 - a program of a wheel, started by path
                command(port),
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=self.folder,
                env={"PATH": os.environ.get("PATH", ""), "RUST_LOG": "warn"},
                start_new_session=True,
            )
        self._servers.append(server)
        self._watchdog.stdin.write(f"{server.pid}\n".encode())
        self._watchdog.stdin.flush()
        if _answers_in_time(server, port):
            return port
        self._servers.remove(server)
        server.kill()
        server.wait()
        lines = log.read_text(errors="replace").strip().splitlines()
        last = f": {lines[-1].strip()}" if lines else ""
        raise ServerError(f"{name} did not start on {HOST}:{port}{last}")


def _start_watchdog(folder: Path) -> subprocess.Popen[bytes]:
    # -S -E: the standard library alone, so that it starts in a few milliseconds whatever is installed.
    command = [sys.executable, "-S", "-E", str(_WATCHDOG), str(folder)]
    return subprocess.Popen(command, stdin=subprocess.PIPE, start_new_session=True)  # noqa: S603 - our own file


def _valkey(program: str, port: int) -> list[str]:
    # Neither is the server's default, and Élan asks for both: nothing is lost at a restart, nothing is evicted.
    durable = ["--appendonly", "yes", "--save", "", "--maxmemory-policy", "noeviction"]
    return [program, "--bind", HOST, "--port", str(port), "--dir", ".", *durable]


def _tansu(program: str, port: int) -> list[str]:
    # Stated although some are defaults: it listens on all interfaces unless told.
    url = f"tcp://{HOST}:{port}"
    return [
        program,
        "broker",
        *("--listener-url", url),
        *("--advertised-listener-url", url),
        *("--storage-engine", "memory://tansu/"),
    ]


def _free_port() -> int:
    with socket.socket() as probe:
        probe.bind((HOST, 0))
        port: int = probe.getsockname()[1]
        return port


def _require_free(name: str, port: int) -> None:
    with socket.socket() as probe:
        # Ports that closed a moment ago are free for a server, which sets this too.
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((HOST, port))
        except (OSError, OverflowError) as error:
            raise ServerError(f"{name} cannot have port {port} on {HOST}: {error}; choose another port.") from error


def _answers_in_time(server: subprocess.Popen[bytes], port: int) -> bool:
    deadline = monotonic_seconds() + START_SECONDS
    while server.poll() is None and monotonic_seconds() < deadline:
        with socket.socket() as probe:
            probe.settimeout(1.0)
            if probe.connect_ex((HOST, port)) == 0:
                return True
        with contextlib.suppress(subprocess.TimeoutExpired):
            server.wait(PAUSE_SECONDS)
    return False
