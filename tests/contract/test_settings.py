"""The page on settings says what the code says, and the settings mirror the detector's thresholds."""

from __future__ import annotations

import dataclasses
from pathlib import Path

from pipeline.detection.detection_settings import DetectionSettings
from pipeline.settings import Settings, load_settings
from pipeline.settings.keys import keys
from pipeline.settings.page import settings_page

ROOT = Path(__file__).resolve().parents[2]


def test_the_page_is_what_the_code_says() -> None:
    page = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8")
    assert page == settings_page(), "run: python -m pipeline.settings > docs/settings.md"


def test_every_setting_has_a_meaning_and_a_variable_of_its_own() -> None:
    assert [key.name for key in keys() if not key.meaning.endswith(".")] == []
    variables = [key.variable for key in keys()]
    assert len(set(variables)) == len(variables)


def test_thresholds_are_those_of_the_detector() -> None:
    assert Settings().detection.model_dump() == dataclasses.asdict(DetectionSettings())


def test_the_example_of_the_page_can_be_read(tmp_path: Path) -> None:
    example = (ROOT / "docs" / "settings.md").read_text(encoding="utf-8").split("```toml\n")[1].split("```")[0]
    file = tmp_path / "elan.toml"
    file.write_text(example, encoding="utf-8")
    settings = load_settings(file, {})
    assert settings.network("acme").time_zone == "Europe/Paris"
