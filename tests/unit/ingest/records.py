"""Batches made up for tests of the ingest stage."""

from __future__ import annotations

from datetime import datetime, timezone
from typing import TYPE_CHECKING

import orjson

from pipeline.cloudevents import encode_activity
from pipeline.ingest.record_batch import RecordBatch
from pipeline.ingest.trust import TrustRules
from pipeline.model import Activity, Kind

if TYPE_CHECKING:
    from collections.abc import Sequence

NOON = 1_772_020_800.0
"""2026-02-25T12:00:00Z."""
HOUR = 3600.0
DAY = 24 * HOUR
RULES = TrustRules(
    duplicate_horizon_records=1000,
    largest_record_bytes=1_000_000,
    allowed_lateness_seconds=HOUR,
    future_tolerance_seconds=DAY,
    remembered_seconds=400 * DAY,
)


def activity(
    event_id: str = "m1",
    seconds: float = NOON,
    kind: Kind = Kind.POST,
    actor: str | None = "ann",
    community: str = "wine",
) -> bytes:
    """One activity as its event's bytes."""
    moment = datetime.fromtimestamp(seconds, timezone.utc)
    return encode_activity(
        Activity(id=event_id, time=moment, kind=kind, network="acme", community=community, actor=actor)
    )


def changed(**changes: object) -> bytes:
    """A good event with some attributes set, or left out where None; `data__x` reaches into the body."""
    event = orjson.loads(activity())
    for name, value in changes.items():
        target, field = (event["data"], name[6:]) if name.startswith("data__") else (event, name)
        if value is None:
            target.pop(field, None)
        else:
            target[field] = value
    return orjson.dumps(event)


def batch(
    values: Sequence[bytes | None],
    start: int = 0,
    headers: list[Sequence[tuple[str, bytes | None]]] | None = None,
    timestamp_ms: int = int(NOON * 1000),
) -> RecordBatch:
    """Records one after the other from an offset on."""
    end = start + len(values)
    return RecordBatch(
        topic="esn",
        partition=3,
        start_offset=start,
        next_offset=end,
        offsets=list(range(start, end)),
        keys=[b"acme/wine"] * len(values),
        values=list(values),
        headers=headers,
        timestamps_ms=[timestamp_ms] * len(values),
        highwater=end,
    )
