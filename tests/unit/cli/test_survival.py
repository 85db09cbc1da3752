"""`elan survival` and `elan network` on a network of 24 communities, half of which fall silent after two months."""

from __future__ import annotations

from datetime import datetime, timedelta, timezone
from io import StringIO
from typing import TYPE_CHECKING

import orjson
import pytest
import typer
from rich.console import Console
from typer.testing import CliRunner

from pipeline.cli.main import _OneSentence
from pipeline.cli.network import network
from pipeline.cli.survival import NOTHING, show, show_calibration, survival
from pipeline.lab.survival_calibration import Bin, Foretold, Snapshot, foretold, in_bins
from pipeline.lab.survival_plot import draw_survival
from pipeline.scoring.life import Life
from pipeline.scoring.survival import learn_survival

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from typer.testing import Result

    Elan = Callable[..., Result]

START = datetime(2023, 1, 2, 9, tzinfo=timezone.utc)
WEEKS = 58
SILENT_AFTER_WEEKS = 9
DEPARTMENTS = ("sales", "plant", "finance")


@pytest.fixture(scope="module")
def run(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Elan]:
    """Give a function that runs one of the two commands in an empty folder."""
    commands = typer.Typer(cls=_OneSentence)
    commands.command()(survival)
    commands.command()(network)
    with pytest.MonkeyPatch.context() as patch:
        patch.setenv("ELAN_CONFIG", "")
        patch.chdir(tmp_path_factory.mktemp("folder"))
        yield lambda *arguments: CliRunner().invoke(commands, [str(each) for each in arguments])


