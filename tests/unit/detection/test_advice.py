from __future__ import annotations

from typing import Any

import pytest

from pipeline.detection.advice import ACTIONS, SOURCES, Champions, Situation, situation, suggested_action


def evidence(quiet_days: int = 0, participants: float = 0.4, activities: float | None = 0.3) -> dict[str, Any]:
    return {
        "quiet_days": quiet_days,
        "present_to_baseline_ratio": participants,
        "activities_to_baseline_ratio": activities,
    }


@pytest.mark.parametrize(
    ("seen", "champions", "expected"),
    [
        (evidence(quiet_days=9), Champions(2, 2), Situation.SILENT),
        (evidence(), Champions(3, 1), Situation.CHAMPION_GONE),
        (evidence(participants=0.4, activities=0.4), Champions(3, 0), Situation.FEWER_MEMBERS),
        (evidence(participants=0.5, activities=0.2), None, Situation.FEWER_ACTS),
        (evidence(participants=0.5, activities=0.35), None, Situation.SLOW),
        (evidence(activities=None), None, Situation.SLOW),
        (evidence(participants=0.0), None, Situation.SLOW),
    ],
)
def test_the_action_follows_from_the_evidence(
    seen: dict[str, Any], champions: Champions | None, expected: Situation
) -> None:
    assert situation(seen, champions) is expected
    assert suggested_action(seen, champions) == (ACTIONS[expected], SOURCES[expected])


def test_every_situation_has_an_action_and_a_source() -> None:
    assert set(ACTIONS) == set(SOURCES) == set(Situation)
