"""The only maker of Kafka clients: settings in, connected clients out, and one sentence when no broker is there."""

from __future__ import annotations

import asyncio
import socket
from contextlib import AsyncExitStack, asynccontextmanager, suppress
from typing import TYPE_CHECKING, Any

from pipeline.errors import ServerError
from pipeline.tls import ssl_context

if TYPE_CHECKING:
    from collections.abc import AsyncIterator, Callable

    from aiokafka import AIOKafkaProducer
    from kafka import KafkaAdminClient, KafkaConsumer, KafkaProducer

    from pipeline.settings import KafkaSettings, Settings

LARGEST_REQUEST_BYTES = 8 * 1024 * 1024
LARGEST_BATCH_BYTES = 256 * 1024
SMALL_BATCH_BYTES = 16 * 1024
PRODUCER_LINGER_MILLISECONDS = 50
PROBE_SECONDS = 5.0
BOOTSTRAP_MILLISECONDS = 10_000
PRODUCER_REQUEST_MILLISECONDS = 10_000
"""How long a producer of an event loop waits for an answer, and tries again: a record is given up after twice that. It
is well within the lease under which alerts are relayed, or an older step could be written after a newer one."""
PRODUCER_STOP_SECONDS = 5.0
DELIVERY_MILLISECONDS = 30_000
ADMIN_ANSWER_SECONDS = 30.0
METADATA_MILLISECONDS = 10_000
"""How soon a producer that runs for long learns of partitions that were added."""


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
    from kafka.errors import KafkaError  # noqa: PLC0415 - only who speaks to Kafka waits for its import

    _probe_kafka(settings.kafka)
    try:
        return make(**_kafka_options(settings.kafka), bootstrap_timeout_ms=BOOTSTRAP_MILLISECONDS, **options)
    except (KafkaError, OSError, ValueError) as error:
        raise ServerError(_kafka_sentence(settings.kafka, error)) from error


def _probe_kafka(settings: KafkaSettings) -> None:
    """Raises ServerError where no broker takes a connection: the clients would try for long and not say why."""
    trouble: OSError | None = None
    for server in settings.bootstrap_servers.split(","):
        host, _, port = server.rpartition(":")
        try:
            socket.create_connection((host.strip("[]"), int(port)), timeout=PROBE_SECONDS).close()
        except OSError as error:
            trouble = error
        else:
            return
    raise ServerError(
        f"Kafka at {settings.bootstrap_servers} cannot be reached ({trouble}): "
        f"start it, or set kafka.bootstrap_servers to where it is."
    ) from trouble


def _kafka_sentence(settings: KafkaSettings, error: Exception) -> str:
    return (
        f"Kafka at {settings.bootstrap_servers} takes connections but does not answer as expected ({error}): "
        f"check kafka.security_protocol ({settings.security_protocol}), the credentials and kafka.tls_…_file."
    )


def kafka_admin(settings: Settings, *, answer_seconds: float = ADMIN_ANSWER_SECONDS) -> KafkaAdminClient:
    """A client for administration; close it. Raises ServerError."""
    from kafka import KafkaAdminClient  # noqa: PLC0415

    connecting: list[Any] = []

    def remembered(**options: Any) -> Any:
        connecting.append(KafkaAdminClient.DEFAULT_CONFIG["kafka_client"](**options))
        return connecting[-1]

    options = {"request_timeout_ms": int(answer_seconds * 1000), "kafka_client": remembered}
    try:
        return _reach_kafka(settings, KafkaAdminClient, **options)
    except ServerError:
        # kafka-python leaves the thread and the sockets of a client that found no broker.
        for client in connecting:
            client.close()
        raise


def kafka_producer(settings: Settings) -> KafkaProducer:
    """A producer for imports and tools: all replicas, order kept within a partition; close it. Raises ServerError."""
    from kafka import KafkaProducer  # noqa: PLC0415

    return _reach_kafka(
        settings,
        KafkaProducer,
        acks="all",
        # The embedded broker of the demo has no idempotent producers; one request in flight keeps the order as well.
        enable_idempotence=False,
        max_in_flight_requests_per_connection=1,
        linger_ms=PRODUCER_LINGER_MILLISECONDS,
        batch_size=LARGEST_BATCH_BYTES,
        max_request_size=LARGEST_REQUEST_BYTES,
        delivery_timeout_ms=DELIVERY_MILLISECONDS,
        request_timeout_ms=DELIVERY_MILLISECONDS // 2,
    )


def kafka_consumer(settings: Settings, *topics: str) -> KafkaConsumer:
    """A consumer for tools, from the earliest record, of no group; close it. Raises ServerError."""
    from kafka import KafkaConsumer  # noqa: PLC0415

    consumer = _reach_kafka(
        settings, KafkaConsumer, group_id=None, auto_offset_reset="earliest", enable_auto_commit=False
    )
    if topics:
        consumer.subscribe(topics=list(topics))
    return consumer


@asynccontextmanager
async def aiokafka_producer(
    settings: Settings,
    *,
    linger_milliseconds: int = PRODUCER_LINGER_MILLISECONDS,
    batch_bytes: int = SMALL_BATCH_BYTES,
) -> AsyncIterator[AIOKafkaProducer]:
    """A producer for an event loop, by default a worker's: dead letters, alerts and the clock; raises ServerError."""
    from aiokafka import AIOKafkaProducer  # noqa: PLC0415
    from aiokafka.errors import KafkaError  # noqa: PLC0415

    _probe_kafka(settings.kafka)
    producer = AIOKafkaProducer(
        **_kafka_options(settings.kafka),
        acks="all",
        linger_ms=linger_milliseconds,
        max_batch_size=batch_bytes,
        max_request_size=LARGEST_REQUEST_BYTES,
        request_timeout_ms=PRODUCER_REQUEST_MILLISECONDS,
        metadata_max_age_ms=METADATA_MILLISECONDS,
    )
    async with AsyncExitStack() as stack:
        # Also when its start is cancelled.
        stack.push_async_callback(_stop_soon, producer)
        try:
            await producer.start()
        except (KafkaError, OSError) as error:
            raise ServerError(_kafka_sentence(settings.kafka, error)) from error
        yield producer


async def _stop_soon(producer: AIOKafkaProducer) -> None:
    """What is not acknowledged by now its sender takes for unsent: do not wait long for a Kafka that is silent."""
    with suppress(asyncio.TimeoutError):
        await asyncio.wait_for(producer.stop(), PRODUCER_STOP_SECONDS)


def broker_credentials(settings: Settings) -> Any:
    """What Faust authenticates with, None for plain text. The context is ours: without one Faust uses plain text."""
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