@pytest.fixture(scope="module")
def events(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Give a file of posts: one a week by each of the six members of every community.

    Member k of any community is of department k modulo 3. In the last four weeks of those that live on, everybody posts
    twice: the year before they did it once.
    """
    path = tmp_path_factory.mktemp("events") / "acme.jsonl"
    with path.open("wb") as file:
        for week in range(WEEKS):
            for hour in range(2 if week >= WEEKS - 4 else 1):
                time = START + timedelta(weeks=week, hours=hour)
                for community in range(24 if week < SILENT_AFTER_WEEKS else 12):
                    for member in range(6):
                        file.write(orjson.dumps(post(time, f"c{community}", member)) + b"\n")
    return path


@pytest.fixture(scope="module")
def told_of_survival(run: Elan, events: Path) -> str:
    result = run("survival", "--events", events, "--calibrate")
    assert result.exit_code == 0
    return result.stdout


@pytest.fixture(scope="module")
def told_of_the_network(run: Elan, events: Path) -> str:
    result = run("network", "--events", events)
    assert result.exit_code == 0
    return " ".join(result.stdout.split())


def post(time: datetime, community: str, member: int) -> dict[str, object]:
    return {
        "id": f"{community}-{member}-{time.isoformat()}",
        "time": time.isoformat().replace("+00:00", "Z"),
        "kind": "post",
        "network": "acme",
        "community": community,
        "actor": f"{community}-{member}",
        "department": DEPARTMENTS[member % 3],
    }


def test_survival_is_told_of_all_spaces_the_established_and_sizes(told_of_survival: str) -> None:
    rows = {line.split("  ")[0].strip(): line.split() for line in told_of_survival.splitlines() if line.strip()}
    # 24 spaces, 12 dead after two months; nobody was seen for a year.
    assert rows["all spaces"][2:7] == ["24", "12", "50%", "(12)", NOTHING]
    assert rows["established"][1:5] == ["12", "0", NOTHING, NOTHING]
    assert rows["size 6-12"][2:4] == ["24", "12"]


def test_the_seeds_half_stands_beside_the_measured_share(told_of_survival: str) -> None:
    told = " ".join(told_of_survival.split())
    assert "Inactive after 5 months: 50% of all spaces here (90 % interval" in told
    assert "Lecko's benchmark of 2014 says 50%" in told


def test_a_past_too_short_to_check_chances_says_so(told_of_survival: str) -> None:
    assert "The past is too short" in told_of_survival


def test_a_network_is_told_as_a_whole(told_of_the_network: str) -> None:
    told = told_of_the_network
    assert "acme: 24 communities, as of 2024-02-" in told
    # 12 communities of 6 members: 8 posts of weight 4 each in 28 days, 4 posts the year before, by all 24.
    assert (
        "engagement index: 32.0 weighted activities in 28 days for each membership active in a week (72 a week)" in told
    )
    assert "16.0 364 days before: +100%" in told
    # The first 3 of 12 equal communities; the silent ones count.
    assert "last 28 days: the most active tenth of communities made 25% of 576 activities, the first alone 8%" in told
    assert "0 present, 72 conversing, 0 sociable, 0 engaged" in told
    assert "share of active: 50% of the 144 memberships" in told
    assert "12 dormant" in told


def test_transverse_communities_are_told_with_the_pairs_of_different_departments(told_of_the_network: str) -> None:
    # Of 15 pairs of six members, two of each department, 12 are of different ones.
    assert told_of_the_network.count("80% of pairs") == 3


def test_chances_are_not_checked_without_a_file(run: Elan) -> None:
    result = run("survival", "--calibrate")
    assert result.exit_code == 2
    assert "--calibrate replays the past a second time" in result.stderr


def test_a_folder_in_the_place_of_the_picture_ends_with_2(run: Elan, events: Path, tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is missing")
    picture = tmp_path / "curves.png"
    picture.mkdir()
    result = run("survival", "--events", events, "--plot", picture)
    assert result.exit_code == 2
    assert f"error: {picture} cannot be written (Is a directory); give another place." in result.stderr


def test_chances_told_in_the_past_are_held_against_what_became_of_them() -> None:
    # learnt on day 20,000 ..... 12 months ..... "near" was last seen 300 days after, "far" 400
    lives = {f"old-{place}": Life(16_000, 18_500) for place in range(15)}
    lives |= {"near": Life(19_500, 20_000), "far": Life(19_500, 20_000), "nobody": Life(19_500)}
    then = Snapshot(20_000, lives, learn_survival(list(lives.values()), 20_000))
    now = lives | {"near": Life(19_500, 20_300), "far": Life(19_500, 20_400)}
    # The dead and the one nobody ever took part in are told no chance.
    assert foretold(then, now) == [Foretold(1.0, is_alive=True), Foretold(1.0, is_alive=False)]


def test_chances_are_put_into_bins_with_an_interval() -> None:
    told = [Foretold(0.95, is_alive=True)] * 8 + [Foretold(0.97, is_alive=False)] * 2 + [Foretold(0.2, is_alive=False)]
    low, high = in_bins(told)
    assert (low.chances, low.told, low.seen) == (1, 0.2, 0.0)
    assert (high.chances, round(high.told, 3), high.seen) == (10, 0.954, 0.8)
    assert 0.5 < high.low < 0.8 < high.high < 0.95


def test_what_was_told_and_seen_is_shown_and_drawn(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib", reason="matplotlib is missing")
    bins = [Bin(40, 0.85, 0.8, 0.68, 0.88)]
    told = StringIO()
    show_calibration(bins, Console(file=told, width=100))
    assert "40 85% 80% 68% to 88%" in " ".join(told.getvalue().split())
    found = learn_survival([Life(19_000, 19_500 + place, 20, 7.0) for place in range(20)], 20_000)
    for curves in (found, learn_survival([], 20_000)):
        draw_survival(curves, bins, "acme", tmp_path / "both.svg")
        assert (tmp_path / "both.svg").read_text(encoding="utf-8").startswith("<?xml")


def test_a_network_too_young_for_a_death_says_so() -> None:
    told = StringIO()
    show(learn_survival([Life(19_900, 19_990)], 20_000), "acme", Console(file=told, width=100))
    assert "No community is 180 days old yet" in told.getvalue()
