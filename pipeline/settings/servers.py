"""Sections [kafka] and [redis]: the servers, how to reach them, and the names of what is kept there."""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field, SecretStr, model_validator

from pipeline.settings.checks import (  # noqa: TC001 - pydantic reads them at run time
    BootstrapServers,
    Count,
    Positive,
    RedisUrl,
    TopicName,
)
from pipeline.settings.section import Section

LONGEST_WAIT_SECONDS = 86_400
"""No server is waited for any longer; far longer ones do not fit what clients count in."""


class KafkaSettings(Section):
    """How to reach Kafka, and the names of what Élan keeps there."""

    bootstrap_servers: BootstrapServers = "localhost:9092"
    """Brokers to begin with, host:port, separated by commas."""
    activity_topic: TopicName = "esn.activity.v1"
    """Topic of activities and clock events."""
    dead_letter_topic: TopicName = "esn.activity.v1.dead"
    """Topic of records that cannot be used, untouched, with the reason in their headers."""
    alerts_topic: TopicName = "esn.alerts.v1"
    """Topic of alerts, compacted, key = id of the alert."""
    partitions: Annotated[int, Field(ge=1, le=100_000)] = 8
    """Partitions of the activity topic: the most workers that can share the work."""
    replication_factor: Annotated[int, Field(ge=1, le=32)] = 1
    """Copies of each partition when `elan topics create` makes the topics; 3 where there are three brokers."""
    group: Annotated[str, Field(min_length=1, max_length=249)] = "elan"
    """Consumer group of the workers."""
    group_instance_id: Annotated[str, Field(min_length=1, max_length=249)] | None = None
    """Name of this worker in the group, another for each (in a StatefulSet that of the pod). With it the restart of one
    stops no other; who stops for good is missed only after the session timeout."""
    security_protocol: Literal["PLAINTEXT", "SSL", "SASL_PLAINTEXT", "SASL_SSL"] = "PLAINTEXT"
    """How the brokers are spoken to."""
    allow_plaintext_sasl: bool = False
    """Allow SASL_PLAINTEXT, which sends credentials over a connection anybody on the way can read."""
    sasl_mechanism: Literal["SCRAM-SHA-512", "SCRAM-SHA-256", "PLAIN"] = "SCRAM-SHA-512"
    """How the user is authenticated where the protocol is SASL."""
    sasl_username: str | None = None
    """User at the brokers."""
    sasl_password: SecretStr | None = None
    """Password of that user."""
    tls_ca_file: str | None = None
    """Certificate authority to trust (PEM); without it those of the system."""
    tls_certificate_file: str | None = None
    """Own certificate (PEM), where the brokers ask for one."""
    tls_key_file: str | None = None
    """Key of that certificate (PEM)."""
    session_timeout_seconds: Annotated[float, Field(ge=1, le=LONGEST_WAIT_SECONDS)] = 10.0
    """Silence after which the brokers give a worker's partitions to others."""
    heartbeat_interval_seconds: Positive = 1.0
    """Pause between the signs of life of a worker; at most half of the session timeout. The others learn at
    their next one that a worker has stopped."""
    batch_records: Count = 20_000
    """Most records of one batch; a worker that keeps up takes fewer, and one fetch holds at most 4 MiB a partition."""
    fetch_wait_seconds: Annotated[float, Field(ge=0.001, le=10)] = 0.5
    """Longest wait of the brokers before they answer that nothing is new. Apache Kafka answers at once when something
    is; a broker that only speaks its protocol may look again no sooner than after half of it."""

    @model_validator(mode="after")
    def _fits_together(self) -> KafkaSettings:
        sasl, tls = self.security_protocol.startswith("SASL"), self.security_protocol.endswith("SSL")
        if self.security_protocol == "SASL_PLAINTEXT" and not self.allow_plaintext_sasl:
            raise ValueError(
                "security_protocol SASL_PLAINTEXT would send the credentials in the clear: "
                "use SASL_SSL, or accept that with kafka.allow_plaintext_sasl = true"
            )
        if (self.sasl_username is None) != (self.sasl_password is None):
            raise ValueError("sasl_username and kafka.sasl_password are needed together: set both or neither")
        if sasl != (self.sasl_username is not None):
            raise ValueError(
                f"security_protocol {self.security_protocol} does not go with credentials that are "
                f"{'missing: set kafka.sasl_username and kafka.sasl_password' if sasl else 'set: use SASL_SSL'}"
            )
        _check_tls(self, uses_tls=tls, how="kafka.security_protocol SSL or SASL_SSL")
        if 2 * self.heartbeat_interval_seconds > self.session_timeout_seconds:
            raise ValueError("heartbeat_interval_seconds should be at most half of kafka.session_timeout_seconds")
        topics = {self.activity_topic, self.dead_letter_topic, self.alerts_topic}
        if len(topics) < len(("activity", "dead letters", "alerts")):
            raise ValueError("activity_topic, dead_letter_topic and alerts_topic should be three different topics")
        return self


class RedisSettings(Section):
    """How to reach Redis (or Valkey), and how the windows lie in it."""

    url: RedisUrl = "redis://localhost:6379/0"
    """redis:// or rediss:// (TLS); for a Cluster redis+cluster:// or rediss+cluster:// and any of its nodes."""
    username: str | None = None
    """User of the access control list."""
    password: SecretStr | None = None
    """Password of that user, or of the server where it has no users."""
    tls_ca_file: str | None = None
    """Certificate authority to trust (PEM); without it those of the system."""
    tls_certificate_file: str | None = None
    """Own certificate (PEM), where the server asks for one."""
    tls_key_file: str | None = None
    """Key of that certificate (PEM)."""
    namespace: Annotated[str, Field(pattern=r"^[A-Za-z0-9_.-]{1,64}$")] = "elan"
    """First part of every key, so that several deployments can share a server."""
    shards: Annotated[int, Field(ge=1, le=4096)] = 64
    """Groups that communities hash onto; frozen at the first start of a namespace."""
    timeout_seconds: Annotated[float, Field(gt=0, le=LONGEST_WAIT_SECONDS)] = 5.0
    """Longest wait for a connection or an answer."""

    @model_validator(mode="after")
    def _fits_together(self) -> RedisSettings:
        if self.username is not None and self.password is None:
            raise ValueError("username needs a password: set redis.password")
        _check_tls(self, uses_tls=self.url.startswith("rediss"), how="a redis.url that begins with rediss")
        return self


def _check_tls(section: KafkaSettings | RedisSettings, *, uses_tls: bool, how: str) -> None:
    """Raises ValueError where files are named that would not be used, or only half of a certificate is."""
    for name in ("tls_ca_file", "tls_certificate_file", "tls_key_file"):
        if getattr(section, name) is not None and not uses_tls:
            raise ValueError(f"{name} is set, but the connection is not encrypted: use {how}, or leave it out")
    if section.tls_key_file is not None and section.tls_certificate_file is None:
        raise ValueError("tls_key_file needs the certificate beside it: set tls_certificate_file")
