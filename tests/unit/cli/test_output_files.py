"""A place that cannot be written to is one sentence, not a traceback, and where it can be, told before the work."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Elan = Callable[..., Result]

EVENT = '{"id":"1","time":"2024-01-01T10:00:00Z","kind":"post","network":"acme","community":"wine","actor":"ann"}\n'


@pytest.mark.parametrize(
    ("arguments", "part"),
    [
        (["bench", "replay", "events.jsonl", "--json", "no/f.json"], "no/f.json cannot be written: make the folder no"),
        (["bench", "replay", "events.jsonl", "--json", "a_folder"], "a_folder cannot be written (Is a directory)"),
        (["bench", "detection", "--calibrate", "no/f.json"], "no/f.json cannot be written: make the folder no"),
        (["bench", "judge", "--json", "no/f.json"], "no/f.json cannot be written"),
        (["bench", "ingest", "--json", "no/f.json"], "no/f.json cannot be written"),
        (["bench", "latency", "--json", "no/f.json"], "no/f.json cannot be written"),
        (["backtest", "events.jsonl", "--alerts", "no/alerts.jsonl"], "no/alerts.jsonl cannot be written: make the"),
        (["backtest", "events.jsonl", "--alerts", "a", "--plot", "events.jsonl"], "events.jsonl cannot be written"),
        (["explain", "wine", "--events", "events.jsonl", "--plot", "events.jsonl"], "events.jsonl cannot be written"),
        (["abaque", "export", "no/own.json"], "no/own.json cannot be written: make the folder no"),
        (["abaque", "plot", "no/bands.png"], "no/bands.png cannot be written: make the folder no"),
        (["abaque", "plot", "bands.txt"], "bands.txt is no picture: end the name of the file in .png"),
        (["survival", "--plot", "no/curves.png"], "no/curves.png cannot be written: make the folder no"),
        (["survival", "--plot", "curves.txt"], "curves.txt is no picture: end the name of the file in .png"),
    ],
)
def test_a_place_that_cannot_be_written_to_is_one_sentence(
    elan: Elan, tmp_path: Path, arguments: list[str], part: str
) -> None:
    (tmp_path / "events.jsonl").write_text(EVENT)
    (tmp_path / "a_folder").mkdir()
    result = elan(*arguments)
    assert result.exit_code == 2, result.stderr
    assert result.stderr.splitlines()[-1].startswith(f"error: {part}")


@pytest.mark.parametrize(
    "arguments",
    [
        ["bench", "replay", "absent.jsonl", "--json", "no/f.json"],
        ["backtest", "absent.jsonl", "--alerts", "no/alerts.jsonl"],
        ["backtest", "absent.jsonl", "--alerts", "-", "--plot", "a_file"],
        ["explain", "wine", "--events", "absent.jsonl", "--plot", "a_file"],
        ["evaluate", "absent.jsonl", "--write-labels", "no/labels.json"],
        ["evaluate", "absent.jsonl", "--json", "no/f.json"],
        ["survival", "--events", "absent.jsonl", "--plot", "no/curves.png"],
        ["abaque", "plot", "no/bands.png", "--events", "absent.jsonl"],
    ],
)
def test_a_place_is_refused_before_the_events_are_looked_at(elan: Elan, tmp_path: Path, arguments: list[str]) -> None:
    (tmp_path / "a_file").write_text("")
    result = elan(*arguments)
    assert result.exit_code == 2, result.stderr
    assert "cannot be written" in result.stderr.splitlines()[-1]


@pytest.mark.parametrize(
    "arguments",
    [
        ["backtest", "absent.jsonl", "--alerts", "-", "--plot", "pictures"],
        ["explain", "wine", "--events", "absent.jsonl", "--plot", "pictures"],
        ["evaluate", "absent.jsonl", "--plot", "pictures"],
        ["survival", "--events", "absent.jsonl", "--plot", "curves.png"],
        ["abaque", "plot", "bands.png", "--events", "absent.jsonl"],
    ],
)
def test_want_of_matplotlib_is_told_before_the_events_are_looked_at(
    elan: Elan, arguments: list[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    result = elan(*arguments)
    assert result.exit_code == 2, result.stderr
    assert "install it with pip install 'elan-esn[plot]'" in result.stderr.splitlines()[-1]


def test_figures_are_written_whole(elan: Elan, tmp_path: Path) -> None:
    (tmp_path / "events.jsonl").write_text(EVENT)
    assert elan("bench", "replay", "events.jsonl", "--json", "figures.json").exit_code == 0
    assert '"activities": 1' in (tmp_path / "figures.json").read_text()
