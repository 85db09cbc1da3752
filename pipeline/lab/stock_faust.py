"""An application as Faust's own guide would have it, for comparison: one event at a time, counts in windowed Tables.

Run as a process of its own: `python -m pipeline.lab.stock_faust KAFKA TOPIC NAME EVENTS RESULT`. It keeps less than
Élan does: hourly counts by kind, and the day each actor was last seen; neither duplicates nor pseudonyms nor dead
letters. RESULT takes seconds of a core per event, in JSON, once EVENTS are counted; then it is to be ended.
"""

from __future__ import annotations

import os
import sys
from datetime import timedelta
from pathlib import Path
from typing import Any

import faust
import orjson

PARTITIONS = 8
HOUR, KEPT = timedelta(hours=1), timedelta(days=8)
KIND_PLACE = 2
"""Of `esn.activity.<kind>.v1`."""
DATE_CHARACTERS = 10


class Body(faust.Record):
    """The body of an activity."""

    network: str
    community: str
    actor: str
    object: str


class Activity(faust.Record, isodates=False):
    """An activity; a clock event has no `data`."""

    id: str
    type: str
    time: str
    data: Body | None = None


def make_app(kafka: str, topic_name: str, name: str, wanted: int, result: Path) -> faust.App:
    """The application; it tells its costs once `wanted` activities are counted."""
    app = faust.App(
        name,
        broker=f"kafka://{kafka}",
        store="memory://",
        datadir=str(result.parent),
        topic_partitions=PARTITIONS,
        topic_replication_factor=1,
        web_enabled=False,
    )
    topic = app.topic(topic_name, value_type=Activity, key_serializer="raw", value_serializer="json")
    windows = app.Table("counts", default=int, partitions=PARTITIONS)
    counts: Any = windows.tumbling(HOUR, expires=KEPT).relative_to_stream()
    seen: Any = app.Table("seen", default=str, partitions=PARTITIONS)

    @app.agent(topic)
    async def count(activities: Any) -> None:
        counted, before = 0, 0.0
        async for activity in activities:
            if activity.data is None:
                continue
            before = before or core_seconds()
            kind = activity.type.split(".")[KIND_PLACE]
            counts[f"{activity.data.community}|{kind}"] += 1
            if kind != "view":
                seen[f"{activity.data.community}|{activity.data.actor}"] = activity.time[:DATE_CHARACTERS]
            counted += 1
            if counted == wanted:
                tell(result, core_seconds() - before, counted)

    return app


def core_seconds() -> float:
    """Seconds of a core that this process has used so far."""
    used = os.times()
    return used.user + used.system


def tell(result: Path, seconds: float, events: int) -> None:
    """Write the result in one step, for whoever waits for the file."""
    part = result.with_suffix(".part")
    part.write_bytes(orjson.dumps({"core_seconds": seconds, "events": events}))
    part.replace(result)


def main() -> None:
    """Main of the process."""
    kafka, topic, name, wanted, result = sys.argv[1:]
    app = make_app(kafka, topic, name, int(wanted), Path(result))
    # Without this option a worker opens port 6066 whatever the application says.
    sys.argv[1:] = ["worker", "--loglevel", "error", "--without-web"]
    app.main()


if __name__ == "__main__":
    main()
