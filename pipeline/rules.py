"""Settings -> what judging goes by."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import msgspec

from pipeline.detection.budget import score_thresholds
from pipeline.detection.detection_settings import DetectionSettings
from pipeline.detection.holiday_calendar import Calendar
from pipeline.judging import NetworkRules, Rules

if TYPE_CHECKING:
    from pipeline.settings import Settings


def rules_of(settings: Settings) -> Rules:
    """The rules of a deployment; zones and calendars are made once a network.

    Raises:
        SettingsError: the budget of false alarms is none that was measured.
    """

    @cache
    def of_network(name: str) -> NetworkRules:
        network = settings.network(name)
        return NetworkRules(ZoneInfo(network.time_zone), Calendar.for_network(network.country, network.region))

    return Rules(
        weights=settings.scoring.weights,
        detection=_detection(settings),
        smallest_group=settings.privacy.smallest_group,
        champion_notices=settings.privacy.champion_notices,
        of_network=of_network,
    )


def _detection(settings: Settings) -> DetectionSettings:
    """The thresholds as they are set, and the scores that keep the budget of false alarms."""
    given = settings.detection.model_dump()
    scores = score_thresholds(given.pop("false_alarms_per_community_year"))
    return DetectionSettings(**given, **msgspec.structs.asdict(scores))
