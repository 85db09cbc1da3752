"""Records that nobody should write, and records that only look so."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

from aiokafka import AIOKafkaProducer

if TYPE_CHECKING:
    from collections.abc import Iterable

Header = tuple[str, "bytes | None"]
LARGEST_BYTES = 100_000
"""`ingest.largest_record_bytes` of the trial."""
TEN_MEGABYTES = 10 * 1024 * 1024
HEAD = b'{"specversion":"1.0","id":"poison","source":"/esn/faults/acme","type":"esn.activity.post.v1",'
BODY = b'"time":"2024-01-01T00:00:00Z","data":{"network":"acme","community":"wine","actor":"ann"}}'
GOOD_HEAD = HEAD.replace(b"poison", b"odd-%d")
DAY_ONE = b"2023-11-15"
"""A day of the load: what counts must not be too old or begin a new history."""


@dataclass(frozen=True)
class Poison:
    """`reason` is that of the dead letter; None: it is an activity like any other."""

    value: bytes | None
    reason: str | None
    key: bytes | None = b"poison"
    headers: tuple[Header, ...] = ()


def _odd(number: int, more: bytes = b"1", **options: object) -> Poison:
    """A good activity with something odd about it; `more` is a field that nobody knows."""
    value = (GOOD_HEAD % number + b'"more":' + more + b"," + BODY).replace(b"2024-01-01", DAY_ONE)
    return Poison(value, None, **options)  # type: ignore[arg-type]


HUGE = [
    Poison(HEAD + b'"more":"' + b"x" * TEN_MEGABYTES + b'",' + BODY, "too_large"),
    Poison(HEAD, "not_json", key=bytes(TEN_MEGABYTES)),
    Poison(HEAD, "not_json", headers=tuple((f"h{n}", bytes(10_000)) for n in range(1_000))),
]
"""Ten megabytes of value, of key, of headers."""
BOMBS = [Poison(HEAD + bytes(TEN_MEGABYTES), "too_large", key=None)] * 20
"""Each takes 10 kB in the log, so that one fetch holds many of them."""
SWOLLEN = [Poison(HEAD + bytes(20 * TEN_MEGABYTES), "too_large")] * 2
"""Each takes 200 kB in the log, and more memory than a worker has."""
POISON: dict[str, Poison] = {
    "tombstone": Poison(None, "empty"),
    "no bytes": Poison(b"", "empty"),
    "cut off": Poison(HEAD, "not_json"),
    "not UTF-8": Poison(b"\xff\xfe\x00", "not_json"),
    "nested deeply": Poison(b"[" * 50_000, "not_json"),
    "nested deeply where nobody looks": Poison(HEAD + b'"more":' + b"[" * 40_000 + BODY, "not_json"),
    "lone surrogate": Poison(HEAD + BODY.replace(b"wine", b"\\udc00"), "not_json"),
    "two documents": Poison((HEAD + BODY) * 2, "not_json"),
    "no object": Poison(b"[1, 2]", "schema"),
    "another type of value": Poison(HEAD + BODY.replace(b'"wine"', b"7"), "schema"),
    "a NUL in a name": Poison(HEAD + BODY.replace(b"wine", b"wi\\u0000ne"), "schema"),
    "a count beyond range": Poison(HEAD + BODY.replace(b'"actor"', b'"count":1e400,"actor"'), "schema"),
    "another specversion": Poison(HEAD.replace(b"1.0", b"0.3") + BODY, "schema"),
    "half a binary form": Poison(HEAD + BODY, "schema", headers=(("ce_specversion", b"1.0"), ("ce_id", b"poison"))),
    "a binary form that is no UTF-8": Poison(HEAD + BODY, "schema", headers=(("ce_specversion", b"\xff"),)),
    "no such type": Poison(HEAD.replace(b"post.v1", b"post.v9") + BODY, "unknown_type"),
    "no such day": Poison(HEAD + BODY.replace(b"2024-01-01", b"2024-02-31"), "bad_time"),
    "year 2100": Poison(HEAD + BODY.replace(b"2024-01", b"2100-01"), "in_future"),
    "too large": Poison(HEAD + b'"more":"' + b"x" * LARGEST_BYTES + b'",' + BODY, "too_large"),
    "a number beyond range where nobody looks": _odd(1, b"1e400"),
    "a key twice": _odd(2, b'1,"id":"odd-2"'),
    "a key that is no UTF-8": _odd(3, key=b"\x00\xff\xfe"),
    "900 headers": _odd(4, headers=tuple((f"h{n % 7}", None if n % 5 == 0 else b"\xff\x00") for n in range(900))),
    "a header without a name": _odd(5, headers=(("", b""),)),
}
"""Kind -> record."""


async def write(bootstrap: str, topic: str, placed: Iterable[tuple[int, Poison]], compression: str | None) -> None:
    """Write records to the partitions named beside them, each as a batch of its own."""
    producer = AIOKafkaProducer(
        bootstrap_servers=bootstrap,
        compression_type=compression,
        max_request_size=21 * TEN_MEGABYTES,
        max_batch_size=1,
        request_timeout_ms=60_000,
    )
    async with producer:
        for partition, one in placed:
            await producer.send_and_wait(topic, one.value, one.key, partition, headers=list(one.headers))
