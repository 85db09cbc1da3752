"""The published schemas say what the code does: same values, same decisions, and what Élan writes keeps to them."""

from __future__ import annotations

import asyncio
import json
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from jsonschema import Draft202012Validator

from pipeline.cloudevents import MOST_COUNT, ActivityData, Event, encode_activity, encode_clock
from pipeline.detection.verdict import Resolution
from pipeline.errors import Reject
from pipeline.ingest.checks import EventCheck
from pipeline.ingest.dead_letters import DeadLetter
from pipeline.ingest.decode import CLOCK, decode_batch
from pipeline.ingest.record_batch import RecordBatch
from pipeline.lab.replay_file import read_in_order, replay_file
from pipeline.lab.runs import Recorder
from pipeline.model import (
    LATEST_SECONDS,
    Activity,
    AlertKind,
    AlertState,
    AlertTransition,
    Kind,
    Phase,
    Reason,
    Severity,
    Stage,
    TimePrecision,
)
from pipeline.publish.alerts import encode_transition
from pipeline.settings import Settings
from pipeline.sources.registry import unusable
from pipeline.sources.report import ImportReport
from tests.contract.published import FAMILIES, examples, named_examples, schema, validator

if TYPE_CHECKING:
    from enum import Enum
    from pathlib import Path

UNKNOWN_RECORD_TIME_MS = -1
LARGEST_BYTES = 1_000_000


def kind_seen_by_ingest(example: Any) -> int | Reject:
    """What the ingest stage makes of an event: the place of its kind, CLOCK, or why it is refused."""
    batch = RecordBatch(
        topic="esn.activity.v1",
        partition=0,
        start_offset=0,
        next_offset=1,
        offsets=[0],
        keys=[None],
        values=[json.dumps(example).encode()],
        headers=None,
        timestamps_ms=[UNKNOWN_RECORD_TIME_MS],
        highwater=1,
    )
    (event,) = decode_batch(batch, LARGEST_BYTES)
    try:
        return EventCheck(0.0)(event, UNKNOWN_RECORD_TIME_MS)[0] if isinstance(event, Event) else event
    except Reject as reject:
        return reject


@pytest.mark.parametrize("family", FAMILIES)
def test_a_schema_is_one_and_has_examples_of_both_sides(family: str) -> None:
    Draft202012Validator.check_schema(schema(family))

    assert len(examples(family, "valid")) >= 5
    assert len(examples(family, "invalid")) >= 5


@pytest.mark.parametrize(("family", "name", "example"), named_examples("valid"))
def test_a_valid_example_is_valid(family: str, name: str, example: Any) -> None:
    assert [error.message for error in validator(family).iter_errors(example)] == [], name


@pytest.mark.parametrize(("family", "name", "example"), named_examples("invalid"))
def test_an_invalid_example_is_invalid(family: str, name: str, example: Any) -> None:
    assert not validator(family).is_valid(example), name


@pytest.mark.parametrize(("family", "name", "example"), named_examples("valid", ("activity", "clock")))
def test_ingest_takes_what_the_schema_takes(family: str, name: str, example: Any) -> None:
    kind = kind_seen_by_ingest(example)

    assert isinstance(kind, int), f"{name}: {kind}"
    assert (kind == CLOCK) == (family == "clock")


@pytest.mark.parametrize(("family", "name", "example"), named_examples("invalid", ("activity", "clock")))
def test_ingest_refuses_what_the_schema_refuses(family: str, name: str, example: Any) -> None:
    assert isinstance(kind_seen_by_ingest(example), Reject), f"{family}: {name}"


ABSENT = "(absent)"
NO_VALUES: tuple[Any, ...] = (ABSENT, None, True, [], ["x"], [0], {})
ODD_VALUES = (*NO_VALUES, 0, 1, -1, 1.5, MOST_COUNT, MOST_COUNT + 1, "", "x", "x" * 200, "x" * 201, "a\x7f")
FIELDS = [
    *[(field,) for field in ("specversion", "id", "source", "type", "time", "data", "subject", "dataschema", "other")],
    *[("data", field) for field in ActivityData.__struct_fields__],
]


@pytest.mark.parametrize("field", FIELDS, ids=".".join)
@pytest.mark.parametrize("name", ["comment-with-all-fields", "views-without-actor"])
def test_schema_and_ingest_decide_alike_whatever_a_field_holds(name: str, field: tuple[str, ...]) -> None:
    for odd in ODD_VALUES:
        event = examples("activity", "valid")[name]
        *way, last = field
        target = event[way[0]] if way else event
        if odd == ABSENT:
            target.pop(last, None)
        else:
            target[last] = odd
        # That the network is the one of `source` is beyond a schema.
        is_beyond = field == ("data", "network") and isinstance(odd, str) and odd != ABSENT
        decided_alike = isinstance(kind_seen_by_ingest(event), int) == validator("activity").is_valid(event)
        assert decided_alike or is_beyond, odd


def enum_at(family: str, *path: str) -> set[Any]:
    found = schema(family)
    for step in path:
        found = found[step]
    return set(found["enum"]) - {None}


