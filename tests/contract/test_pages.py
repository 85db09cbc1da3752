"""The pages use the words and figures of the code, and their links lead somewhere."""

from __future__ import annotations

import re
from pathlib import Path
from typing import TYPE_CHECKING

import pytest

from pipeline.detection.verdict import Resolution, Verdict
from pipeline.kafka_topics import DEAD_LETTER_DAYS
from pipeline.model import (
    PARTICIPATION,
    AlertKind,
    AlertState,
    Kind,
    Outcome,
    Phase,
    Quadrant,
    Reason,
    Severity,
    Stage,
    TimePrecision,
)
from pipeline.pseudonyms import PSEUDONYM_BYTES, PSEUDONYM_CHARACTERS
from pipeline.settings import Settings
from pipeline.settings.sections import SMALLEST_GROUP_FLOOR
from pipeline.windows.columns import RING_DAYS

if TYPE_CHECKING:
    from enum import Enum

DOCS = Path(__file__).resolve().parents[2] / "docs"
CLOSED_SETS = (
    AlertKind,
    AlertState,
    Kind,
    Outcome,
    Phase,
    Quadrant,
    Reason,
    Resolution,
    Severity,
    Stage,
    TimePrecision,
    Verdict,
)
LINK = re.compile(r"\]\((?!https?:)([^)#]*)(?:#([^)]*))?\)")


def page(name: str) -> str:
    return (DOCS / name).read_text(encoding="utf-8")


@pytest.mark.parametrize("values", CLOSED_SETS, ids=lambda values: values.__name__)
def test_every_value_of_a_closed_set_is_explained(values: type[Enum]) -> None:
    assert [each.value for each in values if f"`{each.value}`" not in page("terms.md")] == []


def test_the_table_of_kinds_says_who_takes_part() -> None:
    rows = dict(re.findall(r"^\| `(\w+)` \|.*\| (yes|no)[^|]*\|$", page("terms.md"), re.MULTILINE))

    assert rows == {kind.value: "yes" if kind in PARTICIPATION else "no" for kind in Kind}


def test_the_page_on_privacy_has_the_figures_of_the_code() -> None:
    text = " ".join(page("privacy.md").split())

    assert f"{RING_DAYS} days (`retention.ms` of the topic)" in text
    assert f"untouched | **whatever the record holds** | {DEAD_LETTER_DAYS} days" in text
    assert f"({Settings().privacy.smallest_group}, never below {SMALLEST_GROUP_FLOOR})" in text
    assert f"{PSEUDONYM_CHARACTERS} characters: the first {PSEUDONYM_BYTES} bytes of HMAC-SHA256" in text


@pytest.mark.parametrize("name", ["metrics.md", "privacy.md", "terms.md"])
def test_links_lead_somewhere(name: str) -> None:
    for file, heading in LINK.findall(page(name)):
        target = page(file or name)
        headings = {title.lower().replace(" ", "-") for title in re.findall(r"^#+ (.+)$", target, re.MULTILINE)}
        assert not heading or heading in headings, f"{file}#{heading}"
