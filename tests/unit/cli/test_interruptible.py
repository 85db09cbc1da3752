"""Ctrl-C ends a replay where it is, as it ends any other command."""

from __future__ import annotations

import signal
import subprocess
import sys
import time
from functools import partial
from pathlib import Path

import pytest

from tests.unit.sources.test_import_command import LINE, flat, unread_bytes

ROOT = Path(__file__).resolve().parents[3]
COMMANDS = [
    *("backtest - --alerts -", "explain general --events -", "network --events -", "survival --events -"),
    *("abaque show --events -", "evaluate -", "bench replay -"),
]


@pytest.mark.parametrize("command", COMMANDS)
def test_ctrl_c_ends_a_replay_while_it_reads(command: str) -> None:
    # Whoever runs the tests in the background of a shell is deaf to SIGINT, and so would be what they start.
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        [sys.executable, "-m", "pipeline", *command.split()],
        stdin=subprocess.PIPE,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        preexec_fn=hears,  # noqa: PLW1509 - the tests have no threads here
    ) as running:
        assert running.stdin is not None
        assert running.stderr is not None
        # It waits for more once it has taken these: far more than a pipe holds.
        running.stdin.write(flat({**LINE, "network": "acme"}) * 20_000)
        running.stdin.flush()
        while unread_bytes(running.stdin.fileno()):
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        try:
            assert running.wait(timeout=10) == 130
        finally:
            running.kill()
        assert running.stderr.read() == b""
