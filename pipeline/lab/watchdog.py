"""Ends the embedded servers when the process that started them is gone: `watchdog.py FOLDER`, process ids on stdin.

A process that is killed gets no chance to stop its servers. The kernel closes its end of this pipe, though, on Linux
and macOS alike; then the servers named so far are killed and their folder is removed. It runs as a program of its own,
on the standard library alone.
"""

from __future__ import annotations

import contextlib
import os
import shutil
import signal
import sys


def watch(folder: str) -> None:
    """Collect process ids, one a line, until the pipe ends; then kill and remove."""
    pids = [int(line) for line in sys.stdin]
    for pid in pids:
        with contextlib.suppress(ProcessLookupError):
            os.kill(pid, signal.SIGKILL)
    shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    watch(sys.argv[1])
