"""What a decoded event must keep to before it counts. One object serves all partitions: it remembers only names."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.errors import Reject
from pipeline.ingest.decode import CLOCK, KIND_OF_TYPE
from pipeline.model import NAME, Kind, Reason

if TYPE_CHECKING:
    from pipeline.cloudevents import ActivityData, Event

MOST_COUNT = 1_000_000
"""Most acts that one activity may stand for."""
LONGEST_NAME = 200
_SOURCES_REMEMBERED = 10_000
_SOURCE_PARTS = 4
_VIEW = list(Kind).index(Kind.VIEW)
_UNIX_MS = 1000.0


def is_name(text: str) -> bool:
    """Whether `model.NAME` fits the whole text."""
    # `isprintable` answers most; what it refuses, such as a no-break space, may still be a name.
    return 0 < len(text) <= LONGEST_NAME and (text.isprintable() or NAME.fullmatch(text) is not None)


class EventCheck:
    """Checks events against the rules of the wire form."""

    def __init__(self, future_tolerance_seconds: float) -> None:
        self._tolerance = future_tolerance_seconds
        self._network_of: dict[str, str] = {}

    def __call__(self, event: Event, timestamp_ms: int) -> tuple[int, float]:
        """(place of the kind or CLOCK, unix seconds) of a good event; raises Reject.

        `timestamp_ms` is Kafka's own time of the record: the future is judged by it and never by the wall clock, so
        that reading the log again decides the same. Negative: unknown, then no time is in the future.
        """
        kind = KIND_OF_TYPE.get(event.type)
        if kind is None:
            raise Reject(Reason.UNKNOWN_TYPE, "the type is none of esn.activity.<kind>.v1 and esn.clock.v1")
        if event.specversion != "1.0":
            raise Reject(Reason.SCHEMA, "specversion is not 1.0")
        if not is_name(event.id):
            raise Reject(Reason.SCHEMA, "id is not 1 to 200 characters without control characters")
        seconds = self._seconds(event, timestamp_ms)
        if kind != CLOCK:
            self._check_body(event, kind)
        return kind, seconds

    def _seconds(self, event: Event, timestamp_ms: int) -> float:
        if event.time.tzinfo is None:
            raise Reject(Reason.BAD_TIME, "time has no offset from UTC")
        seconds = event.time.timestamp()
        if seconds < 0:
            raise Reject(Reason.BAD_TIME, "time is before 1970")
        if timestamp_ms >= 0 and seconds > timestamp_ms / _UNIX_MS + self._tolerance:
            raise Reject(Reason.IN_FUTURE, f"time is more than {self._tolerance:.0f} s after the record was written")
        return seconds

    def _check_body(self, event: Event, kind: int) -> None:
        data = event.data
        if data is None:
            raise Reject(Reason.SCHEMA, "an activity without data")
        network = self._network_of.get(event.source)
        if network is None:
            network = self._learn(event.source)
        if data.network != network:
            raise Reject(Reason.SCHEMA, "data.network is not the network of source")
        if data.actor is None and kind != _VIEW:
            raise Reject(Reason.SCHEMA, "only a view may have no actor")
        if not 1 <= data.count <= MOST_COUNT:
            raise Reject(Reason.SCHEMA, f"data.count is not 1 to {MOST_COUNT}")
        _check_names(data)

    def _learn(self, source: str) -> str:
        """The network in `/esn/<platform>/<network>`."""
        parts = source.split("/", _SOURCE_PARTS - 1)
        if len(parts) != _SOURCE_PARTS or parts[:2] != ["", "esn"] or not is_name(parts[2]) or not is_name(parts[3]):
            raise Reject(Reason.SCHEMA, "source is not /esn/<platform>/<network>")
        if len(self._network_of) >= _SOURCES_REMEMBERED:
            self._network_of.clear()
        self._network_of[source] = parts[3]
        return parts[3]


def _check_names(data: ActivityData) -> None:
    """The network's name is known to be good: it is its source's."""
    if not is_name(data.community):
        raise Reject(Reason.SCHEMA, "data.community is not 1 to 200 characters without control characters")
    if data.actor is not None and not is_name(data.actor):
        raise Reject(Reason.SCHEMA, "data.actor is not 1 to 200 characters without control characters")
    if data.communityname is not None and not is_name(data.communityname):
        raise Reject(Reason.SCHEMA, "data.communityname is not 1 to 200 characters without control characters")
