"""The only maker of clients: settings in, connected clients out, and one sentence when a server is not there."""

from __future__ import annotations

import ssl
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING, Any

import redis
import redis.asyncio
from aiokafka import AIOKafkaProducer
from aiokafka.errors import KafkaError as AIOKafkaError
from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer
from kafka.errors import KafkaError
from redis.backoff import ExponentialBackoff
from redis.retry import Retry

from pipeline.errors import ServerError

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from pipeline.settings import KafkaSettings, RedisSettings, Settings

LARGEST_REQUEST_BYTES = 8 * 1024 * 1024
PRODUCER_LINGER_MILLISECONDS = 50
_RETRIES = 2


def ssl_context(settings: KafkaSettings | RedisSettings) -> ssl.SSLContext:
    """A verifying context with the authority and the certificate of the settings."""
    context = ssl.create_default_context(cafile=settings.tls_ca_file)
    if settings.tls_certificate_file is not None:
        context.load_cert_chain(settings.tls_certificate_file, settings.tls_key_file)
    return context


def _kafka_options(settings: KafkaSettings) -> dict[str, Any]:
    """What kafka-python and aiokafka both understand."""
    options: dict[str, Any] = {
        "bootstrap_servers": settings.bootstrap_servers.split(","),
        "security_protocol": settings.security_protocol,
    }
    if settings.security_protocol.endswith("SSL"):
        options["ssl_context"] = ssl_context(settings)
    if settings.security_protocol.startswith("SASL"):
        options["sasl_mechanism"] = settings.sasl_mechanism
        options["sasl_plain_username"] = settings.sasl_username
        if settings.sasl_password is not None:
            options["sasl_plain_password"] = settings.sasl_password.get_secret_value()
    return options


def _reach_kafka(settings: Settings, make: Callable[..., Any], **options: Any) -> Any:
    servers = settings.kafka.bootstrap_servers
    try:
        return make(**_kafka_options(settings.kafka), **options)
    except (KafkaError, OSError, ValueError) as error:
        raise ServerError(f"Kafka at {servers} cannot be reached ({error}): start it or set kafka.bootstrap_servers.") from error


def kafka_admin(settings: Settings) -> KafkaAdminClient:
    """A client for administration; raises ServerError."""
    return _reach_kafka(settings, KafkaAdminClient)


def kafka_producer(settings: Settings) -> KafkaProducer:
    """A producer for imports and tools: all replicas, order kept within a partition; raises ServerError."""
    return _reach_kafka(
        settings,
        KafkaProducer,
        acks="all",
        enable_idempotence=False,
        max_in_flight_requests_per_connection=1,
        linger_ms=PRODUCER_LINGER_MILLISECONDS,
        batch_size=256 * 1024,
        max_request_size=LARGEST_REQUEST_BYTES,
    )


def kafka_consumer(settings: Settings, *topics: str, group: str | None = None) -> KafkaConsumer:
    """A consumer for tools, from the earliest record, committing nothing by itself; raises ServerError."""
    consumer = _reach_kafka(
        settings, KafkaConsumer, group_id=group, auto_offset_reset="earliest", enable_auto_commit=False
    )
    if topics:
        consumer.subscribe(topics=list(topics))
    return consumer


@asynccontextmanager
async def aiokafka_producer(settings: Settings) -> AsyncIterator[AIOKafkaProducer]:
    """A worker's producer for dead letters, alerts and the clock; raises ServerError."""
    producer = AIOKafkaProducer(
        **_kafka_options(settings.kafka),
        acks="all",
        linger_ms=PRODUCER_LINGER_MILLISECONDS,
        max_request_size=LARGEST_REQUEST_BYTES,
    )
    try:
        await producer.start()
    except (AIOKafkaError, OSError) as error:
        await producer.stop()
        servers = settings.kafka.bootstrap_servers
        raise ServerError(f"Kafka at {servers} cannot be reached ({error}): start it or set kafka.bootstrap_servers.") from error
    try:
        yield producer
    finally:
        await producer.stop()


def broker_credentials(settings: Settings) -> Any:
    """What Faust authenticates with, None for plain text. The context is always ours: Faust falls back to plain text."""
    import faust  # noqa: PLC0415 - a third of a second that only workers need
    from faust.types.auth import SASLMechanism  # noqa: PLC0415

    kafka = settings.kafka
    context = ssl_context(kafka) if kafka.security_protocol.endswith("SSL") else None
    if kafka.security_protocol.startswith("SASL"):
        return faust.SASLCredentials(
            username=kafka.sasl_username,
            password=kafka.sasl_password.get_secret_value() if kafka.sasl_password else None,
            ssl_context=context,
            mechanism=SASLMechanism(kafka.sasl_mechanism),
        )
    return faust.SSLCredentials(context=context) if context is not None else None


def _redis_options(settings: RedisSettings) -> dict[str, Any]:
    options: dict[str, Any] = {
        "socket_timeout": settings.timeout_seconds,
        "socket_connect_timeout": settings.timeout_seconds,
        "decode_responses": False,
    }
    if settings.username is not None:
        options["username"] = settings.username
    if settings.password is not None:
        options["password"] = settings.password.get_secret_value()
    if settings.url.startswith("rediss"):
        options |= {"ssl_ca_certs": settings.tls_ca_file, "ssl_certfile": settings.tls_certificate_file}
        options |= {"ssl_keyfile": settings.tls_key_file}
    return options


def redis_client(settings: Settings) -> Any:
    """A blocking client for tools, of one server or of a Cluster; raises ServerError."""
    url, options = settings.redis.url, _redis_options(settings.redis)
    try:
        if "+cluster" in url:
            return redis.RedisCluster.from_url(url.replace("+cluster", ""), **options)
        client = redis.Redis.from_url(url, **options)
        client.ping()
    except (redis.RedisError, OSError) as error:
        raise ServerError(_redis_sentence(settings, error)) from error
    return client


@asynccontextmanager
async def async_redis_client(settings: Settings) -> AsyncIterator[Any]:
    """A worker's client, of one server or of a Cluster; raises ServerError."""
    url, options = settings.redis.url, _redis_options(settings.redis)
    if "+cluster" in url:
        client: Any = redis.asyncio.RedisCluster.from_url(url.replace("+cluster", ""), **options)
    else:
        # The stock pool raises when it is full; this one waits.
        pool = redis.asyncio.BlockingConnectionPool.from_url(
            url, max_connections=16, retry=Retry(ExponentialBackoff(cap=1.0), _RETRIES), **options
        )
        client = redis.asyncio.Redis(connection_pool=pool)
    try:
        await client.ping()
    except (redis.RedisError, OSError) as error:
        await client.aclose()
        raise ServerError(_redis_sentence(settings, error)) from error
    try:
        yield client
    finally:
        await client.aclose()


def _redis_sentence(settings: Settings, error: Exception) -> str:
    place = settings.redis.url.rpartition("@")[2].rpartition("//")[2]
    return f"Redis at {place} cannot be reached ({error}): start it or set redis.url."


