"""Where a bench takes place: servers of its own or those it was given, with topics and a namespace nobody else has."""

from __future__ import annotations

import contextlib
import secrets
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.errors import ServerError
from pipeline.kafka_clients import kafka_admin
from pipeline.kafka_topics import create_missing, partitions_of
from pipeline.lab.embedded import FETCH_WAIT_SECONDS, EmbeddedServers
from pipeline.redis_clients import redis_client
from pipeline.settings.given import from_variables
from pipeline.settings.loading import settings_of

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.settings import Settings

PARTITIONS = 8
KEYS_AT_ONCE = 10_000
EMBEDDED_BROKER = "the embedded broker of the demo (all in memory)"


@dataclass(frozen=True, slots=True)
class BenchPlace:
    """Settings of the bench, and the variables that give them to a process; users' own play no part in it."""

    environment: dict[str, str]
    settings: Settings
    broker: str
    """What the broker is, for people."""
    appends_to_file: bool
    """Whether Redis keeps an append-only file, as it has to in production."""


@contextmanager
def bench_place(kafka: str | None, redis_url: str | None) -> Iterator[BenchPlace]:
    """Fresh topics and a fresh namespace, removed at the end; what is not given is started meanwhile.

    Raises:
        SettingsError: an address is none.
        ServerError: a server is missing, cannot be reached or refuses.
    """
    with contextlib.ExitStack() as stack:
        if kafka is None or redis_url is None:
            servers = stack.enter_context(EmbeddedServers(kafka=kafka is None))
            place = _place(kafka or servers.kafka_bootstrap, redis_url or servers.redis_url, is_embedded=kafka is None)
        else:
            place = _place(kafka, redis_url, is_embedded=False)
        stack.callback(_clear, place.settings, theirs=kafka is not None)
        _create_topics(place.settings)
        yield place


def redis_core_seconds(settings: Settings) -> float:
    """Seconds of a core that Redis has used so far. Raises ServerError."""
    with contextlib.closing(redis_client(settings)) as client:
        found = client.info("cpu")
    return float(found["used_cpu_user"]) + float(found["used_cpu_sys"])


def _place(kafka: str, redis_url: str, *, is_embedded: bool) -> BenchPlace:
    name = f"elan-bench-{secrets.token_hex(4)}"
    environment = {
        "ELAN_MODE": "development",
        "ELAN_KAFKA_BOOTSTRAP_SERVERS": kafka,
        "ELAN_KAFKA_ACTIVITY_TOPIC": f"{name}.activity",
        "ELAN_KAFKA_DEAD_LETTER_TOPIC": f"{name}.activity.dead",
        "ELAN_KAFKA_ALERTS_TOPIC": f"{name}.alerts",
        "ELAN_KAFKA_GROUP": name,
        "ELAN_KAFKA_PARTITIONS": str(PARTITIONS),
        "ELAN_REDIS_URL": redis_url,
        "ELAN_REDIS_NAMESPACE": name,
        # Time is in the log: the bench replays the past.
        "ELAN_CLOCK_SOURCE": "log",
        "ELAN_WORKER_METRICS_PORT": "0",
    }
    if is_embedded:
        environment["ELAN_KAFKA_FETCH_WAIT_SECONDS"] = str(FETCH_WAIT_SECONDS)
    settings = settings_of(list(from_variables(environment)))
    with contextlib.closing(redis_client(settings)) as client:
        persistence = client.info("persistence")
    broker = EMBEDDED_BROKER if is_embedded else f"Kafka at {kafka}"
    return BenchPlace(environment, settings, broker, bool(persistence["aof_enabled"]))


def _create_topics(settings: Settings) -> None:
    admin = kafka_admin(settings)
    try:
        create_missing(admin, settings)
        found = partitions_of(admin, settings).get(settings.kafka.activity_topic)
    finally:
        admin.close()
    if found != PARTITIONS:
        raise ServerError(f"The broker made {found} partitions instead of {PARTITIONS}: run the bench again.")


def _clear(settings: Settings, *, theirs: bool) -> None:
    """Remove what the bench has made on servers that were there before it, as far as they answer."""
    with contextlib.suppress(ServerError), contextlib.closing(redis_client(settings)) as client:
        keys = client.scan_iter(match=f"{settings.redis.namespace}:*", count=KEYS_AT_ONCE)
        for key in keys:
            client.unlink(key)
    if not theirs:
        return
    with contextlib.suppress(ServerError), contextlib.closing(kafka_admin(settings)) as admin:
        # Those of stock Faust's Tables as well.
        admin.delete_topics([topic for topic in admin.list_topics() if topic.startswith(settings.kafka.group)])
