"""What a decoded event must keep to before it counts, beyond what its types say (`pipeline.cloudevents`)."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from pipeline.cloudevents import LONGEST_NAME
from pipeline.errors import Reject
from pipeline.ingest.decode import CLOCK, KIND_OF_TYPE
from pipeline.model import EARLIEST_SECONDS, LATEST_SECONDS, NAME, NETWORK, Kind, Reason

if TYPE_CHECKING:
    from pipeline.cloudevents import ActivityData, Event

UNIX_MS = 1000.0
"""Milliseconds of a second."""
_SOURCES_REMEMBERED = 10_000
_SOURCE = re.compile(rf"/esn/{NETWORK.pattern}/({NETWORK.pattern})")
_VIEW = list(Kind).index(Kind.VIEW)


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
        kind = KIND_OF_TYPE[event.type]
        seconds = event.time.timestamp()
        earliest_seconds, year = (0.0, 1970) if kind == CLOCK else (EARLIEST_SECONDS, 1990)
        if seconds < earliest_seconds:
            raise Reject(Reason.BAD_TIME, f"time is before {year}")
        if seconds >= LATEST_SECONDS:
            raise Reject(Reason.BAD_TIME, "time is after 2148")
        if seconds > timestamp_ms / UNIX_MS + self._tolerance and timestamp_ms >= 0:
            raise Reject(Reason.IN_FUTURE, f"time is more than {self._tolerance:.0f} s after the record was written")
        if kind == CLOCK:
            _check_names(event.id, None)
        else:
            self._check_body(event, kind)
        return kind, seconds

    def _check_body(self, event: Event, kind: int) -> None:
        data = event.data
        if data is None:
            raise Reject(Reason.SCHEMA, "an activity without data")
        if data.network != (self._network_of.get(event.source) or self._learn(event.source)):
            raise Reject(Reason.SCHEMA, "data.network is not the network of source")
        if data.actor is None and kind != _VIEW:
            raise Reject(Reason.SCHEMA, "only a view may have no actor")
        # One look at the usual names together (0.2 µs a name adds up); the rest is looked at one by one.
        names = f"{event.id}{data.community}{data.actor}"
        if data.communityname is not None or not names.isprintable():
            _check_names(event.id, data)

    def _learn(self, source: str) -> str:
        """The network in `/esn/<platform>/<network>`."""
        found = _SOURCE.fullmatch(source)
        if found is None:
            raise Reject(Reason.SCHEMA, "source is not /esn/<platform>/<network>")
        if len(self._network_of) >= _SOURCES_REMEMBERED:
            self._network_of.clear()
        network = self._network_of[source] = found.group(1)
        return network


def _check_names(event_id: str, data: ActivityData | None) -> None:
    """The network's name is known to be good: it is its source's."""
    names: list[tuple[str, str | None]] = [("id", event_id)]
    if data is not None:
        names += [("data.community", data.community), ("data.actor", data.actor)]
        names += [("data.communityname", data.communityname)]
    for field, name in names:
        if name is not None and not is_name(name):
            raise Reject(Reason.SCHEMA, f"{field} is not 1 to {LONGEST_NAME} characters without control characters")
