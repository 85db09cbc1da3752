"""`elan demo` as users run it: what it shows, how it ends, and that it leaves nothing behind."""

from __future__ import annotations

import os
import re
import signal
import socket
import subprocess
import sys
import time
from typing import TYPE_CHECKING

import pytest

from pipeline.lab.company import simulate

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

ELAN = [sys.executable, "-m", "pipeline"]
# The least that has a decline on purpose, so that a run takes ten seconds.
SMALL = ["--months", "15", "--communities", "20", "--metrics-port", "0"]
ALERT = re.compile(r"^\d{4}-\d\d-\d\d (?:raised|resolved) .*$", re.MULTILINE)
FOUND = re.compile(r"(\d+) of (\d+) found, (\d+) missed")


@pytest.fixture
def started(tmp_path: Path) -> Iterator[Callable[..., subprocess.Popen[str]]]:
    """Give a function that starts a demo as a terminal would: in a process group of its own."""
    runs: list[subprocess.Popen[str]] = []

    def start(*arguments: str) -> subprocess.Popen[str]:
        run = subprocess.Popen(
            [*ELAN, "demo", *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            cwd=tmp_path,
            # Where its servers keep their folder, and wide enough for a line to stay one.
            env=os.environ | {"TMPDIR": str(tmp_path), "COLUMNS": "160"},
            start_new_session=True,
        )
        runs.append(run)
        return run

    yield start
    for run in runs:
        if run.poll() is None:
            run.kill()
        run.communicate()


def _finished(run: subprocess.Popen[str]) -> tuple[int, str]:
    output, _ = run.communicate(timeout=100)
    return run.returncode, output


def _processes_in(folder: Path) -> list[str]:
    """The processes whose command names this folder, or that work in it."""
    listed = subprocess.run(["ps", "-ww", "-eo", "pid,args"], capture_output=True, text=True, check=True).stdout
    return [line for line in listed.splitlines() if str(folder) in line]


def _wait_until(true: Callable[[], bool], seconds: float = 60) -> bool:
    deadline = time.monotonic() + seconds
    while not true() and time.monotonic() < deadline:
        time.sleep(0.05)
    return true()


def test_a_seed_always_gives_the_same_alerts_and_most_declines_on_purpose_are_found(
    started: Callable[..., subprocess.Popen[str]],
) -> None:
    outputs = []
    for _ in range(2):
        code, output = _finished(started(*SMALL, "--once", "--seed", "3"))
        assert code == 0, output
        outputs.append(output)
    first, second = (sorted(ALERT.findall(output)) for output in outputs)
    assert first == second
    summary = FOUND.search(outputs[0])
    assert summary is not None, outputs[0]
    found, all_of_them, missed = map(int, summary.groups())
    assert found + missed == all_of_them
    assert all_of_them == sum(decline.on_purpose for decline in simulate(3, 20, 1500, 15).truth) >= 4
    assert found >= all_of_them / 2


def test_a_file_of_the_users_own_is_replayed_without_a_verdict(
    started: Callable[..., subprocess.Popen[str]], tmp_path: Path
) -> None:
    # one post a day in January, silence before and after
    lines = [
        f'{{"id": "{day}", "time": "2025-01-{day:02}T09:00:00Z", "kind": "post", "network": "mine", '
        f'"community": "desk", "actor": "a{day}"}}\n'
        for day in range(1, 32)
    ]
    (tmp_path / "events.jsonl").write_text("".join(lines))
    code, output = _finished(started("--events", "events.jsonl", "--once", "--metrics-port", "0"))
    assert code == 0, output
    assert "0 alerts raised" in output
    assert "found" not in output


@pytest.mark.parametrize(
    ("arguments", "code", "sentence"),
    [
        (["--events", "absent.jsonl"], 4, "absent.jsonl cannot be read"),
        (["--events", "absent.jsonl", "--source", "nosuch"], 2, "no source 'nosuch'"),
        (["--events", os.devnull], 4, f"{os.devnull} holds no activities"),
        (["--events", "-"], 2, "cannot read standard input"),
    ],
)
def test_a_mistake_ends_the_demo_with_one_sentence(
    started: Callable[..., subprocess.Popen[str]], arguments: list[str], code: int, sentence: str
) -> None:
    ended, output = _finished(started(*arguments, "--once", "--metrics-port", "0"))
    assert ended == code, output
    assert sentence in output
    assert output.count("\n") == 1, output


def test_a_metrics_port_that_is_taken_is_told_in_one_sentence(started: Callable[..., subprocess.Popen[str]]) -> None:
    with socket.socket() as holder:
        holder.bind(("127.0.0.1", 0))
        holder.listen()
        port = str(holder.getsockname()[1])
        code, output = _finished(started("--metrics-port", port))
    assert code == 3, output
    assert f"Port {port} on 127.0.0.1 is taken" in output
    assert output.count("\n") == 1, output


@pytest.mark.parametrize("after_seconds", [0.0, 1.0, 3.0])
def test_ctrl_c_ends_the_demo_and_all_it_started_at_any_moment(
    started: Callable[..., subprocess.Popen[str]], tmp_path: Path, after_seconds: float
) -> None:
    # 0 s: its folder is there    0.2 s: servers    1-2 s: the feed starts    3 s: the replay is under way
    run = started(*SMALL)
    assert _wait_until(lambda: any(tmp_path.glob("elan-demo-*")))
    time.sleep(after_seconds)
    os.killpg(run.pid, signal.SIGINT)
    code, output = _finished(run)
    assert code == 130, output
    assert "Traceback" not in output
    assert list(tmp_path.iterdir()) == []
    assert _wait_until(lambda: _processes_in(tmp_path) == [])


def test_the_servers_go_when_the_demo_is_killed(started: Callable[..., subprocess.Popen[str]], tmp_path: Path) -> None:
    run = started(*SMALL)
    assert _wait_until(lambda: any(tmp_path.glob("elan-demo-*/*.log")))
    time.sleep(1)
    run.kill()
    assert _wait_until(lambda: list(tmp_path.iterdir()) == [])
    assert _wait_until(lambda: _processes_in(tmp_path) == [])


def test_the_demo_ends_when_the_process_that_writes_the_activities_is_killed(
    started: Callable[..., subprocess.Popen[str]],
) -> None:
    run = started("--metrics-port", "0", "--months", "60")
    feeds: list[str] = []

    def feed_runs() -> bool:
        listed = subprocess.run(["ps", "-ww", "-o", "pid,args", "--ppid", str(run.pid)], capture_output=True, text=True)  # noqa: PLW1510
        feeds[:] = [line.split()[0] for line in listed.stdout.splitlines() if "spawn_main" in line]
        return bool(feeds)

    assert _wait_until(feed_runs)
    os.kill(int(feeds[0]), signal.SIGKILL)
    code, output = _finished(run)
    assert code == 3, output
    assert "ended early" in output
