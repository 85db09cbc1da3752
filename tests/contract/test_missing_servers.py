"""A test run says what it left out, and where servers are required it does not pass without them."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest

from tests.servers import absence

ROOT = Path(__file__).resolve().parents[2]
NEEDS_PROMTOOL = "tests/integration/test_servers.py::test_promtool_tells_a_wrong_rule"


def run_where_nothing_is_installed(folder: Path, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run one test that needs promtool with an empty PATH and an empty cache."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith(("ELAN_", "PYTEST_", "CI"))}
    return subprocess.run(
        [sys.executable, "-m", "pytest", "-p", "no:cacheprovider", NEEDS_PROMTOOL],
        cwd=ROOT,
        env={**kept, "PATH": "", "XDG_CACHE_HOME": str(folder), **environ},
        capture_output=True,
        text=True,
        check=False,
    )


def test_a_missing_server_is_skipped_and_told_at_the_end(tmp_path: Path) -> None:
    run = run_where_nothing_is_installed(tmp_path)
    assert run.returncode == 0
    assert "1  missing server: promtool: neither on PATH" in run.stdout
    assert "1 skipped" in run.stdout.splitlines()[-1]


def test_a_missing_server_fails_the_run_where_servers_are_required(tmp_path: Path) -> None:
    run = run_where_nothing_is_installed(tmp_path, ELAN_REQUIRE_SERVERS="1")
    assert run.returncode == 1
    assert "missing server: promtool" in run.stdout


STRICT = {"ELAN_REQUIRE_SERVERS": "1"}


@pytest.mark.parametrize(
    ("reason", "environ", "forbidden"),
    [
        ("promtool is not installed", {}, False),
        ("promtool is not installed", STRICT, True),
        ("no Redis: valkey-server not found", STRICT, True),
        ("the embedded broker is not installed", STRICT, True),
        ("promtool 2.42 does not know start_timestamp", STRICT, False),
        ("the archive houston.jsonl.gz is not in ../shared/data", STRICT, False),
    ],
)
def test_only_a_missing_server_is_forbidden_and_only_where_required(
    reason: str, environ: dict[str, str], *, forbidden: bool
) -> None:
    assert absence.is_forbidden(reason, environ) is forbidden


def test_in_ci_the_archives_must_be_complete_where_their_folder_is(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    reason, ci = "the archive rust.jsonl.gz is not in ../shared/data", {**STRICT, "CI": "true"}
    monkeypatch.setattr(absence, "DATA_FOLDER", tmp_path)
    assert absence.is_forbidden(reason, ci)
    monkeypatch.setattr(absence, "DATA_FOLDER", tmp_path / "nowhere")
    assert not absence.is_forbidden(reason, ci)
