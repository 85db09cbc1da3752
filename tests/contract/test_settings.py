"""The page on settings says what the code says, and the settings mirror the detector's thresholds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

import pytest

from pipeline.detection import levels
from pipeline.detection.budget import ScoreThresholds
from pipeline.detection.candidates import PRESENT_WEEKS
from pipeline.detection.detection_settings import DetectionSettings
from pipeline.errors import SettingsError
from pipeline.model import AlertState
from pipeline.rules import rules_of
from pipeline.settings import Settings, load_settings
from pipeline.settings.detection import FEWEST_BASELINE_WEEKS, MOST_BASELINE_WEEKS, WEEKS_LOOKED_AT
from pipeline.settings.keys import keys
from pipeline.settings.page import settings_page
from tests.unit.detection.timeline import judge, weeks

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_code_says() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page(), "run: python -m pipeline.settings > docs/settings.md"


def test_every_setting_has_a_meaning_and_a_variable_of_its_own() -> None:
    assert [key.name for key in keys() if not key.meaning.endswith(".")] == []
    variables = [key.variable for key in keys()]
    assert len(set(variables)) == len(variables)


def test_the_detector_goes_by_the_settings_and_by_the_default_budget_unless_told_otherwise() -> None:
    assert rules_of(Settings()).detection == DetectionSettings()
    own = {field.name for field in dataclasses.fields(DetectionSettings)}
    scores = set(ScoreThresholds.__struct_fields__)
    assert set(Settings().detection.model_dump()) == own - scores | {"false_alarms_per_community_year"}


def test_weeks_may_be_set_as_far_as_the_detector_looks_back() -> None:
    assert WEEKS_LOOKED_AT == levels.ROUGHNESS_WEEKS + 1
    assert FEWEST_BASELINE_WEEKS == levels.FEWEST_BASELINE_WEEKS
    assert MOST_BASELINE_WEEKS + max(PRESENT_WEEKS) == WEEKS_LOOKED_AT


@pytest.mark.parametrize(
    "widest",
    [
        {"baseline_weeks": FEWEST_BASELINE_WEEKS},
        {"baseline_weeks": MOST_BASELINE_WEEKS},
        {"history_weeks_needed": WEEKS_LOOKED_AT},
    ],
)
def test_a_decline_is_found_with_the_widest_weeks_that_may_be_set(widest: dict[str, int]) -> None:
    # ################################| 34 weeks at 30 ...... then 5 weeks at 3
    settings = rules_of(Settings.model_validate({"detection": widest})).detection
    steps, _ = judge(weeks((34, 30), (5, 3)), settings=settings)
    assert steps[0].step.state is AlertState.RAISED


def test_a_smaller_budget_of_false_alarms_asks_for_more_evidence() -> None:
    strict = load_settings(None, {"ELAN_DETECTION_FALSE_ALARMS_PER_COMMUNITY_YEAR": "0.03"})
    assert rules_of(strict).detection.likelihood_score > DetectionSettings().likelihood_score
    with pytest.raises(SettingsError, match="false_alarms_per_community_year is 50"):
        rules_of(load_settings(None, {"ELAN_DETECTION_FALSE_ALARMS_PER_COMMUNITY_YEAR": "50"}))


def test_the_example_of_the_page_can_be_read(tmp_path: Path) -> None:
    example = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    file = tmp_path / "elan.toml"
    file.write_text(example, encoding="utf-8")
    settings = load_settings(file, {})
    assert settings.network("acme").time_zone == "Europe/Paris"
