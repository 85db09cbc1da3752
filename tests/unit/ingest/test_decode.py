from __future__ import annotations

import json
from pathlib import Path

import jsonschema
import pytest

from pipeline.cloudevents import CLOCK_TYPE, Event, encode_clock
from pipeline.errors import Reject
from pipeline.ingest.checks import EventCheck
from pipeline.ingest.decode import decode_batch
from pipeline.model import Kind, Reason
from tests.unit.ingest.records import DAY, NOON, activity, batch, changed

SECRET = "do-not-repeat"
LARGEST = 1_000_000

POISON = {
    "tombstone": (None, Reason.EMPTY),
    "zero bytes": (b"", Reason.EMPTY),
    "ten megabytes": (b"[" + b"1," * 5_000_000 + b"1]", Reason.TOO_LARGE),
    "text": (b"do-not-repeat", Reason.NOT_JSON),
    "cut off": (activity()[:-9], Reason.NOT_JSON),
    "two documents": (activity() * 2, Reason.NOT_JSON),
    "raw NUL": (activity().replace(b"wine", b"wi\x00ne"), Reason.NOT_JSON),
    "not UTF-8 where it is read": (activity().replace(b"wine", b"\xff\xfe"), Reason.NOT_JSON),
    "not UTF-8 where it is skipped": (activity()[:-1] + b',"extra":"\xff\xfe"}', Reason.NOT_JSON),
    "lone surrogate": (activity().replace(b"wine", b"\\ud800"), Reason.NOT_JSON),
    "nested too deeply": (activity()[:-1] + b',"extra":' + b"[" * 200_000 + b"]" * 200_000 + b"}", Reason.NOT_JSON),
    "deep and open": (b"[" * 900_000, Reason.NOT_JSON),
    "an array": (b"[1]", Reason.SCHEMA),
    "a number": (b"17", Reason.SCHEMA),
    "no id": (changed(id=None), Reason.SCHEMA),
    "empty id": (changed(id=""), Reason.SCHEMA),
    "no source": (changed(source=None), Reason.SCHEMA),
    "source of somebody else": (changed(source="https://elsewhere.example/do-not-repeat"), Reason.SCHEMA),
    "source without a network": (changed(source="/esn/slack/"), Reason.SCHEMA),
    "other network in the body": (changed(data__network="do-not-repeat"), Reason.SCHEMA),
    "other version": (changed(specversion="0.3"), Reason.SCHEMA),
    "no data": (changed(data=None), Reason.SCHEMA),
    "no community": (changed(data__community=None), Reason.SCHEMA),
    "community too long": (changed(data__community="w" * 201), Reason.SCHEMA),
    "community with NUL": (changed(data__community="do-not-repeat\x00"), Reason.SCHEMA),
    "community ending in a line feed": (changed(data__community="wine\n"), Reason.SCHEMA),
    "community name with a line feed": (changed(data__communityname="a\nb"), Reason.SCHEMA),
    "post without actor": (changed(data__actor=None), Reason.SCHEMA),
    "empty actor": (changed(data__actor=""), Reason.SCHEMA),
    "count of nothing": (changed(data__count=0), Reason.SCHEMA),
    "count as text": (changed(data__count="do-not-repeat"), Reason.SCHEMA),
    "count beyond all sense": (changed(data__count=10**15), Reason.SCHEMA),
    "count beyond numbers": (activity().replace(b'"actor"', b'"count":' + b"9" * 5000 + b',"actor"'), Reason.SCHEMA),
    "unknown precision": (changed(data__timeprecision="do-not-repeat"), Reason.SCHEMA),
    "unknown kind": (changed(type="esn.activity.do-not-repeat.v1"), Reason.UNKNOWN_TYPE),
    "unknown type with its own body": (changed(type="com.example.do-not-repeat", data=[1]), Reason.UNKNOWN_TYPE),
    "kind as a word": (changed(type="post"), Reason.UNKNOWN_TYPE),
    "no such day": (changed(time="2026-02-30T08:00:00Z"), Reason.BAD_TIME),
    "no offset from UTC": (changed(time="2026-02-25T08:00:00"), Reason.BAD_TIME),
    "time as a number": (changed(time=1_772_020_800), Reason.BAD_TIME),
    "no time at all, as platforms write it": (activity(seconds=0), Reason.BAD_TIME),
    "beyond what windows number": (changed(time="2149-01-01T00:00:00Z"), Reason.BAD_TIME),
    "before computers": (changed(time="0001-01-01T00:00:00+14:00"), Reason.BAD_TIME),
    "two days ahead": (activity(seconds=NOON + 2 * DAY), Reason.IN_FUTURE),
}


def judge(value: bytes | None, headers: list[tuple[str, bytes | None]] | None = None) -> Event | Reject:
    """What becomes of one record written at noon."""
    one = batch([value], headers=None if headers is None else [headers])
    (event,) = decode_batch(one, LARGEST)
    if isinstance(event, Event):
        try:
            EventCheck(DAY)(event, one.timestamps_ms[0])
        except Reject as reject:
            return reject
    return event


