"""The profile of the demo: one small deployment on the embedded servers, its time taken from the log."""

from __future__ import annotations

from pipeline.lab.embedded import FETCH_WAIT_SECONDS
from pipeline.settings import Settings

NETWORK_TIME_ZONE, NETWORK_COUNTRY = "Europe/Paris", "FR"
PARTITIONS, SHARDS = 4, 4


def demo_settings(kafka_bootstrap: str, redis_url: str, metrics_port: int) -> Settings:
    """Settings of the demo; the user's file and variables play no part in it."""
    return Settings.model_validate(
        {
            "mode": "development",
            "kafka": {
                "bootstrap_servers": kafka_bootstrap,
                "partitions": PARTITIONS,
                # Joining the embedded broker's group takes half the session timeout.
                "session_timeout_seconds": 6.0,
                "heartbeat_interval_seconds": 1.0,
                "fetch_wait_seconds": FETCH_WAIT_SECONDS,
            },
            "redis": {"url": redis_url, "shards": SHARDS},
            "clock": {"source": "log"},
            "worker": {"metrics_port": 0},
            "serve": {"port": metrics_port},
            "network_default": {"time_zone": NETWORK_TIME_ZONE, "country": NETWORK_COUNTRY},
        }
    )
