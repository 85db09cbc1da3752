"""Settings -> what judging goes by."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

from pipeline.detection.detection_settings import DetectionSettings
from pipeline.detection.holiday_calendar import Calendar
from pipeline.judging import NetworkRules, Rules

if TYPE_CHECKING:
    from pipeline.settings import Settings


def rules_of(settings: Settings) -> Rules:
    """The rules of a deployment; zones and calendars are made once a network."""

    @cache
    def of_network(name: str) -> NetworkRules:
        network = settings.network(name)
        return NetworkRules(ZoneInfo(network.time_zone), Calendar.for_network(network.country, network.region))

    return Rules(
        weights=settings.scoring.weights,
        detection=DetectionSettings(**settings.detection.model_dump()),
        smallest_group=settings.privacy.smallest_group,
        of_network=of_network,
    )
