"""Settings: read once, from variables, a file and defaults, into one frozen object (docs/settings.md)."""

from pipeline.settings.loading import load_settings
from pipeline.settings.pseudonym_key import require_pseudonym_key
from pipeline.settings.sections import NetworkSettings, Settings
from pipeline.settings.servers import KafkaSettings, RedisSettings

__all__ = [
    "KafkaSettings",
    "NetworkSettings",
    "RedisSettings",
    "Settings",
    "load_settings",
    "require_pseudonym_key",
]
