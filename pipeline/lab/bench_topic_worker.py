"""One real worker process, as users start it, and what the kernel knows of its costs (Linux)."""

from __future__ import annotations

import contextlib
import os
import subprocess
import sys
from pathlib import Path
from typing import TYPE_CHECKING, cast, final

from pipeline.clock import monotonic_seconds
from pipeline.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import Mapping
    from types import TracebackType

READY_SECONDS = 60.0
STOP_SECONDS = 20.0
PAUSE_SECONDS = 0.02
READY_MARK = b"/metrics"
"""Of the line that says where the metrics are: the worker is about to read its first batch."""
LAST_CHARACTERS = 500
KIB = 1024
USER_TICKS, SYSTEM_TICKS = 11, 12
"""Fields of /proc/<pid>/stat after the name of the program."""


@final
class BenchWorker:
    """Context manager: the worker is started before the block and ended after it."""

    def __init__(self, environment: Mapping[str, str], folder: Path) -> None:
        """`folder` takes its log, and is made.

        Raises:
            ServerError: this system does not tell what a process costs.
        """
        if not Path("/proc/self/stat").is_file():
            raise ServerError("The costs of a worker can be measured on Linux alone: run this bench in a container.")
        folder.mkdir(exist_ok=True)
        self._log = folder / "worker.log"
        self._folder = folder
        self._environment = {
            **{name: value for name, value in os.environ.items() if not name.startswith("ELAN_")},
            **environment,
        }
        self._process: subprocess.Popen[bytes] | None = None

    def __enter__(self) -> BenchWorker:
        """Start it."""
        with self._log.open("wb") as output:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "pipeline", "worker"],
                env=self._environment,
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self._folder,
            )
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        """End it in order."""
        if self._process is not None:
            self._stop(self._process)

    def require_alive(self) -> None:
        """Raises ServerError where the worker has ended."""
        if self._process is None or self._process.poll() is not None:
            said = self._log.read_text(errors="replace").strip()[-LAST_CHARACTERS:]
            raise ServerError(f"The worker of the bench ended early: {said}")

    def core_seconds(self) -> float:
        """Seconds of a core that all its threads have used so far. Raises ServerError where it has ended."""
        fields = self._kernel_file("stat").rsplit(")", 1)[1].split()
        return (int(fields[USER_TICKS]) + int(fields[SYSTEM_TICKS])) / os.sysconf("SC_CLK_TCK")

    def peak_rss_bytes(self) -> int:
        """The most memory it has held so far. Raises ServerError where it has ended."""
        lines = self._kernel_file("status").splitlines()
        return next(int(line.split()[1]) * KIB for line in lines if line.startswith("VmHWM:"))

    def _kernel_file(self, name: str) -> str:
        self.require_alive()
        pid = "self" if self._process is None else str(self._process.pid)
        return Path("/proc", pid, name).read_text(encoding="ascii", errors="replace")

    def await_readiness(self) -> None:
        """Wait until it is about to read.

        Raises:
            ServerError: it does not start.
        """
        deadline = monotonic_seconds() + READY_SECONDS
        while READY_MARK not in self._log.read_bytes():
            self.require_alive()
            if monotonic_seconds() > deadline:
                raise ServerError(f"The worker of the bench was not ready within {READY_SECONDS:.0f} s.")
            with contextlib.suppress(subprocess.TimeoutExpired):
                cast("subprocess.Popen[bytes]", self._process).wait(PAUSE_SECONDS)

    def _stop(self, process: subprocess.Popen[bytes]) -> None:
        process.terminate()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()
