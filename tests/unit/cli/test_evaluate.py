"""`elan evaluate` on a small made-up past: one community that halves, one that holds."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli.evaluate import evaluate
from pipeline.cli.main import _OneSentence, app

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Elan = Callable[..., Result]

MONDAY = datetime(2025, 1, 6, 9, tzinfo=timezone.utc)
FALL_WEEK = 30


def write_events(path: Path, *, falls: bool = True, network: str = "acme") -> Path:
    """Everybody posts on Mondays: 12 members in each community, 2 in the first one from its fall on."""
    members = [("fading", week, 2 if falls and week >= FALL_WEEK else 12) for week in range(60)]
    members += [("holding", week, 12) for week in range(60)]
    lines = [
        {
            "id": f"{community}-{week}-{member}",
            "time": (MONDAY + timedelta(weeks=week, minutes=member)).isoformat(),
            "kind": "post",
            "network": network,
            "community": community,
            "actor": f"{community}-{member}",
        }
        for community, week, count in members
        for member in range(count)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


def write_alerts(path: Path, *days: int, community: str = "fading") -> Path:
    """One raised alert on each of these days after the fall."""
    lines = [
        {
            "id": f"momentum-{day}",
            "community": community,
            "alert": "momentum",
            "state": "raised",
            "at": (MONDAY + timedelta(weeks=FALL_WEEK, days=day)).isoformat(),
        }
        for day in days
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.fixture
def elan(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Elan:
    """Give a function that runs `elan evaluate` with some arguments and returns its result."""
    for name in os.environ:
        if name.startswith("ELAN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    alone = typer.Typer(cls=_OneSentence, pretty_exceptions_enable=False)
    alone.callback()(lambda: None)
    alone.command()(evaluate)
    return lambda *arguments: CliRunner().invoke(alone, ["evaluate", *map(str, arguments)])


def figures(path: Path) -> Any:
    return json.loads(path.read_text())


def row(result: Result, start: str) -> str:
    return next(line for line in result.stdout.splitlines() if line.strip().startswith(start))


def test_a_replay_finds_the_decline_and_stands_beside_the_simple_rules(elan: Elan, tmp_path: Path) -> None:
    events = write_events(tmp_path / "events.jsonl")
    result = elan(events, "--json", "figures.json")
    assert result.exit_code == 0, result.stderr
    assert row(result, "events, watch").split()[2:6] == ["1.00", "(1)", "1.00", "(1.00)"]
    assert row(result, "never alerts").split()[2:4] == [".00", "(1)"]
    assert "Strong declines: only 1," in result.stdout
    found = figures(tmp_path / "figures.json")
    assert [archive["archive"] for archive in found["archives"]] == ["events"]
    assert found["together"]["tiers"]["watch"]["recall"] == 1.0
    assert set(found["together"]["rules"]) == {"silent", "timer30", "week_over_week", "ratio_7_28", "ratio_28_84"}


def test_a_replay_is_scored_as_the_alerts_of_a_backtest_are(elan: Elan, tmp_path: Path) -> None:
    events = write_events(tmp_path / "events.jsonl")
    assert CliRunner().invoke(app, ["backtest", str(events), "--alerts", "alerts.jsonl"]).exit_code == 0
    elan(events, "--json", "replayed.json")
    elan(events, "--alerts", "alerts.jsonl", "--json", "read.json")
    assert figures(tmp_path / "replayed.json") == figures(tmp_path / "read.json")


def test_alerts_of_another_detector_are_scored_file_by_file_and_together(elan: Elan, tmp_path: Path) -> None:
    events = write_events(tmp_path / "one.jsonl"), write_events(tmp_path / "two.jsonl")
    # The first told of the fall after 3 weeks and once more in vain, the second never.
    alerts = write_alerts(tmp_path / "a", 21, 150), write_alerts(tmp_path / "b")
    result = elan(*events, "--alerts", alerts[0], "--alerts", alerts[1], "--json", "figures.json")
    assert result.exit_code == 0, result.stderr
    found = figures(tmp_path / "figures.json")
    watch = {each["archive"]: each["tiers"]["watch"] for each in [*found["archives"], found["together"]]}
    assert {name: each["recall"] for name, each in watch.items()} == {"one": 1.0, "two": 0.0, "together": 0.5}
    assert (watch["one"]["precision"], watch["two"]["precision"], watch["together"]["false"]) == (0.5, None, 1)
    assert watch["one"]["delay_days_median"] == pytest.approx(21, abs=8)
    assert watch["together"]["false_per_community_year"] == pytest.approx(1 / (4 * 60 / 52), rel=0.05)


def test_labels_that_were_written_and_corrected_are_used(elan: Elan, tmp_path: Path) -> None:
    events, alerts = write_events(tmp_path / "events.jsonl"), write_alerts(tmp_path / "alerts.jsonl", 21)
    assert elan(events, "--alerts", alerts, "--write-labels", "labels.json").exit_code == 0
    labels = figures(tmp_path / "labels.json")
    assert len(labels["communities"]["fading"]["strong"]) == 1
    # Somebody who knows better says that nothing happened.
    labels["communities"]["fading"]["strong"] = []
    labels["communities"]["fading"]["neutral"] = []
    (tmp_path / "labels.json").write_text(json.dumps(labels))
    elan(events, "--alerts", alerts, "--labels", "labels.json", "--json", "figures.json")
    watch = figures(tmp_path / "figures.json")["together"]["tiers"]["watch"]
    assert (watch["declines"], watch["false"]) == (0, 1)


def test_without_a_decline_no_figure_is_made_up(elan: Elan, tmp_path: Path) -> None:
    events = write_events(tmp_path / "events.jsonl", falls=False)
    result = elan(events, "--alerts", write_alerts(tmp_path / "alerts.jsonl", 21))
    assert result.exit_code == 0
    assert "no strong decline in 2 communities: too few to judge alerts by" in result.stdout
    assert row(result, "events, watch").split()[2:7] == ["–", "(0)", "–", "(–)", "–"]  # noqa: RUF001


def test_pictures_are_drawn_where_there_are_declines(elan: Elan, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    events, alerts = write_events(tmp_path / "events.jsonl"), write_alerts(tmp_path / "alerts.jsonl", 21, 150)
    result = elan(events, "--alerts", alerts, "--plot", "pictures")
    assert result.exit_code == 0, result.stderr
    assert [path.name for path in (tmp_path / "pictures").iterdir()] == ["events_declines_1.png"]


@pytest.mark.parametrize(
    ("arguments", "code", "part"),
    [
        (["nowhere.jsonl"], 4, "nowhere.jsonl cannot be read"),
        (["empty.jsonl"], 4, "empty holds no dated activity"),
        (["two.jsonl"], 4, "holds the networks 'acme' and 'other'"),
        (["events.jsonl", "--source", "myspace"], 2, "no source 'myspace'"),
        (
            ["events.jsonl", "events.jsonl", "--alerts", "alerts.jsonl"],
            2,
            "--alerts is given 1 times for 2 event files",
        ),
        (["events.jsonl", "--labels", "a", "--labels", "b"], 2, "--labels is given 2 times for 1 event files"),
        (["events.jsonl", "events.jsonl", "--write-labels", "a"], 2, "--write-labels is given 1 times"),
        (["events.jsonl", "--alerts", "events.jsonl"], 4, "events.jsonl:1 is no alert step"),
        (["events.jsonl", "--alerts", "strange.jsonl"], 2, "strange.jsonl does not fit events"),
        (["events.jsonl", "--alerts", "alerts.jsonl", "--labels", "events.jsonl"], 4, "events.jsonl holds no labels"),
        (["events.jsonl", "--alerts", "alerts.jsonl", "--labels", "other.json"], 2, "other.json does not fit events"),
        (["events.jsonl", "--alerts", "alerts.jsonl", "--json", "no/f.json"], 2, "no/f.json cannot be written"),
    ],
)
def test_a_mistake_is_one_sentence(elan: Elan, tmp_path: Path, arguments: list[str], code: int, part: str) -> None:
    events = write_events(tmp_path / "events.jsonl").read_text()
    (tmp_path / "empty.jsonl").touch()
    (tmp_path / "two.jsonl").write_text(events + write_events(tmp_path / "other.jsonl", network="other").read_text())
    write_alerts(tmp_path / "alerts.jsonl", 21)
    write_alerts(tmp_path / "strange.jsonl", 21, community="unheard-of")
    (tmp_path / "other.json").write_text('{"archive": "x", "first_day": 1, "days": 9, "communities": {}}')
    result = elan(*arguments)
    assert (result.exit_code, part in result.stderr) == (code, True), result.stderr
    assert result.stderr.count("\n") == 1
