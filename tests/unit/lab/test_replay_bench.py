"""`elan bench replay` in small; it needs no server."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING

from typer.testing import CliRunner

from pipeline.cli.main import app
from pipeline.clock import rfc3339

if TYPE_CHECKING:
    from pathlib import Path

START_SECONDS = 1_788_220_800.0


def test_a_replay_is_measured_over_all_of_its_activities(tmp_path: Path) -> None:
    archive, figures = tmp_path / "events.jsonl", tmp_path / "figures.json"
    lines = [
        {
            "id": f"a-{n}",
            "time": rfc3339(START_SECONDS + n * 3_600),
            "kind": "post",
            "network": "acme",
            "community": f"c-{n % 7}",
            "actor": f"u-{n % 31}",
        }
        for n in range(2_000)
    ]
    archive.write_text("\n".join(map(json.dumps, lines)), encoding="utf-8")
    done = CliRunner().invoke(app, ["bench", "replay", str(archive), "--json", str(figures)])
    assert done.exit_code == 0, done.output
    found = json.loads(figures.read_bytes())
    assert found["activities"] == 2_000
    assert found["communities"] == 7
    assert 0 < found["seconds"] < 30
    assert abs(found["events_per_second"] - 2_000 / found["seconds"]) < 0.01 * found["events_per_second"]
    assert found["rss_mb"] > 20


def test_a_file_without_activities_is_refused(tmp_path: Path) -> None:
    empty = tmp_path / "empty.jsonl"
    empty.write_bytes(b"")
    done = CliRunner().invoke(app, ["bench", "replay", str(empty)])
    assert done.exit_code == 4
    assert "no activity" in done.output
