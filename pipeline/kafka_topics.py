"""The topics as they should be, and what is different about those that exist."""

from __future__ import annotations

from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from kafka.admin import ConfigResource
from kafka.errors import KafkaError, TopicAlreadyExistsError

from pipeline.clock import monotonic_seconds, pause
from pipeline.errors import ServerError, Stop
from pipeline.windows.columns import RING_DAYS

if TYPE_CHECKING:
    from collections.abc import Iterator

    from kafka import KafkaAdminClient

    from pipeline.settings import Settings

DAY_MILLISECONDS = 86_400_000
DEAD_LETTER_DAYS = 35
COPIES_FOR_QUORUM = 3
APPENDED = {"message.timestamp.type": "LogAppendTime"}
"""Kept since it was written: by the activities' own times a broker would delete a history right after its import."""
HEADERS_ROOM_BYTES = 65_536
SHOWN_SECONDS = 10.0
ASK_AGAIN_SECONDS = 0.2
NO_IDENTITIES = {"", "00000000-0000-0000-0000-000000000000"}
WORDS = {"cleanup.policy", "message.timestamp.type"}
"""Configurations that are no numbers."""


@dataclass(frozen=True, slots=True)
class ActivityTopic:
    """The activity topic as the brokers know it."""

    identity: str
    """Another one once the topic was made anew; "" where the broker has none."""
    partitions: int

    def was_made_anew(self, identity_before: str) -> bool:
        """Whether this is another topic than the one that had this identity.

        Raises:
            Stop: one of the two has none, and nobody can tell.
        """
        if self.identity != identity_before and "" in {self.identity, identity_before}:
            had, has = ("none", "one") if self.identity else ("one", "none")
            raise Stop(
                f"The brokers gave the activity topic {had} of their ids when it was counted, and {has} now: nobody "
                "can tell whether it is the same topic. Finish upgrading the brokers and start again, or use another "
                "redis.namespace: its windows are built anew from the topic."
            )
        return self.identity != identity_before


@dataclass(frozen=True, slots=True)
class WantedTopic:
    """One topic as the settings want it."""

    name: str
    partitions: int
    configs: dict[str, str]


def wanted_topics(settings: Settings) -> list[WantedTopic]:
    """The three topics. Activities are kept as long as the windows remember, so that Redis can be built anew."""
    kafka, largest = settings.kafka, settings.ingest.largest_record_bytes
    safe = {"min.insync.replicas": "2"} if kafka.replication_factor >= COPIES_FOR_QUORUM else {}
    room = {"max.message.bytes": str(max(largest, 1_000_000) + HEADERS_ROOM_BYTES)}
    return [
        WantedTopic(kafka.activity_topic, kafka.partitions, _kept(RING_DAYS) | APPENDED | room | safe),
        # Untouched records: whatever a platform sent, so no longer than it takes to look at them.
        WantedTopic(kafka.dead_letter_topic, 1, _kept(DEAD_LETTER_DAYS) | _twice(room) | safe),
        WantedTopic(kafka.alerts_topic, 1, {"cleanup.policy": "compact"} | safe),
    ]


def _kept(days: int) -> dict[str, str]:
    return {"cleanup.policy": "delete", "retention.ms": str(days * DAY_MILLISECONDS)}


def _twice(room: dict[str, str]) -> dict[str, str]:
    """A dead letter is a record and its headers beside it."""
    return {name: str(int(value) + HEADERS_ROOM_BYTES) for name, value in room.items()}


@contextmanager
def asking_kafka(settings: Settings) -> Iterator[None]:
    """What Kafka refuses becomes a ServerError."""
    try:
        yield
    except KafkaError as error:
        servers = settings.kafka.bootstrap_servers
        raise ServerError(
            f"Kafka at {servers} refuses ({error}): run `elan check`, and see that the user may do this."
        ) from error


def create_missing(admin: KafkaAdminClient, settings: Settings) -> list[str]:
    """Create the topics that are not there -> their names.

    Raises:
        ServerError: Kafka refuses.
    """
    with asking_kafka(settings):
        there = set(admin.list_topics())
        missing = [topic for topic in wanted_topics(settings) if topic.name not in there]
        for topic in missing:
            options = {
                "num_partitions": topic.partitions,
                "replication_factor": settings.kafka.replication_factor,
                "configs": topic.configs,
            }
            try:
                admin.create_topics({topic.name: options}, wait_for_metadata=True)
            except TopicAlreadyExistsError:
                # Somebody else runs the same command; what they made is checked as if it had been there.
                continue
    return [topic.name for topic in missing]