@pytest.mark.parametrize(("value", "reason"), POISON.values(), ids=POISON.keys())
def test_poison_is_refused_with_its_reason_and_without_its_content(value: bytes | None, reason: Reason) -> None:
    found = judge(value)

    assert isinstance(found, Reject)
    assert found.reason is reason, found.detail
    assert found.detail
    assert SECRET not in found.detail


def test_one_bad_record_does_not_spoil_its_batch() -> None:
    poison = [value for value, _ in POISON.values()]
    mixed = [record for number, bad in enumerate(poison) for record in (activity(f"m{number}"), bad)]

    events = list(decode_batch(batch(mixed), LARGEST))

    assert [event.id for event in events[::2] if isinstance(event, Event)] == [f"m{n}" for n in range(len(poison))]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_passes_and_is_told_by_its_place(kind: Kind) -> None:
    event = judge(activity(kind=kind))

    assert isinstance(event, Event)
    assert EventCheck(DAY)(event, int(NOON * 1000)) == (list(Kind).index(kind), NOON)


@pytest.mark.parametrize("name", ["Vins & fromages", "Œnologie", "espace\u00a0insécable", "宴会", "w" * 200, "👩‍👩‍👧"])
def test_names_of_all_languages_pass(name: str) -> None:
    assert isinstance(judge(changed(data__community=name, data__communityname=name, data__actor=name)), Event)


def test_a_view_may_have_no_actor() -> None:
    assert isinstance(judge(changed(type="esn.activity.view.v1", data__actor=None, data__count=31)), Event)


def test_a_time_within_the_tolerance_of_the_record_passes() -> None:
    # 12:00 written ............ next day 12:00, the tolerance
    assert isinstance(judge(activity(seconds=NOON + DAY)), Event)


def test_no_time_is_in_the_future_of_an_unknown_one() -> None:
    (far,) = decode_batch(batch([activity(seconds=NOON + 1000 * DAY)]), LARGEST)

    assert isinstance(far, Event)
    assert EventCheck(DAY)(far, -1)[1] == NOON + 1000 * DAY


def as_headers(event: dict[str, object]) -> list[tuple[str, bytes | None]]:
    """The attributes of an event in binary form."""
    return [(f"ce_{name}", str(value).encode()) for name, value in event.items() if name != "data"]


def test_the_binary_form_says_the_same_as_the_structured_one() -> None:
    event = json.loads(activity())

    binary = judge(json.dumps(event["data"]).encode(), [*as_headers(event), ("content-type", b"application/json")])

    assert binary == judge(activity())


def test_a_clock_event_in_binary_form_needs_no_value() -> None:
    found = judge(None, as_headers(json.loads(encode_clock(NOON))))

    assert isinstance(found, Event)
    assert found.type == CLOCK_TYPE


@pytest.mark.parametrize(
    ("value", "header", "reason"),
    [
        (None, ("ce_type", b"esn.activity.post.v1"), Reason.EMPTY),
        (b"{", ("ce_type", b"esn.activity.post.v1"), Reason.NOT_JSON),
        (b"{}", ("ce_type", b"esn.activity.post.v1"), Reason.SCHEMA),
        (b"{}", ("ce_type", b"\xff"), Reason.SCHEMA),
        (b"{}", ("ce_type", None), Reason.UNKNOWN_TYPE),
        (b"{}", ("ce_time", b"yesterday"), Reason.BAD_TIME),
    ],
)
def test_poison_in_binary_form_is_refused(
    value: bytes | None, header: tuple[str, bytes | None], reason: Reason
) -> None:
    event = json.loads(activity())
    rest = [pair for pair in as_headers(event) if pair[0] != header[0]]
    if reason is Reason.BAD_TIME:
        value = json.dumps(event["data"]).encode()

    found = judge(value, [*rest, header])

    assert isinstance(found, Reject)
    assert found.reason is reason


def test_headers_of_others_do_not_make_a_record_binary() -> None:
    assert isinstance(judge(activity(), [("traceparent", b"00-1-2-01")]), Event)


SCHEMA = Path(__file__).resolve().parents[3] / "schemas" / "activity.v1.schema.json"
BEYOND_SCHEMA = {
    # What a schema of one event cannot say: bytes, the record's own time, one field against another, real dates.
    "tombstone", "zero bytes", "ten megabytes", "text", "cut off", "two documents", "raw NUL",
    "not UTF-8 where it is read", "not UTF-8 where it is skipped", "lone surrogate", "nested too deeply",
    "deep and open", "two days ahead",
    "other network in the body", "no such day", "count beyond numbers",
}  # fmt: skip


@pytest.mark.skipif(not SCHEMA.is_file(), reason="schemas/activity.v1.schema.json is not there")
@pytest.mark.parametrize("name", sorted(POISON.keys() - BEYOND_SCHEMA))
def test_the_published_schema_refuses_what_is_refused_here(name: str) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))
    value = POISON[name][0] or b""

    assert not validator.is_valid(json.loads(value))


@pytest.mark.skipif(not SCHEMA.is_file(), reason="schemas/activity.v1.schema.json is not there")
@pytest.mark.parametrize("kind", Kind)
def test_the_published_schema_takes_what_is_taken_here(kind: Kind) -> None:
    validator = jsonschema.Draft202012Validator(json.loads(SCHEMA.read_text()))

    validator.validate(json.loads(activity(kind=kind)))
