"""Records as nobody should write them: poison, and everything twice."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

import pytest

from tests.faults.load import Load
from tests.faults.producer import Record

if TYPE_CHECKING:
    from collections.abc import Callable

    from tests.faults.trial import Trial, Trials

LARGEST_BYTES = 100_000
HEAD = b'{"specversion":"1.0","id":"poison","source":"/esn/faults/acme","type":"esn.activity.post.v1",'
BODY = b'"time":"2024-01-01T00:00:00Z","data":{"network":"acme","community":"wine","actor":"ann"}}'
POISON: dict[str, tuple[bytes | None, str]] = {
    "tombstone": (None, "empty"),
    "no bytes": (b"", "empty"),
    "cut off": (HEAD, "not_json"),
    "not UTF-8": (b"\xff\xfe\x00", "not_json"),
    "nested deeply": (b"[" * 50_000, "not_json"),
    "no object": (b"[1, 2]", "schema"),
    "another type of value": (HEAD + BODY.replace(b'"wine"', b"7"), "schema"),
    "a NUL in a name": (HEAD + BODY.replace(b"wine", b"wi\\u0000ne"), "schema"),
    "no such type": (HEAD.replace(b"post.v1", b"post.v9") + BODY, "unknown_type"),
    "no such day": (HEAD + BODY.replace(b"2024-01-01", b"2024-02-31"), "bad_time"),
    "year 2100": (HEAD + BODY.replace(b"2024-01", b"2100-01"), "in_future"),
    "too large": (HEAD + b'"more":"' + b"x" * LARGEST_BYTES + b'",' + BODY, "too_large"),
}
"""Kind -> (value, reason of its dead letter)."""


def spoiler(trial: Trial) -> Callable[[list[Record]], list[Record]]:
    """On the first day each kind of poison once, in any partition; on all days every tenth activity twice."""
    left = list(POISON.values())

    def spoil(records: list[Record]) -> list[Record]:
        spoiled: list[Record] = []
        for record in records:
            spoiled.append(record)
            if trial.random.random() < 0.1:
                spoiled.append(record)
            if left:
                value, _ = left.pop()
                partition = trial.random.randrange(trial.deployment.partitions)
                spoiled.append(Record(value, b"poison", partition, record.milliseconds / 1000))
        return spoiled

    return spoil


@pytest.mark.timeout(120)
def test_poison_becomes_dead_letters_and_what_comes_twice_counts_once(trials: Trials) -> None:
    trial = trials.begin(changes={"ELAN_INGEST_LARGEST_RECORD_BYTES": str(LARGEST_BYTES)})
    trial.not_counted.add("poison")
    producer = trial.prepare_producer(Load(trial.seed), events_per_second=3_000)
    producer.spoil = spoiler(trial)
    worker = trial.deployment.start_worker()
    producer.start()
    trial.fault(f"{len(POISON)} kinds of poison")
    trial.fault("every tenth activity twice")
    trial.settle().assert_exact()
    letters = trial.deployment.records("ELAN_KAFKA_DEAD_LETTER_TOPIC")
    reasons = Counter(dict(letter.headers)["elan-reason"].decode() for letter in letters)
    assert reasons == Counter(reason for _, reason in POISON.values())
    read = trial.deployment.metric(worker, "elan_events_total")
    assert read == trial.deployment.counted(), "every offset became something"
