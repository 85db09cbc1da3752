"""How good the detector is on the four archives it was developed on: a change that makes it worse fails here.

Replays four archives, 15 to 30 seconds in all: the slowest of the unit tests, and the one that guards what the product
is for.
"""

from __future__ import annotations

import asyncio
import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.lab.evaluation.archives import TOGETHER, EvaluatedFile, Scores, evaluate, scores
from pipeline.settings import Settings

if TYPE_CHECKING:
    from pipeline.lab.evaluation.matching import Figures

pytestmark = pytest.mark.slow

PAGE = Path(__file__).resolve().parents[3] / "docs" / "detection.md"
MIN_WATCH_F1 = 0.65
MAX_WATCH_FALSE = 0.10
"""False alarms a community-year."""
MAX_WATCH_DELAY = 22
"""Days, at the median."""
MIN_CONFIRMED_F1 = 0.75
MIN_CONFIRMED_PRECISION = 0.75
MAX_CONFIRMED_FALSE = 0.05
LEAD_OVER_RULES = 0.2
"""F1 by which the detector must beat the best of the rules people use."""


@pytest.fixture(scope="module")
def together(data_folder: Path) -> Scores:
    """Give the figures of all four archives taken together."""
    files = [EvaluatedFile(path, None, None) for path in sorted(data_folder.glob("*.jsonl.gz"))]
    assert len(files) == 4
    settings = Settings()
    return scores(TOGETHER, [asyncio.run(evaluate(file, "jsonl", None, settings)) for file in files])


def share(value: float | None) -> float:
    assert value is not None
    return value


def test_watch_is_as_good_as_it_was(together: Scores) -> None:
    watch = together.tiers["watch"]
    assert watch.declines == 38
    assert share(watch.f1) >= MIN_WATCH_F1
    assert share(watch.false_per_community_year) <= MAX_WATCH_FALSE
    assert share(watch.delay_days_median) <= MAX_WATCH_DELAY


def test_confirmed_is_as_good_as_it_was(together: Scores) -> None:
    confirmed = together.tiers["confirmed"]
    assert share(confirmed.f1) >= MIN_CONFIRMED_F1
    assert share(confirmed.precision) >= MIN_CONFIRMED_PRECISION
    assert share(confirmed.false_per_community_year) <= MAX_CONFIRMED_FALSE


def test_both_beat_every_rule_people_use(together: Scores) -> None:
    best = max(share(figures.f1) for figures in together.rules.values())
    assert min(share(figures.f1) for figures in together.tiers.values()) >= best + LEAD_OVER_RULES


@pytest.mark.parametrize("tier", ["watch", "confirmed"])
def test_the_figure_in_the_docs_lies_in_the_interval(together: Scores, tier: str) -> None:
    figures: Figures = together.tiers[tier]
    assert figures.f1_90_percent is not None
    low, high = figures.f1_90_percent
    assert low <= printed_f1(tier) <= high


def printed_f1(tier: str) -> float:
    """The F1 of a tier in the table of docs/detection.md, where its interval stands behind it."""
    found = re.search(rf"^\| {tier} \|.* (\d?\.\d+) \(\.\d+–\.\d+\)", PAGE.read_text(encoding="utf-8"), re.MULTILINE)  # noqa: RUF001 - as the page has it
    assert found is not None
    return float(found[1])
