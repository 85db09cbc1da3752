"""Run a command that dies with the process that asked for it: `bound_to_parent.py PARENT_PID COMMAND ARGUMENT…`.

A test run that is killed gets no chance to stop its servers, so on Linux the kernel is asked to do it. This is a
program of its own because what runs between fork and exec in a process with threads may hang.
"""

from __future__ import annotations

import ctypes
import os
import signal
import sys

_PR_SET_PDEATHSIG = 1


def _main(parent_pid: int, command: list[str]) -> None:
    if sys.platform == "linux":
        ctypes.CDLL(None).prctl(_PR_SET_PDEATHSIG, signal.SIGKILL)
        # The parent may have gone before the kernel was asked; nobody would send the signal then.
        if os.getppid() != parent_pid:
            sys.exit(1)
    os.execvp(command[0], command)


if __name__ == "__main__":
    _main(int(sys.argv[1]), sys.argv[2:])
