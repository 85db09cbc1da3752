"""`elan import`, run as its own process: what it prints where, and how it ends."""

from __future__ import annotations

import fcntl
import gzip
import json
import signal
import subprocess
import sys
import termios
import time
from functools import partial
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[3]
COMMAND = """
import typer
from pipeline.cli.import_ import import_activities
app = typer.Typer()
app.command("import")(import_activities)
app.command("other")(lambda: None)
app()
"""
LINE: dict[str, object] = {
    "id": "a1",
    "time": "2024-03-04T09:00:00Z",
    "kind": "post",
    "community": "general",
    "actor": "u1",
}


def elan_import(*arguments: object, given: bytes = b"") -> subprocess.CompletedProcess[bytes]:
    command = [sys.executable, "-c", COMMAND, "import", *map(str, arguments)]
    return subprocess.run(command, input=given, capture_output=True, check=False, timeout=60, cwd=ROOT)


def flat(*lines: dict[str, object]) -> bytes:
    return b"".join(json.dumps(line).encode() + b"\n" for line in lines)


def test_without_a_target_it_counts_and_says_that_nothing_was_written(data_folder: Path) -> None:
    done = elan_import("slack-export", data_folder / "raw/houston-slack-export.zip")
    assert done.returncode == 0
    assert done.stdout == b""
    text = done.stderr.decode()
    assert "1578" in text
    assert "16 communities, 71 members, 0 bots" in text
    assert "left out: 13 channel_purpose" in text
    assert "dry run" in text


def test_lines_from_standard_input_go_to_standard_output_in_time_order() -> None:
    early = {**LINE, "id": "a0", "time": "2024-03-04T08:00:00Z"}
    done = elan_import("jsonl", "-", "--network", "acme", "--to-file", "-", given=flat(LINE, {"id": 5}, early))
    assert done.returncode == 0
    assert [json.loads(line) for line in done.stdout.splitlines()] == [
        {**early, "network": "acme"},
        {**LINE, "network": "acme"},
    ]
    assert "rejected: 1 " in done.stderr.decode()
    assert "standard input:2" in done.stderr.decode()


def test_gzipped_lines_from_standard_input_are_read() -> None:
    done = elan_import("jsonl", "-", "--network", "acme", "--to-file", "-", given=gzip.compress(flat(LINE)))
    assert len(done.stdout.splitlines()) == 1


def test_a_damaged_file_ends_with_4_and_one_line_and_leaves_no_file(tmp_path: Path) -> None:
    (tmp_path / "cut.jsonl.gz").write_bytes(gzip.compress(flat(LINE))[:-4])
    target = tmp_path / "out.jsonl"
    done = elan_import("jsonl", tmp_path / "cut.jsonl.gz", "--to-file", target)
    assert done.returncode == 4
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("error: ")
    assert "cut.jsonl.gz is cut in the middle" in line
    assert not target.exists()


def test_an_unknown_source_or_two_targets_end_with_2(tmp_path: Path) -> None:
    unknown = elan_import("yammer", tmp_path)
    assert unknown.returncode == 2
    assert "choose one of slack-export, zulip-archive, discourse-topics, jsonl, lecko" in unknown.stderr.decode()
    assert elan_import("jsonl", "-", "--to-topic", "--to-file", "x").returncode == 2


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="only Linux has a device that is always full")
def test_a_full_disk_ends_with_2_and_one_line() -> None:
    command = [sys.executable, "-c", COMMAND, "import", "jsonl", "-", "--network", "acme", "--to-file", "-"]
    with Path("/dev/full").open("wb") as full:
        done = subprocess.run(
            command, input=flat(LINE), stdout=full, stderr=subprocess.PIPE, check=False, timeout=60, cwd=ROOT
        )
    assert done.returncode == 2
    (line,) = done.stderr.decode().splitlines()
    assert line.startswith("error: Standard output cannot be written")


def test_the_help_names_every_source() -> None:
    text = " ".join(elan_import("--help").stdout.decode().split())
    for source in ("slack-export", "zulip-archive", "discourse-topics", "jsonl", "lecko"):
        assert source in text


def unread_bytes(pipe: int) -> int:
    """What was written to a pipe and not read yet."""
    return int.from_bytes(fcntl.ioctl(pipe, termios.FIONREAD, bytes(4)), sys.byteorder)


def test_ctrl_c_ends_with_130_and_one_line(tmp_path: Path) -> None:
    target = tmp_path / "out.jsonl"
    command = [sys.executable, "-c", COMMAND, "import", "jsonl", "-", "--network", "acme", "--to-file", str(target)]
    # Whoever runs the tests in the background of a shell is deaf to SIGINT, and so would be what they start.
    hears = partial(signal.signal, signal.SIGINT, signal.SIG_DFL)
    with subprocess.Popen(
        command,
        stdin=subprocess.PIPE,
        stderr=subprocess.PIPE,
        cwd=ROOT,
        preexec_fn=hears,  # noqa: PLW1509 - the tests have no threads here
    ) as running:
        assert running.stdin is not None
        assert running.stderr is not None
        # It waits for more once it has taken these: far more than a pipe holds.
        running.stdin.write(flat(LINE) * 20_000)
        running.stdin.flush()
        while unread_bytes(running.stdin.fileno()):
            time.sleep(0.05)
        running.send_signal(signal.SIGINT)
        assert running.wait(timeout=30) == 130
        assert running.stderr.read().decode().splitlines() == [
            "Interrupted; a file is left as it was, and a topic import can be run again."
        ]
    assert not list(tmp_path.iterdir())
