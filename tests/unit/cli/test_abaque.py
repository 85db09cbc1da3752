"""`elan abaque`: what a replayed network teaches, as tables, pictures and a file that another deployment loads."""

from __future__ import annotations

import json
import os
from datetime import datetime, timedelta, timezone
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
import redis
import typer
from typer.testing import CliRunner

from pipeline.cli.abaque import abaque
from pipeline.cli.main import _OneSentence
from pipeline.lab import lives as lives_of_networks
from pipeline.lab.abaque_file import AbaqueFile, read_abaque
from pipeline.lab.lives import NetworkLives
from pipeline.scoring.abaque import Abaque
from pipeline.scoring.life import DAYS_A_MONTH, Life
from pipeline.scoring.profile import learn

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from typer.testing import Result

    Run = Callable[..., Result]

FIRST_MONDAY = datetime(2025, 1, 6, 9, tzinfo=timezone.utc)
COMMUNITIES, WEEKS, WEEKS_OF_THE_DEAD = 12, 19, 6
BANDS = [1.0, 2.0, 3.0, 4.0, 5.0]
DAY = 20_000


@pytest.fixture
def run(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Run:
    """Give a function that runs `elan abaque` with some arguments in an empty folder."""
    for name in os.environ:
        if name.startswith("ELAN_"):
            monkeypatch.delenv(name)
    monkeypatch.chdir(tmp_path)
    monkeypatch.setenv("COLUMNS", "100")
    app = typer.Typer(cls=_OneSentence)
    app.add_typer(abaque, name="abaque")
    return lambda *words, **options: CliRunner().invoke(app, ["abaque", *map(str, words)], **options)


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Twelve communities of six members for nineteen weeks; five of them fall silent after six weeks."""
    #  week      0 ........ 5   6 .......... 18
    #  a - e     posts          silence
    #  f - l     posts          posts
    path = tmp_path_factory.mktemp("events") / "events.jsonl"
    with path.open("w") as file:
        for week in range(WEEKS):
            for place in range(COMMUNITIES):
                if place < 5 and week >= WEEKS_OF_THE_DEAD:
                    continue
                for member in range(6):
                    file.write(json.dumps(post(week, place, member)) + "\n")
    return path


def post(week: int, place: int, member: int) -> dict[str, Any]:
    return {
        "id": f"{week}-{place}-{member}",
        "time": (FIRST_MONDAY + timedelta(weeks=week, minutes=60 * place + member)).isoformat(),
        "kind": "post",
        "network": "acme",
        "community": "abcdefghijkl"[place],
        "actor": f"u{member}",
        "line": "practice" if place < COMMUNITIES - 1 else "process",
    }


def content(**changes: Any) -> dict[str, Any]:
    """Return an abaque of one month as it stands in a file."""
    cell = {"month": 1, "count": 20, "bands": BANDS}
    troughs = {"day": DAY, "smallest_cell": 10, "cells": {"all": {"size": "all", "count": 0, "back": 0}}}
    whole = {"day": DAY, "smallest_cell": 10, "cells": {"": [cell]}}
    head = {"version": 1, "network": "elsewhere", "day": "2024-10-04", "communities": 20}
    return head | {"abaque": whole, "troughs": troughs} | changes


def cells(*months: dict[str, Any], line: str = "") -> dict[str, Any]:
    return {"day": DAY, "smallest_cell": 10, "cells": {"": [{"month": 1, "count": 20, "bands": BANDS}], line: months}}


def rows(text: str) -> list[list[str]]:
    return [line.split() for line in text.splitlines()]


def test_show_tells_bands_troughs_and_the_three_points(run: Run, events: Path) -> None:
    result = run("show", "--events", events)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("acme, all communities: learnt from 12 communities up to 2025-05-08")
    # Six members with four posts of weight 4 each; five of twelve have died by month 3.
    assert ["1", "12", "16.0", "16.0", "16.0", "16.0", "16.0", "12", "16.0"] in rows(result.stdout)
    assert ["3", "12", "0.0", "0.0", "16.0", "16.0", "16.0", "7", "too", "few"] in rows(result.stdout)
    assert "too few: fewer than 10 communities." in result.stdout
    assert ["all", "5", "0", "too", "few", "-", "-", "-"] in rows(result.stdout)
    # Those with 6 active weeks never took off.
    assert "Three points: 7 communities took off (12 active weeks or more), none of them had a trough." in (
        " ".join(result.stdout.split())
    )


def test_show_of_a_line_says_where_its_communities_are_too_few(run: Run, events: Path) -> None:
    practice = run("show", "--events", events, "--line", "practice")
    assert "acme, line practice: learnt" in practice.stdout
    assert ["1", "11", "16.0", "16.0", "16.0", "16.0", "16.0", "11", "16.0"] in rows(practice.stdout)
    process = run("show", "--events", events, "--line", "process")
    assert ["1", "1", "-", "-", "too", "few", "-", "-", "1", "too", "few"] in rows(process.stdout)


def test_a_line_that_nobody_carries_ends_with_2(run: Run, events: Path) -> None:
    for command in ("show", "plot"):
        result = run(command, "--events", events, "--line", "proces")
        assert (result.exit_code, result.stdout) == (2, "")
        assert "has no line 'proces': choose one of practice, process." in result.stderr


def test_a_file_that_is_exported_can_be_read_and_names_nobody(run: Run, events: Path, tmp_path: Path) -> None:
    result = run("export", "own.json", "--events", events)
    assert result.exit_code == 0, result.output
    assert result.stdout.startswith("own.json: what 12 communities of acme have taught up to 2025-05-08")
    written = read_abaque(tmp_path / "own.json")
    assert (written.version, written.network, written.communities) == (1, "acme", 12)
    assert set(written.abaque.cells) == {"", "practice", "process"}
    assert written.troughs.cells["all"].count == 5
    assert run("export", "-", "--events", events).stdout == (tmp_path / "own.json").read_text()
    assert run("import", "own.json", "--check").stdout.startswith("own.json can be used: learnt from 12 communities")


@pytest.mark.parametrize(
    ("text", "part"),
    [
        ("", "holds no abaque (Input data was truncated)"),
        ("\xff", "holds no abaque ("),
        ("[1]", "holds no abaque (Expected `object`, got `array`)"),
        ('{"version": 1}', "missing required field `network`"),
        (json.dumps(content(version=2)), "its version is 2 and not 1"),
        (json.dumps(content(abaque={"day": DAY, "smallest_cell": 10, "cells": {}})), "no month of all communities has"),
        (json.dumps(content(abaque=cells({"month": 1, "count": 3}))), "no month of all communities has a band"),
        (json.dumps(content(abaque=cells({"month": "1", "count": 3}))), "Expected `int`, got `str` - at `$.abaque"),
        (json.dumps(content(abaque=cells({"month": 1, "count": 20, "bands": BANDS[:4]}))), "length 5"),
        (
            json.dumps(content(abaque=cells({"month": 1, "count": 20, "bands": BANDS[::-1]}))),
            "a band of month 1 of all communities is below 0 or not in order",
        ),
        (
            json.dumps(content(abaque=cells({"month": 1, "count": 20, "bands": [-1.0, *BANDS[1:]]}, line="practice"))),
            "a band of month 1 of line 'practice' is below 0 or not in order",
        ),
        (
            json.dumps(content(abaque=cells({"month": 0, "count": 2}, line="practice"))),
            "month 0 of line 'practice' is not within 1 and 120",
        ),
        (
            json.dumps(content(abaque=cells({"month": 2, "count": 2}, {"month": 2, "count": 2}, line="practice"))),
            "the months of line 'practice' are not in order",
        ),
    ],
)
def test_a_file_that_cannot_be_used_says_why_in_a_sentence(run: Run, tmp_path: Path, text: str, part: str) -> None:
    (tmp_path / "given.json").write_text(text, encoding="latin-1")
    result = run("import", "given.json", "--network", "acme")
    assert (result.exit_code, result.stdout, result.stderr.count("\n")) == (4, "", 1)
    assert result.stderr.startswith("error: given.json holds ")
    assert part in result.stderr


def test_a_file_that_is_not_there_ends_with_4(run: Run) -> None:
    result = run("import", "nowhere.json", "--check")
    assert result.exit_code == 4
    assert "nowhere.json cannot be read (No such file or directory)" in result.stderr


def test_a_file_may_come_from_standard_input(run: Run) -> None:
    result = run("import", "-", "--check", input=json.dumps(content()))
    assert (result.exit_code, result.stdout) == (
        0,
        "- can be used: learnt from 20 communities of elsewhere up to 2024-10-04.\n",
    )


@pytest.mark.parametrize(("command", "name"), [("export", "own.json"), ("plot", "bands.png")])
def test_a_folder_in_the_place_of_the_file_ends_with_2(
    run: Run, events: Path, tmp_path: Path, command: str, name: str
) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    (tmp_path / name).mkdir()
    result = run(command, name, "--events", events)
    assert result.exit_code == 2
    assert f"error: {name} cannot be written (Is a directory); give another place." in result.stderr


def test_a_picture_and_a_sketch(run: Run, events: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="the extra plot is not installed")
    assert run("plot", "bands.png", "--events", events).stdout == "picture: bands.png\n"
    assert (tmp_path / "bands.png").read_bytes().startswith(b"\x89PNG")
    sketch = run("plot", "--events", events).stdout
    assert all(word in sketch for word in ("acme, all communities", "p90", "p10", "age in months"))


@pytest.fixture
def deployed(run: Run, valkey_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    """Give the URL of a Redis in which network acme has taught that every index is 16."""
    assert callable(run)  # It takes the settings of the machine away, so it comes first.
    curve: list[float | None] = [16.0, 16.0]
    known = [Life(DAY - int(2.5 * DAYS_A_MONTH), DAY, 30, 6.0, curve)] * 12
    names = tuple(map(str, range(12)))
    found = NetworkLives("acme", DAY, names, names, tuple(known), (), learn(known, DAY))

    async def read_lives(*_: object) -> NetworkLives:
        return found

    monkeypatch.setattr(lives_of_networks, "read_lives", read_lives)
    monkeypatch.setenv("ELAN_REDIS_URL", valkey_url)
    return valkey_url


def test_a_loaded_abaque_goes_before_the_learnt_one_until_it_is_unloaded(
    run: Run, deployed: str, tmp_path: Path
) -> None:
    (tmp_path / "given.json").write_text(json.dumps(content()))
    loaded = run("import", "given.json", "--network", "acme")
    assert (loaded.exit_code, loaded.stdout) == (
        0,
        "Loaded for acme, from its next boundary on: learnt from 20 communities of elsewhere up to 2024-10-04.\n",
    )
    # What judging reads: the abaque alone, without its file.
    with redis.Redis.from_url(deployed) as client:
        (key,) = client.keys("*")
        kept = client.hget(key, "abaque")
    assert kept is not None
    wanted = msgspec.convert(content(), AbaqueFile).abaque
    assert msgspec.json.decode(kept, type=Abaque) == wanted

    shown = run("show")
    assert "acme, all communities: loaded, learnt elsewhere up to 2024-10-04" in shown.stdout
    assert ["1", "20", "1.0", "2.0", "3.0", "4.0", "5.0", "0", "too", "few"] in rows(shown.stdout)
    assert "learnt from 12 communities" in run("show", "--learnt").stdout
    assert json.loads(run("export", "-").stdout)["abaque"]["cells"][""][0]["bands"] == [16.0] * 5

    assert run("unload", "--network", "acme").stdout == "acme goes by what it has taught, from its next boundary on.\n"
    assert "learnt from 12 communities" in run("show").stdout


@pytest.mark.usefixtures("deployed")
def test_without_a_network_there_must_be_exactly_one(run: Run, tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text(json.dumps(content()))
    result = run("import", "given.json")
    assert result.exit_code == 2
    assert "No network is known yet" in result.stderr


@pytest.mark.usefixtures("deployed")
def test_nothing_is_unloaded_from_a_network_that_is_not_known(run: Run) -> None:
    result = run("unload", "--network", "nope")
    assert (result.exit_code, result.stdout) == (2, "")
    assert "No network is known yet" in result.stderr


def test_a_redis_that_is_away_ends_with_3(run: Run, tmp_path: Path) -> None:
    (tmp_path / "given.json").write_text(json.dumps(content()))
    for words in (["import", "given.json", "--network", "acme"], ["unload", "--network", "acme"], ["show"]):
        result = run(*words, env={"ELAN_REDIS_URL": "redis://127.0.0.1:1"})
        assert result.exit_code == 3
        assert result.stderr.count("\n") == 1


@pytest.mark.parametrize("command", ["show", "export", "import", "unload", "plot"])
def test_every_help_has_an_example_and_exit_codes(run: Run, command: str) -> None:
    result = run(command, "--help", env={"COLUMNS": "200"})
    assert result.exit_code == 0
    assert "Example: elan abaque" in result.stdout
    assert "Exit codes: 0 " in result.stdout
