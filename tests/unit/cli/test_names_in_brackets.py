"""Names and paths with square brackets are printed as they are: people may call a community `[/draft]`."""

from __future__ import annotations

import json
from datetime import datetime, timedelta, timezone
from io import StringIO
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from rich.console import Console

from pipeline.cli.status import _show as show_status

if TYPE_CHECKING:
    from collections.abc import Callable

    from typer.testing import Result

    Elan = Callable[..., Result]

NETWORK, COMMUNITY, LINE, PLACE = "[x] net", "gen[/b]", "li[/b]ne", "pd[/b]"
START = datetime(2025, 1, 6, 9, tzinfo=timezone.utc)
DAYS = 250


@pytest.fixture
def events(tmp_path: Path) -> Path:
    """Give a file of a post a day in one community."""
    path = tmp_path / f"{NETWORK}.jsonl"
    lines = [
        {
            "id": f"a{day}",
            "time": (START + timedelta(days=day)).isoformat(),
            "kind": "post",
            "network": NETWORK,
            "community": COMMUNITY,
            "actor": "u1",
            "line": LINE,
        }
        for day in range(DAYS)
    ]
    path.write_text("".join(json.dumps(line) + "\n" for line in lines))
    return path


@pytest.mark.parametrize(
    ("command", "told"),
    [
        (("explain", COMMUNITY, "--events"), f"{NETWORK} / {COMMUNITY}"),
        (("survival", "--events"), NETWORK),
        (("network", "--events"), NETWORK),
        (("abaque", "show", "--line", LINE, "--events"), f"{NETWORK}, line {LINE}"),
        (("evaluate",), "[x] net"),
    ],
    ids=lambda value: value[0] if isinstance(value, tuple) else "",
)
def test_names_are_printed_as_they_are(elan: Elan, events: Path, command: tuple[str, ...], told: str) -> None:
    result = elan(*command, events)
    assert result.exit_code == 0, result.output
    assert told in result.stdout


@pytest.mark.parametrize("command", [("explain", COMMUNITY, "--events"), ("survival", "--events"), ("evaluate",)])
def test_the_place_of_a_picture_is_printed_as_it_is(elan: Elan, events: Path, command: tuple[str, ...]) -> None:
    place = Path("pd[/b].png" if command[0] == "survival" else PLACE)
    place.parent.mkdir()
    result = elan(*command, events, "--plot", place)
    assert result.exit_code == 0, result.output
    assert str(place) in result.output


def test_the_pictures_of_a_backtest_are_in_the_folder_that_is_told(elan: Elan, events: Path) -> None:
    result = elan("backtest", events, "--alerts", "alerts.jsonl", "--plot", PLACE)
    assert result.exit_code == 0, result.output
    assert f"0 pictures in {PLACE}." in result.stderr


def test_the_status_names_networks_as_they_are() -> None:
    console = Console(file=StringIO(), width=200)
    row = {"network": NETWORK, "communities": 1, "verdicts": {}, "judged_to": None, "shards_judged": 0, "shards": 1}
    show_status({"partitions": [], "networks": [{**row, "open_alerts": []}]}, console)
    assert f"{NETWORK}: 1 communities" in console.file.getvalue()  # type: ignore[attr-defined]


def test_settings_of_a_network_carry_its_name_as_it_is(elan: Elan) -> None:
    Path("elan.toml").write_text(f'networks."{NETWORK}".time_zone = "UTC"')
    assert f"networks.{NETWORK}.time_zone" in elan("config", env={"COLUMNS": "200"}).stdout
