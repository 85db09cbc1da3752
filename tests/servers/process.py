"""A server process: started, waited for until its port answers, stopped."""

from __future__ import annotations

import os
import random
import signal
import socket
import subprocess
import sys
import time
from dataclasses import dataclass
from pathlib import Path

HOST = "127.0.0.1"
_LAUNCHER = Path(__file__).with_name("bound_to_parent.py")
_PAUSE_SECONDS = 0.02
_PORTS = (15_000, 32_000)


class ServerUnavailableError(Exception):
    """A server cannot be had on this machine; the message says what is missing."""


def free_ports(count: int) -> list[int]:
    """Return ports of the loopback that were free a moment ago, all different.

    They lie below those that the kernel gives to outgoing connections, so that a server which is started again later
    finds its port free, however many clients have tried to reach it meanwhile.
    """
    sockets: list[socket.socket] = []
    try:
        while len(sockets) < count:
            candidate = socket.socket()
            sockets.append(candidate)
            try:
                candidate.bind((HOST, random.randrange(*_PORTS)))
            except OSError:
                sockets.remove(candidate)
                candidate.close()
        return [each.getsockname()[1] for each in sockets]
    finally:
        for each in sockets:
            each.close()


@dataclass
class ServerProcess:
    """One server: its command, the port that answers when it is ready, and the file that takes what it prints."""

    name: str
    command: list[str]
    port: int
    output: Path
    _process: subprocess.Popen[bytes] | None = None

    @property
    def pid(self) -> int:
        """The process id; raises RuntimeError when the server is not running."""
        if self._process is None:
            message = f"{self.name} is not running"
            raise RuntimeError(message)
        return self._process.pid

    @property
    def is_running(self) -> bool:
        """Whether the server was started and lives, be it frozen."""
        return self._process is not None and self._process.poll() is None

    def start(self, timeout_seconds: float = 60) -> None:
        """Start the server and wait until its port answers; raises RuntimeError with its last output if it dies."""
        self.launch()
        self.wait_until_ready(timeout_seconds)

    def launch(self) -> None:
        """Start the server without waiting: the nodes of a cluster are ready only together."""
        command = [sys.executable, "-S", "-E", str(_LAUNCHER), str(os.getpid()), *self.command]
        with self.output.open("ab") as output:
            # In a session of its own, so that Ctrl-C reaches the tests alone and they stop the servers in order.
            self._process = subprocess.Popen(
                command, stdin=subprocess.DEVNULL, stdout=output, stderr=output, start_new_session=True
            )

    def wait_until_ready(self, timeout_seconds: float = 60) -> None:
        """Wait until the port answers; raises RuntimeError with the last output if the server dies first."""
        try:
            self._wait_for_port(time.monotonic() + timeout_seconds)
        except RuntimeError:
            self.kill()
            raise

    def stop(self, timeout_seconds: float = 20) -> None:
        """End the server politely; kill it when it takes longer than the time given."""
        if self._process is None:
            return
        self._process.terminate()
        try:
            self._process.wait(timeout_seconds)
        except subprocess.TimeoutExpired:
            self._process.kill()
            self._process.wait()
        self._process = None

    def kill(self) -> None:
        """End the server as a power cut would."""
        if self._process is None:
            return
        self._process.kill()
        self._process.wait()
        self._process = None

    def freeze(self) -> None:
        """Let the process stand still with all its connections open, as a stalled machine does."""
        os.kill(self.pid, signal.SIGSTOP)

    def thaw(self) -> None:
        """Let a frozen process go on."""
        os.kill(self.pid, signal.SIGCONT)

    def _wait_for_port(self, deadline: float) -> None:
        while not self._answers():
            died = self._process is None or self._process.poll() is not None
            if died or time.monotonic() > deadline:
                cause = "died" if died else "did not answer in time"
                message = f"{self.name} {cause} on port {self.port}; the end of its output:\n{self._last_lines()}"
                raise RuntimeError(message)
            time.sleep(_PAUSE_SECONDS)

    def _answers(self) -> bool:
        with socket.socket() as probe:
            probe.settimeout(1)
            return probe.connect_ex((HOST, self.port)) == 0

    def _last_lines(self) -> str:
        return "\n".join(self.output.read_text(errors="replace").splitlines()[-15:])
