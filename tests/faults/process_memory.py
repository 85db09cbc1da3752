"""How much memory a worker has resident."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from tests.faults.deployment import Worker

WORKER_MEGABYTES = 350
"""What a worker may have at the most."""


def megabytes_now(worker: Worker) -> float:
    return _status(worker, "VmRSS")


def most_megabytes(worker: Worker) -> float:
    """The most it has had so far."""
    return _status(worker, "VmHWM")


def _status(worker: Worker, name: str) -> float:
    found = re.search(rf"^{name}:\s+(\d+) kB", Path(f"/proc/{worker.pid}/status").read_text(), re.MULTILINE)
    assert found is not None
    return int(found.group(1)) * 1024 / 1e6
