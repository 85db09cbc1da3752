"""A deployment whose workers may be killed, frozen and replaced: `workers` are those that are expected to live."""

from __future__ import annotations

import os
import re
import signal
import subprocess
import sys
import urllib.request
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING

import redis

from tests.integration.pipeline.deployment import ELAN, Deployment, wait_until

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

Worker = subprocess.Popen[bytes]
FAILING_WORKER = Path(__file__).with_name("failing_worker.py")
STEPPING_WORKER = Path(__file__).with_name("stepping_worker.py")
DRAIN_SECONDS = 20.0


@dataclass
class FaultyDeployment(Deployment):
    """`changes` are settings of all, `for_workers` those of the workers alone, for example the address of a proxy."""

    changes: dict[str, str] = field(default_factory=dict)
    for_workers: dict[str, str] = field(default_factory=dict)
    logs: dict[int, Path] = field(default_factory=dict)
    """Process id of a worker -> what it said."""

    @property
    def environment(self) -> dict[str, str]:
        return {**super().environment, **self.changes}

    def start_worker(self, command: Sequence[str] = (*ELAN, "worker"), **environment: str) -> Worker:
        """Start a worker, from another command or with other settings where told so."""
        log = self.folder / f"worker-{len(self.logs)}.log"
        with log.open("wb") as output:
            worker = subprocess.Popen(
                list(command),
                env=self._all_environment(environment),
                stdout=output,
                stderr=subprocess.STDOUT,
                cwd=self.folder,
            )
        self.logs[worker.pid] = log
        self.workers.append(worker)
        return worker

    def start_failing_worker(self, point: str, passage: int = 1, *options: str, **environment: str) -> Worker:
        """Start a worker that does something to itself at a passage of a point (see failing_worker.py)."""
        command = [sys.executable, str(FAILING_WORKER), point, str(passage), *options]
        return self.start_worker(command, **environment)

    def start_stepping_worker(self, period_seconds: float, *steps_seconds: float) -> Worker:
        """Start a worker whose wall clock is off by each of the steps in turn (see stepping_worker.py)."""
        return self.start_worker([sys.executable, str(STEPPING_WORKER), str(period_seconds), *map(str, steps_seconds)])

    def _all_environment(self, more: Mapping[str, str]) -> dict[str, str]:
        return {**os.environ, **self.environment, **self.for_workers, **more}

    def log_of(self, worker: Worker) -> str:
        return self.logs[worker.pid].read_text(errors="replace")

    def url_of(self, worker: Worker) -> str:
        wait_until(lambda: re.search(r"http://[\d.]+:\d+", self.log_of(worker)) is not None, "a worker's URL", self)
        found = re.search(r"http://[\d.]+:\d+", self.log_of(worker))
        assert found is not None
        return found.group()

    def metric(self, worker: Worker, name: str) -> float:
        """The sum of all series of a metric of one worker."""
        with urllib.request.urlopen(f"{self.url_of(worker)}/metrics", timeout=10) as answer:
            lines = answer.read().decode().splitlines()
        return sum(float(line.rsplit(" ", 1)[1]) for line in lines if re.match(rf"{name}[ {{]", line))

    def wait_for_assignment(self, *workers: Worker) -> None:
        """Until each of these workers has partitions."""
        for worker in workers:
            wait_until(lambda w=worker: self.metric(w, "elan_partitions_assigned") > 0, "an assignment", self)  # type: ignore[misc]

    def wait_for_end(self, worker: Worker, code: int) -> None:
        """Until a worker has ended, as it was told to, and no longer counts among the living."""
        wait_until(lambda: worker.poll() is not None, f"a worker to end with {code}")
        assert worker.returncode == code, f"ended with {worker.returncode}, not {code}\n{self.log_of(worker)[-3000:]}"
        self.workers.remove(worker)

    def wait_until_frozen(self, worker: Worker) -> None:
        """Until a worker has stopped itself."""
        status = Path(f"/proc/{worker.pid}/status")
        wait_until(
            lambda: re.search(r"^State:\s+T", status.read_text(), re.MULTILINE) is not None, "a frozen worker", self
        )

    def kill(self, worker: Worker) -> None:
        """End a worker as a crash would."""
        worker.kill()
        self.wait_for_end(worker, -signal.SIGKILL)

    def end(self, worker: Worker) -> None:
        """Stop a worker in order; its exit code must be 0."""
        worker.terminate()
        self.wait_for_end(worker, 0)

    def stop(self) -> None:
        """End what is left, the frozen too."""
        for worker in self.workers:
            worker.send_signal(signal.SIGCONT)
            worker.terminate()
        for worker in self.workers:
            _wait_or_kill(worker)

    def forget_leases(self) -> None:
        """Free the leases of the dead."""
        with redis.Redis.from_url(self.redis_url) as client:
            for key in client.scan_iter(f"{self.name}:lease:*"):
                client.delete(key)

    def counted(self) -> int:
        """Offsets counted, all partitions together."""
        return sum(self.standings().values())

    def wait_for_records(self, records: int) -> None:
        """Until at least so many offsets are counted."""
        wait_until(lambda: self.counted() >= records, f"{records} records to be counted", self)


def _wait_or_kill(worker: Worker) -> None:
    try:
        worker.wait(DRAIN_SECONDS)
    except subprocess.TimeoutExpired:
        worker.kill()
        worker.wait()
