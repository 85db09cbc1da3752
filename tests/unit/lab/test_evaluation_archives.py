"""Labels and figures of real archives, against the reference score that lies beside them."""

from __future__ import annotations

import asyncio
import json
import runpy
from typing import TYPE_CHECKING, Any

import msgspec
import pytest

from pipeline.lab.evaluation.alert_days import Tier
from pipeline.lab.evaluation.archives import EvaluatedArchive, EvaluatedFile, evaluate, scores
from pipeline.lab.evaluation.evaluation_plot import draw
from pipeline.lab.evaluation.simple_rules import SIMPLE_RULES, rule_days
from pipeline.lab.replay_file import read_in_order, replay_file
from pipeline.lab.runs import Recorder
from pipeline.publish.alerts import encode_transition
from pipeline.settings import Settings
from pipeline.sources.report import ImportReport

if TYPE_CHECKING:
    from pathlib import Path

pytestmark = pytest.mark.slow

# The two that are replayed in a second; Houston has no strong decline.
ARCHIVES = ("ncar", "houston")
SETTINGS = Settings()


@pytest.fixture(scope="module")
def reference(data_folder: Path) -> dict[str, Any]:
    """Give the functions of the reference score."""
    program = data_folder.parent / "score" / "score.py"
    if not program.is_file():
        pytest.skip("the reference score is not in ../shared/score")
    return runpy.run_path(str(program))


@pytest.fixture(scope="module")
def alerts(data_folder: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """Give the alerts of a backtest of each archive, as a file."""

    async def steps(archive: str) -> bytes:
        activities = read_in_order(data_folder / f"{archive}.jsonl.gz", "jsonl", None, ImportReport())
        return b"".join([encode_transition(s) + b"\n" async for s in replay_file(activities, SETTINGS, Recorder([]))])

    folder = tmp_path_factory.mktemp("alerts")
    for archive in ARCHIVES:
        (folder / archive).write_bytes(asyncio.run(steps(archive)))
    return {archive: folder / archive for archive in ARCHIVES}


@pytest.fixture(scope="module")
def evaluated(data_folder: Path, alerts: dict[str, Path]) -> dict[str, EvaluatedArchive]:
    """Give the evaluation of each archive, from its alerts in a file."""
    files = {name: EvaluatedFile(data_folder / f"{name}.jsonl.gz", alerts[name], None) for name in ARCHIVES}
    return {name: asyncio.run(evaluate(file, "jsonl", None, SETTINGS)) for name, file in files.items()}


@pytest.mark.parametrize("archive", ARCHIVES)
def test_labels_are_those_of_the_reference(
    data_folder: Path, evaluated: dict[str, EvaluatedArchive], archive: str
) -> None:
    path = data_folder.parent / "score" / "labels" / f"{archive}.json"
    if not path.is_file():
        pytest.skip("the reference labels are not in ../shared/score/labels")
    assert json.loads(msgspec.json.encode(evaluated[archive].labels)) == json.loads(path.read_bytes())


# The reference leaves closing its files to the interpreter.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
@pytest.mark.parametrize("tier", Tier)
@pytest.mark.parametrize("archive", ARCHIVES)
def test_figures_are_those_of_the_reference(
    reference: dict[str, Any],
    evaluated: dict[str, EvaluatedArchive],
    alerts: dict[str, Path],
    archive: str,
    tier: Tier,
) -> None:
    labels = json.loads(msgspec.json.encode(evaluated[archive].labels))
    days = reference["read_alerts"](str(alerts[archive]), tier.value)
    expected = reference["figures"](reference["meet"](labels, days))
    found = msgspec.to_builtins(scores(archive, [evaluated[archive]]).tiers[tier.value])
    # Where there is nothing to divide by, the reference says 0 and we say nothing.
    for name in set(expected) & set(found):
        assert (found[name] or 0) == pytest.approx(expected[name] or 0), name
    assert len(set(expected) & set(found)) == 11


@pytest.mark.parametrize("rule", SIMPLE_RULES, ids=lambda rule: rule.name)
def test_simple_rules_speak_on_the_days_of_the_reference(
    reference: dict[str, Any], data_folder: Path, evaluated: dict[str, EvaluatedArchive], rule: Any
) -> None:
    path = str(data_folder / "houston.jsonl.gz")
    expected: dict[str, list[str]] = {}
    for alert in reference["rule_alerts"](path, rule.name):
        expected.setdefault(alert["community"], []).append(alert["at"][:10])
    series = evaluated["houston"].series
    found = {
        community: [str(reference["datetime"].date.fromordinal(719_163 + series.first_day + day)) for day in days]
        for community, days in rule_days(series, rule).items()
        if days
    }
    assert found == expected


def test_communities_with_declines_are_drawn(evaluated: dict[str, EvaluatedArchive], tmp_path: Path) -> None:
    pytest.importorskip("matplotlib")
    (picture,) = draw(evaluated["ncar"], tmp_path)
    assert picture.read_bytes().startswith(b"\x89PNG")
    assert draw(evaluated["houston"], tmp_path) == []
