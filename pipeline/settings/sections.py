"""The settings: every key, its default, what it may be and what it means. The pages are written from here."""

from __future__ import annotations

from typing import TYPE_CHECKING, Annotated, Literal

from pydantic import Field, PrivateAttr, model_validator

from pipeline.settings.checks import (
    DEFAULT_WEIGHTS,
    Count,
    Country,
    NotNegative,
    Port,
    Positive,
    PseudonymKey,
    TimeZone,
    Weights,
    check_region,
)
from pipeline.settings.detection import DetectionSettings
from pipeline.settings.section import Section
from pipeline.settings.servers import KafkaSettings, RedisSettings

if TYPE_CHECKING:
    from collections.abc import Mapping

SMALLEST_GROUP_FLOOR = 5


class PrivacySettings(Section):
    """What keeps persons out."""

    pseudonym_key: PseudonymKey | None = None
    """Key of the pseudonyms, 16 characters or more; needed in production. Under a new key everybody counts anew."""
    smallest_group: Annotated[int, Field(ge=SMALLEST_GROUP_FLOOR)] = SMALLEST_GROUP_FLOOR
    """Communities with fewer active members are counted, never published by name; 5 or more."""
    champion_notices: bool = True
    """Whether notices tell of champions, by pseudonym: one who fell silent, carries alone, or is new."""


class ClockSettings(Section):
    """Where time comes from."""

    source: Literal["live", "log"] = "live"
    """Who writes clock events: one of the workers (live), or only the importer (log). None moves time beyond when the
    brokers wrote it."""
    interval_seconds: Positive = 60.0
    """Pause between two clock events."""
    allowed_lateness_seconds: NotNegative = 3_600.0
    """How long after a day's end its late activities are waited for."""
    future_tolerance_seconds: NotNegative = 86_400.0
    """How far ahead of the clock an activity may be dated before it is refused."""


class IngestSettings(Section):
    """What is taken in."""

    duplicate_horizon_records: Annotated[int, Field(ge=0)] = 100_000
    """An activity that comes again within so many records of its partition counts once; after a quarter more it counts
    anew, and in another partition always."""
    largest_record_bytes: Count = 1_000_000
    """Larger records become dead letters."""


class ScoringSettings(Section):
    """What acts weigh."""

    weights: Weights = Field(default_factory=lambda: dict(DEFAULT_WEIGHTS))
    """Weight of an act by its kind, 0 or more; kinds that are left out keep their default."""


class WorkerSettings(Section):
    """The workers' own endpoint."""

    metrics_host: str = "127.0.0.1"
    """Address of metrics and health; 0.0.0.0 for all interfaces."""
    metrics_port: Port = 9464
    """Port of metrics and health; 0 takes a free one."""


class ServeSettings(Section):
    """The endpoint with the communities' metrics."""

    host: str = "127.0.0.1"
    """Address of `elan serve`; 0.0.0.0 for all interfaces."""
    port: Port = 9465
    """Port of `elan serve`; 0 takes a free one."""
    community_series: Annotated[int, Field(ge=0)] = 200
    """Most communities with metrics of their own: first those with an open alert, then the largest."""


class NetworkSettings(Section):
    """What is particular to a network."""

    time_zone: TimeZone = "UTC"
    """Where its days begin and end: an IANA name such as Europe/Paris."""
    country: Country | None = None
    """ISO 3166 code of the country whose public holidays are no sign of decline."""
    region: str | None = None
    """Region of that country, by its code in library holidays."""

    @model_validator(mode="after")
    def _known_region(self) -> NetworkSettings:
        check_region(self.country, self.region)
        return self


class Settings(Section):
    """Everything a deployment can choose; read once, never changed."""

    mode: Literal["production", "development"] = "production"
    """In development a missing pseudonym key is replaced by a known one."""
    kafka: KafkaSettings = KafkaSettings()
    redis: RedisSettings = RedisSettings()
    privacy: PrivacySettings = PrivacySettings()
    clock: ClockSettings = ClockSettings()
    ingest: IngestSettings = IngestSettings()
    scoring: ScoringSettings = ScoringSettings()
    detection: DetectionSettings = DetectionSettings()
    worker: WorkerSettings = WorkerSettings()
    serve: ServeSettings = ServeSettings()
    network_default: NetworkSettings = NetworkSettings()
    networks: dict[Annotated[str, Field(min_length=1)], NetworkSettings] = Field(default_factory=dict)
    """Settings of single networks, by name."""
    _origins: dict[str, str] = PrivateAttr(default_factory=dict)

    def network(self, name: str) -> NetworkSettings:
        """The settings of a network; those of `network_default` where it is not listed."""
        return self.networks.get(name, self.network_default)

    def origin(self, key: str) -> str:
        """Where the value of a key such as `kafka.partitions` came from: `default`, a file, or a variable."""
        return self._origins.get(key, "default")

    def with_origins(self, origins: Mapping[str, str]) -> Settings:
        """The same settings, remembering where each value came from."""
        copy: Settings = self.model_copy()
        copy._origins = dict(origins)
        return copy
