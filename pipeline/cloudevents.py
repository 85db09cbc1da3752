"""The form of an activity on the wire: CloudEvents 1.0, structured JSON, with an ActivityStreams-like body.

`source` is /esn/<platform>/<network>, `type` is esn.activity.<kind>.v1, and the pair (source, id) names an activity
for good: the same pair twice is a duplicate. The clock event (`esn.clock.v1`) carries a time and nothing else.
"""

from __future__ import annotations

from datetime import datetime
from typing import Annotated, Literal

import msgspec
import orjson

from pipeline.clock import rfc3339
from pipeline.model import Activity, Kind, TimePrecision

CLOCK_TYPE = "esn.clock.v1"
ACTIVITY_TYPE_PREFIX = "esn.activity."
ACTIVITY_TYPE_SUFFIX = ".v1"
ACTIVITY_TYPES = tuple(f"{ACTIVITY_TYPE_PREFIX}{kind.value}{ACTIVITY_TYPE_SUFFIX}" for kind in Kind)
LONGEST_NAME = 200
MOST_COUNT = 1_000_000
"""Most acts that one activity may stand for."""

# What a decoder can check costs nearly nothing there. It knows no control characters: `ingest.checks` looks for those.
Name = Annotated[str, msgspec.Meta(min_length=1, max_length=LONGEST_NAME)]
Count = Annotated[int, msgspec.Meta(ge=1, le=MOST_COUNT)]
Moment = Annotated[datetime, msgspec.Meta(tz=True)]
EventType = Literal[(CLOCK_TYPE, *ACTIVITY_TYPES)]  # type: ignore[valid-type]  # follows from the kinds


class ActivityData(msgspec.Struct, frozen=True, gc=False):
    """The body of an activity event; unknown fields are ignored."""

    network: str
    community: Name
    actor: Name | None = None
    communityname: Name | None = None
    object: str | None = None
    inreplyto: str | None = None
    author: str | None = None
    mentions: list[str] | None = None
    department: str | None = None
    line: str | None = None
    timeprecision: TimePrecision = TimePrecision.EXACT
    bot: bool = False
    count: Count = 1


class Event(msgspec.Struct, frozen=True, gc=False):
    """The envelope of activity and clock events (a clock event has no `data`)."""

    specversion: Literal["1.0"]
    id: Name
    source: str
    type: EventType
    time: Moment
    data: ActivityData | None = None
    subject: str | None = None
    datacontenttype: str | None = None
    dataschema: str | None = None


BODY_FIELDS = tuple(field for field in ActivityData.__struct_fields__)


def activity_type(kind: str) -> str:
    """`post` -> `esn.activity.post.v1`."""
    return f"{ACTIVITY_TYPE_PREFIX}{kind}{ACTIVITY_TYPE_SUFFIX}"


def encode_activity(activity: Activity) -> bytes:
    """An activity as the bytes of its event. Fields at their default are left out."""
    body = msgspec.to_builtins(activity)
    data = {name: body[name] for name in BODY_FIELDS if name in body}
    event = {
        "specversion": "1.0",
        "id": activity.id,
        "source": f"/esn/{activity.platform}/{activity.network}",
        "type": activity_type(activity.kind.value),
        "time": rfc3339(activity.time.timestamp()),
        "datacontenttype": "application/json",
        "data": data,
    }
    if activity.object is not None:
        event["subject"] = activity.object
    return orjson.dumps(event)


def encode_clock(unix_seconds: float, source: str = "/esn/elan/clock") -> bytes:
    """A clock event: it says that time has reached `unix_seconds`, whether or not anybody acted."""
    time = rfc3339(unix_seconds)
    event = {"specversion": "1.0", "id": f"clock-{time}", "source": source, "type": CLOCK_TYPE, "time": time}
    return orjson.dumps(event)


def activity_key(network: str, community: str) -> bytes:
    """The record key: all activities of a community share a partition, and a community is unique in its network."""
    return f"{network}/{community}".encode()
