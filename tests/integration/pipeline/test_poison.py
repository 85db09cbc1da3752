"""Poison among good events: every good one counts, every bad one is a dead letter with its reason, bytes untouched."""

from __future__ import annotations

import asyncio
import urllib.request
from collections import Counter
from typing import TYPE_CHECKING

import orjson
import redis.asyncio
from kafka import KafkaProducer

from pipeline.cloudevents import encode_clock
from pipeline.windows.day_columns import Windows
from pipeline.windows.redis_store import RedisStore

if TYPE_CHECKING:
    from tests.integration.pipeline.deployment import Deployment

START = 1_700_000_000
DAY = START // 86_400
GOOD = 400


def event(number: int, **changes: object) -> bytes:
    body = {
        "specversion": "1.0",
        "id": f"e-{number}",
        "source": "/esn/test/acme",
        "type": "esn.activity.post.v1",
        "time": "2023-11-14T22:13:20Z",
        "data": {"network": "acme", "community": f"c{number % 5}", "actor": f"person-{number % 37}"},
    }
    return orjson.dumps({name: value for name, value in (body | changes).items() if value is not ...})


POISON: list[tuple[bytes | None, str]] = [
    (b"{", "not_json"),
    (b"\xff\xfe\x00", "not_json"),
    (b"[" * 5_000 + b"]" * 5_000, "not_json"),
    (None, "empty"),
    (b"", "empty"),
    (b"[]", "schema"),
    (event(1, data=...), "schema"),
    (event(2, specversion="0.3"), "schema"),
    (event(3, data={"network": "acme", "community": "c", "actor": None}), "schema"),
    (event(4, data={"network": "other", "community": "c", "actor": "a"}), "schema"),
    (event(5, data={"network": "acme", "community": "c\x00d", "actor": "a"}), "schema"),
    (event(6, type="esn.activity.poke.v1"), "unknown_type"),
    (event(7, type="com.example.order.v1"), "unknown_type"),
    (event(8, time="yesterday"), "bad_time"),
    (event(9, time="2023-11-14T22:13:20"), "bad_time"),
    (event(10, time="2100-01-01T00:00:00Z"), "in_future"),
    (event(11, time="1990-01-02T00:00:00Z"), "too_old"),
    (event(13, time="1970-01-02T00:00:00Z"), "bad_time"),
    (event(12, padding="x" * 1_010_000), "too_large"),
]


def test_good_events_are_counted_and_bad_ones_dead_lettered(deployment: Deployment) -> None:
    topic = deployment.environment["ELAN_KAFKA_ACTIVITY_TOPIC"]
    deployment.elan("topics", "create")
    deployment.start_worker()
    worker = deployment.start_worker()
    producer = KafkaProducer(bootstrap_servers=deployment.kafka, max_request_size=4_000_000)
    for partition in range(deployment.partitions):
        producer.send(topic, encode_clock(START), partition=partition, timestamp_ms=START * 1000)
    for number in range(GOOD):
        # Duplicates and unknown fields among them: neither is poison.
        good = event(1_000 + number, extension="unknown", data={**_data(number), "mood": "fine"})
        for _ in range(1 + (number % 10 == 0)):
            producer.send(topic, good, partition=number % deployment.partitions, timestamp_ms=START * 1000)
        if number % 20 == 0 and number // 20 < len(POISON):
            value, _ = POISON[number // 20]
            headers = [("trace", b"t-1")]
            producer.send(
                topic, value, b"key", headers, partition=number % deployment.partitions, timestamp_ms=START * 1000
            )
    producer.close()
    deployment.wait_until_counted()

    letters = deployment.records("ELAN_KAFKA_DEAD_LETTER_TOPIC")
    found = Counter((record.value or b"", dict(record.headers)["elan-reason"].decode()) for record in letters)
    assert found == Counter((value or b"", reason) for value, reason in POISON)
    for record in letters:
        carried = dict(record.headers)
        assert carried["elan-topic"].decode() == topic
        assert carried["trace"] == b"t-1"
        assert {"elan-partition", "elan-offset", "elan-detail"} <= carried.keys()
        assert record.key == b"key"
    asyncio.run(_assert_counted(deployment))
    _assert_outcomes_add_up(deployment, worker)


def _data(number: int) -> dict[str, str]:
    return {"network": "acme", "community": f"c{number % 5}", "actor": f"person-{number % 37}"}


async def _assert_counted(deployment: Deployment) -> None:
    client = redis.asyncio.Redis.from_url(deployment.redis_url)
    try:
        store = RedisStore(client, deployment.name, deployment.shards)
        days = await store.read_days("acme", range(deployment.shards), DAY, DAY)
        history = Windows(days).as_of(DAY)
        assert sorted(history.communities) == [f"c{n}" for n in range(5)]
        assert sum(int(counts[:, -1].sum()) for counts in history.activities.values()) == GOOD
        expected = [len({number % 37 for number in range(GOOD) if number % 5 == c}) for c in range(5)]
        assert sorted(history.active_members[7].tolist()) == sorted(expected)
        # No person inside: neither ids nor names of actors are anywhere in Redis.
        for key in await client.keys("*"):
            assert b"person-" not in (await client.dump(key) or b"")
            assert "person-" not in str(key)
    finally:
        await client.aclose()


def _assert_outcomes_add_up(deployment: Deployment, _worker: object) -> None:
    total: Counter[str] = Counter()
    for worker in deployment.workers:
        with urllib.request.urlopen(f"{deployment.url_of(worker)}/metrics", timeout=5) as answer:
            for line in answer.read().decode().splitlines():
                if line.startswith("elan_events_total"):
                    total[line.split('"')[1]] += int(float(line.rsplit(" ", 1)[1]))
    assert sum(total.values()) == sum(deployment.end_offsets().values())
    assert total["duplicate"] == GOOD // 10
    assert total["dead_letter"] == len(POISON)
    assert total["counted"] + total["late"] == GOOD
