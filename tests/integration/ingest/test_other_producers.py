"""What producers of other languages and settings write is read like our own."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

from kafka import KafkaProducer

from tests.integration.ingest.conftest import PARTITIONS, Intake, Log, Worker, create_topic

if TYPE_CHECKING:
    from collections.abc import Callable

CODECS = [None, "gzip", "snappy", "lz4", "zstd"]


class RawName(str):
    """A header's name that a client of another language put there byte by byte."""

    __slots__ = ()

    def encode(self, *_: str) -> bytes:
        return bytes(self, "latin-1")


def test_every_codec_of_kafka_and_any_header_name_comes_through(
    kafka_bootstrap: str, fresh_topic: Callable[[str], str]
) -> None:
    # log of each partition   plain .. gzip .. snappy .. lz4 .. zstd .. a header named ff fe .. plain
    written = {codec: [f"{codec}{place:04}".encode() * 20 for place in range(80)] for codec in CODECS}

    async def story() -> Intake:
        log = await create_topic(kafka_bootstrap, fresh_topic("codecs"))
        for codec, values in written.items():
            await log.produce(values, compression_type=codec)
        await asyncio.to_thread(write_odd_headers, log)
        await log.produce([b"last"] * PARTITIONS)
        intake = Intake()
        async with Worker(log.app(intake)) as worker:
            await worker.until(lambda: intake.total >= len(CODECS) * 80 + 2 * PARTITIONS)
        return intake

    intake = asyncio.run(story())
    for (_, partition), found in intake.values.items():
        expected = [value for values in written.values() for value in values[partition::PARTITIONS]]
        assert found == [*expected, b"odd", b"last"]


def write_odd_headers(log: Log) -> None:
    """One record a partition with a header whose name is no UTF-8."""
    producer = KafkaProducer(bootstrap_servers=log.bootstrap)
    try:
        for partition in range(PARTITIONS):
            producer.send(log.topic, b"odd", partition=partition, headers=[(RawName("\xff\xfe"), b"1")])
        producer.flush()
    finally:
        producer.close()