def partitions_of(admin: KafkaAdminClient, settings: Settings) -> dict[str, int]:
    """Topic -> number of its partitions, for those of the three that exist. Raises ServerError."""
    with asking_kafka(settings):
        there = set(admin.list_topics())
        names = [topic.name for topic in wanted_topics(settings) if topic.name in there]
        return {each["name"]: len(each["partitions"]) for each in admin.describe_topics(names)} if names else {}


def partitions_once_all_are_there(admin: KafkaAdminClient, settings: Settings) -> dict[str, int]:
    """As `partitions_of`, after all three were made: a broker may hear late of what another one has made.

    Raises:
        ServerError: Kafka refuses, or one of them is not shown for ten seconds.
    """
    deadline = monotonic_seconds() + SHOWN_SECONDS
    while True:
        found = partitions_of(admin, settings)
        unseen = [topic.name for topic in wanted_topics(settings) if topic.name not in found]
        if not unseen:
            return found
        if monotonic_seconds() > deadline:
            raise ServerError(f"Kafka does not show {', '.join(unseen)} yet: run the command again.")
        pause(ASK_AGAIN_SECONDS)


def activity_topic(admin: KafkaAdminClient, settings: Settings) -> ActivityTopic:
    """What the brokers say of the activity topic now. It may have more partitions than the settings say.

    Raises:
        ServerError: Kafka refuses, or the topic is not there.
        Stop: it has fewer. None can be taken away, so it is not the one that was meant: a broker may have made it.
    """
    kafka = settings.kafka
    found = _described(admin, settings, kafka.activity_topic)
    partitions = len(found["partitions"])
    if partitions < kafka.partitions:
        raise Stop(
            f"{kafka.activity_topic} has {partitions} partitions, the settings say {kafka.partitions}: "
            f"make the topic anew with `elan topics create`, or set kafka.partitions = {partitions}."
        )
    return ActivityTopic(_identity(found), partitions)


def identity_of(admin: KafkaAdminClient, settings: Settings, name: str) -> str:
    """The id of a topic, another one once it was made anew; "" where the brokers have none.

    Raises:
        ServerError: Kafka refuses, or the topic is not there.
    """
    return _identity(_described(admin, settings, name))


def _described(admin: KafkaAdminClient, settings: Settings, name: str) -> dict[str, Any]:
    with asking_kafka(settings):
        (found,) = admin.describe_topics([name])
    if found["error_code"]:
        raise ServerError(f"Kafka has no topic {name}: create it with `elan topics create`.")
    return dict(found)


def _identity(described: dict[str, Any]) -> str:
    identity = str(described["topic_id"] or "")
    return "" if identity in NO_IDENTITIES else identity


def configs_of(admin: KafkaAdminClient, name: str) -> dict[str, str]:
    """The configuration of a topic in effect; empty where the broker does not tell."""
    try:
        described: dict[str, Any] = admin.describe_configs([ConfigResource("topic", name)], config_filter="all")
    except KafkaError:
        return {}
    return {key: str(each["value"]) for key, each in described.get("topic", {}).get(name, {}).items()}


def wrong_partitions(topic: WantedTopic, found: int, settings: Settings) -> str | None:
    """A sentence where the number of partitions is not the one of the settings; only activities are particular."""
    if topic.name != settings.kafka.activity_topic or found == topic.partitions:
        return None
    return (
        f"{topic.name} has {found} partitions, the settings say {topic.partitions}: "
        f"{'workers follow the topic, so' if found > topic.partitions else 'make it anew, or'} "
        f"set kafka.partitions = {found}."
    )


def differing_configs(topic: WantedTopic, found: dict[str, str]) -> list[str]:
    """A sentence for each thing that may lose records or alerts; longer retention and more room are fine."""
    sentences = []
    for name, wanted in topic.configs.items():
        actual = found.get(name)
        if actual is None or actual == wanted or (name not in WORDS and _at_least(actual, wanted)):
            continue
        sentences.append(
            f"{topic.name} has {name} = {actual}, {wanted} is recommended: "
            f"kafka-configs.sh --alter --topic {topic.name} --add-config {name}={wanted}"
        )
    return sentences


def _at_least(actual: str, wanted: str) -> bool:
    # -1 means without end.
    return actual == "-1" or int(actual) >= int(wanted)
