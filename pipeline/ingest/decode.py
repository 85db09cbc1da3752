"""Bytes of records -> events, or the reason why not. CloudEvents 1.0 over Kafka: structured JSON and the binary form.

Many are decoded at once, and what fails is looked at alone: one bad record spoils none.
The details given never repeat what a record says: they travel in headers and logs.
"""

from __future__ import annotations

import re
from itertools import chain
from typing import TYPE_CHECKING, Any

import msgspec

from pipeline.cloudevents import ACTIVITY_TYPES, CLOCK_TYPE, LONGEST_NAME, MOST_COUNT, Event
from pipeline.errors import Reject
from pipeline.model import Reason

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from pipeline.ingest.record_batch import RecordBatch

RECORDS_AT_ONCE = 500
CLOCK = -1
KIND_OF_TYPE = {CLOCK_TYPE: CLOCK} | {type_: place for place, type_ in enumerate(ACTIVITY_TYPES)}
"""Type of an event -> place of its kind in `Kind`, or CLOCK."""
UNKNOWN_TYPE_DETAIL = "the type is none of esn.activity.<kind>.v1 and esn.clock.v1"
_PATH = re.compile(r" - at `(\$[^`]*)`$")
_MISSING = "Object missing required field"
_NO_OFFSET = "time has no offset from UTC"
_OUT_OF_RANGE = {"$.specversion": "specversion is not 1.0", "$.data.count": f"data.count is not 1 to {MOST_COUNT}"} | {
    f"$.{field}": f"{field} is not 1 to {LONGEST_NAME} characters without control characters"
    for field in ("id", "data.community", "data.actor", "data.communityname")
}
_BINARY_MARK, _ATTRIBUTE_PREFIX = "ce_specversion", "ce_"

_decode_event = msgspec.json.Decoder(Event).decode
_decode_any = msgspec.json.Decoder().decode


def decode_batch(batch: RecordBatch, largest_record_bytes: int) -> Iterator[Event | Reject]:
    """One event or `Reject` for each record of the batch, in its order.

    They are decoded some at a time: who lets go of each event before taking the next finds them in the processor's
    cache, and needs memory for `RECORDS_AT_ONCE` only.
    """
    return chain.from_iterable(_decode_in_parts(batch, largest_record_bytes))


def _decode_in_parts(batch: RecordBatch, largest_record_bytes: int) -> Iterator[list[Event | Reject]]:
    for first in range(0, len(batch.values), RECORDS_AT_ONCE):
        values = batch.values[first : first + RECORDS_AT_ONCE]
        headers = None if batch.headers is None else batch.headers[first : first + RECORDS_AT_ONCE]
        yield _decode_part(values, headers, largest_record_bytes)


def _decode_part(values: list[bytes | None], headers: Sequence[Any] | None, largest: int) -> list[Event | Reject]:
    if headers is None and None not in values and _are_short_utf8(values, largest):  # type: ignore[arg-type]
        return _decode_values(values, largest)  # type: ignore[arg-type]  # None was looked for just now
    each_headers: Sequence[Any] = headers if headers is not None else [()] * len(values)
    return [_decode_or_reject(value, own, largest) for value, own in zip(values, each_headers, strict=True)]


def _decode_values(values: list[bytes], largest: int) -> list[Event | Reject]:
    """Events at the decoder's own pace; what is none is looked at by itself."""
    events: list[Event | Reject] = []
    remaining = map(_decode_event, values)
    while len(events) < len(values):
        try:
            # What was decoded before an error is in the list, and the iterator goes on behind it.
            events.extend(remaining)
        except (ValueError, RecursionError):  # noqa: PERF203 - once for each record that is none
            events.append(_decode_or_reject(values[len(events)], (), largest))
    return events


def _are_short_utf8(values: list[bytes], largest_record_bytes: int) -> bool:
    """Whether none is too large and all strings are UTF-8: msgspec does not look into fields that are skipped."""
    joined = b"\n".join(values)
    if len(joined) > largest_record_bytes and max(map(len, values)) > largest_record_bytes:
        return False
    if joined.isascii():
        return True
    try:
        joined.decode()
    except UnicodeDecodeError:
        return False
    return True


class SwollenBatch(bytes):
    """A stored record batch, in place of the values of its records, which would fill the memory."""

    detail: str


def _decode_or_reject(value: bytes | None, headers: Sequence[tuple[str, bytes | None]], largest: int) -> Event | Reject:
    if isinstance(value, SwollenBatch):
        return Reject(Reason.TOO_LARGE, value.detail)
    if value is not None and len(value) > largest:
        return Reject(Reason.TOO_LARGE, f"{len(value)} bytes, the limit is {largest}")
    try:
        if any(name == _BINARY_MARK for name, _ in headers):
            return _from_headers(value, headers)
        return _from_value(value)
    except Reject as reject:
        return reject


def _from_value(value: bytes | None) -> Event:
    """The structured form: the value is the whole event."""
    if not value:
        raise Reject(Reason.EMPTY, "no value" if value is None else "zero bytes")
    try:
        value.decode()
        # Fields that are skipped may hold numbers beyond range, here as in a whole batch: neighbours change nothing.
        return _decode_event(value)
    except (ValueError, RecursionError) as error:
        whole = _parsed(value)
        raise _reject(error, whole.get("type") if isinstance(whole, dict) else None) from None


def _from_headers(value: bytes | None, headers: Sequence[tuple[str, bytes | None]]) -> Event:
    """The binary form: attributes are `ce_` headers, the value is the data alone."""
    event: dict[str, Any] = {}
    try:
        for name, content in headers:
            if name.startswith(_ATTRIBUTE_PREFIX):
                event[name[len(_ATTRIBUTE_PREFIX) :]] = (content or b"").decode()
    except UnicodeDecodeError:
        raise Reject(Reason.SCHEMA, "a ce_ header is not UTF-8") from None
    event.pop("data", None)
    if value:
        event["data"] = _parsed(value)
    elif event.get("type") != CLOCK_TYPE:
        raise Reject(Reason.EMPTY, "no data in the value")
    try:
        return msgspec.convert(event, Event)
    except msgspec.ValidationError as error:
        raise _reject(error, event.get("type")) from None


def _parsed(value: bytes) -> Any:
    """Any JSON at all; raises Reject for everything else."""
    try:
        value.decode()
        return _decode_any(value)
    except UnicodeDecodeError:
        raise Reject(Reason.NOT_JSON, "not UTF-8") from None
    except RecursionError:
        raise Reject(Reason.NOT_JSON, "nested too deeply") from None
    except msgspec.ValidationError:
        raise Reject(Reason.SCHEMA, "a number is out of range") from None
    except msgspec.DecodeError as error:
        raise Reject(Reason.NOT_JSON, str(error)) from None


def _reject(error: Exception, event_type: Any) -> Reject:
    """Why JSON is no event. An unknown type may have any body, so that comes first."""
    if isinstance(event_type, str) and event_type not in KIND_OF_TYPE:
        return Reject(Reason.UNKNOWN_TYPE, UNKNOWN_TYPE_DETAIL)
    text = str(error)
    found = _PATH.search(text)
    path = found.group(1) if found else "$"
    if text.startswith(_MISSING):
        return Reject(Reason.SCHEMA, text)
    if path == "$.time":
        return Reject(Reason.BAD_TIME, _NO_OFFSET if "timezone" in text else "time is no RFC 3339 date and time")
    return Reject(Reason.SCHEMA, _OUT_OF_RANGE.get(path, f"{path} has the wrong type or form"))