@pytest.mark.parametrize(
    ("values", "path"),
    [
        (TimePrecision, ("activity", "$defs", "data", "properties", "timeprecision")),
        (AlertKind, ("alert", "properties", "alert")),
        (AlertState, ("alert", "properties", "state")),
        (Stage, ("alert", "properties", "stage")),
        (Severity, ("alert", "properties", "severity")),
        (Phase, ("alert", "properties", "phase")),
        (Resolution, ("alert", "properties", "reason")),
        (Reason, ("dead-letter", "properties", "elan-reason")),
    ],
)
def test_a_closed_set_is_the_same_in_schema_and_code(values: type[Enum], path: tuple[str, ...]) -> None:
    assert enum_at(*path) == {each.value for each in values}


def test_the_types_of_activities_are_the_kinds() -> None:
    assert enum_at("activity", "properties", "type") == {f"esn.activity.{kind.value}.v1" for kind in Kind}


def test_schemas_describe_every_field_of_the_code() -> None:
    assert set(schema("activity")["properties"]) == set(Event.__struct_fields__)
    assert set(schema("activity")["$defs"]["data"]["properties"]) == set(ActivityData.__struct_fields__)
    assert set(schema("clock")["properties"]) == set(Event.__struct_fields__)
    assert set(schema("alert")["properties"]) == set(AlertTransition.__struct_fields__)


NAMES = st.text(st.characters(exclude_categories=["Cs"]), min_size=1, max_size=200).filter(
    lambda text: not any(character < " " or character == "\x7f" for character in text)
)
WITHOUT_SLASH = NAMES.filter(lambda name: "/" not in name)
TEXTS = st.none() | st.text(st.characters(exclude_categories=["Cs"]), max_size=20)
ACTIVITIES = st.builds(
    Activity,
    id=NAMES,
    time=st.datetimes(datetime(1990, 1, 1), datetime(2148, 12, 31), timezones=st.just(timezone.utc)),  # noqa: DTZ001 - hypothesis wants naive limits
    kind=st.sampled_from(Kind),
    network=WITHOUT_SLASH,
    community=NAMES,
    actor=NAMES,
    platform=WITHOUT_SLASH,
    communityname=st.none() | NAMES,
    object=TEXTS,
    inreplyto=TEXTS,
    author=TEXTS,
    mentions=st.none() | st.lists(NAMES, max_size=3),
    department=TEXTS,
    line=TEXTS,
    timeprecision=st.sampled_from(TimePrecision),
    bot=st.booleans(),
    count=st.integers(1, MOST_COUNT),
)


@given(ACTIVITIES)
def test_every_activity_we_write_is_valid_and_taken(activity: Activity) -> None:
    event = json.loads(encode_activity(activity))

    validator("activity").validate(event)
    assert kind_seen_by_ingest(event) == list(Kind).index(activity.kind)


ODD_NAMES = st.sampled_from(["", "x" * 200, "x" * 201, "a\nb", "a/b", "a b", "\x7f"])
ODD_FIELDS: dict[str, st.SearchStrategy[Any]] = {
    "id": ODD_NAMES,
    "network": ODD_NAMES,
    "platform": ODD_NAMES,
    "community": ODD_NAMES,
    "actor": st.none() | ODD_NAMES,
    "communityname": st.none() | ODD_NAMES,
    "count": st.sampled_from([-1, 0, 1, MOST_COUNT, MOST_COUNT + 1]),
    "time": st.sampled_from([datetime(year, 1, 1, tzinfo=timezone.utc) for year in (1989, 1990, 2148, 2149)]),
}


@given(activity=ACTIVITIES, data=st.data())
def test_imports_refuse_what_workers_refuse_and_nothing_else(activity: Activity, data: st.DataObject) -> None:
    fields = data.draw(st.lists(st.sampled_from(sorted(ODD_FIELDS)), max_size=2, unique=True))
    odd = msgspec.structs.replace(activity, **{field: data.draw(ODD_FIELDS[field]) for field in fields})
    taken = isinstance(kind_seen_by_ingest(json.loads(encode_activity(odd))), int)
    assert (unusable(odd) is None) == taken


@given(st.floats(0, LATEST_SECONDS, exclude_max=True))
def test_every_clock_event_we_write_is_valid_and_taken(unix_seconds: float) -> None:
    event = json.loads(encode_clock(unix_seconds))

    validator("clock").validate(event)
    assert kind_seen_by_ingest(event) == CLOCK


@pytest.mark.parametrize("reason", Reason)
@pytest.mark.parametrize("value", [None, b"\xff"])
def test_the_headers_of_every_dead_letter_are_valid(reason: Reason, value: bytes | None) -> None:
    letter = DeadLetter(reason, "what is wrong", "esn.activity.v1", 3, 18_201, b"acme/wine", value, (("trace", None),))

    headers = {name: None if text is None else text.decode() for name, text in letter.kafka_headers()}

    validator("dead-letter").validate(headers)
    assert ("elan-value-null" in headers) == (value is None)


def test_every_alert_step_of_a_real_archive_is_valid(data_folder: Path) -> None:
    archive = data_folder / "ncar.jsonl.gz"
    if not archive.is_file():
        pytest.skip("the archive ncar.jsonl.gz is not in ../shared/data")

    async def run() -> list[AlertTransition]:
        activities = read_in_order(archive, "jsonl", None, ImportReport())
        return [step async for step in replay_file(activities, Settings(), Recorder([]))]

    steps = [json.loads(encode_transition(step)) for step in asyncio.run(run())]
    alert = validator("alert")

    assert [error.message for step in steps for error in alert.iter_errors(step)] == []
    assert {step["state"] for step in steps} == {state.value for state in AlertState}
