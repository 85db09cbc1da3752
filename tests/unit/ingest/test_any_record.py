"""Whatever bytes a log holds: nothing raises, every record has one outcome, and its neighbours do not change it."""

from __future__ import annotations

import orjson
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.errors import Reject
from pipeline.ingest.decode import decode_batch
from pipeline.ingest.trust import Trust
from pipeline.ingest.watermark import Watermark
from tests.unit.ingest.records import NOON, RULES, activity, batch, changed

LARGEST = RULES.largest_record_bytes
Header = tuple[str, "bytes | None"]

leaves = st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=5)
anything: st.SearchStrategy[object] = st.recursive(
    leaves, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3)
)
fields = ["specversion", "id", "source", "type", "time", "data", "more"]
fields += [f"data__{name}" for name in ("network", "community", "actor", "count", "mentions", "timeprecision", "more")]


def with_values(changes: dict[str, object]) -> bytes:
    """An event with values of any type; what JSON cannot say is left out."""
    try:
        return changed(**changes)
    except (KeyError, TypeError, orjson.JSONEncodeError):
        return activity()


raw_values = [
    b"1e400", b"-1e400", b"1e-400", b"9" * 5000, b"-0", b"NaN", b"01", b"1.", b'"\\ud800"', b'"\\udc00\\ud800"',
    b'"\\u0000"', b'"\x00"', b'"\xff"', b'"\xed\xa0\x80"', b"[" * 3000, b"[" * 40 + b"]" * 40, b'{"a":1,"a":2}', b"{}",
    b'"2024-02-30T00:00:00Z"', b'"9999-12-31T23:59:59-23:59"', b'"0001-01-01T00:00:00+23:59"',
    b'"2016-12-31T23:59:60Z"',
]  # fmt: skip
names = [b"more", b"id", b"time", b"specversion", b"type", b"source", b"data", b"co\\u0075nt"]
again = st.builds(
    # A field once more, so that a key comes twice.
    lambda name, value: activity()[:-1] + b',"' + name + b'":' + value + b"}",
    st.sampled_from(names),
    st.sampled_from(raw_values),
)
inside = st.sampled_from(raw_values).map(lambda value: activity().replace(b'"actor":"ann"', b'"actor":' + value))
spliced = st.builds(
    lambda place, cut, bytes_: activity()[:place] + bytes_ + activity()[place + cut :],
    st.integers(0, len(activity())),
    st.integers(0, 20),
    st.binary(max_size=6),
)
values = st.one_of(
    st.none(),
    st.binary(max_size=40),
    anything.map(lambda value: repr(value).encode(errors="surrogatepass")),
    st.dictionaries(st.sampled_from(fields), anything, max_size=3).map(with_values),
    again,
    inside,
    spliced,
    st.just(activity()),
)
header_names = st.sampled_from(["ce_specversion", "ce_type", "ce_id", "ce_source", "ce_time", "ce_data", "ce_", "x"])
header_values = st.none() | st.binary(max_size=6) | st.sampled_from([b"1.0", b"esn.activity.post.v1", b"esn.clock.v1"])
headers = st.lists(st.tuples(header_names | st.text(max_size=4), header_values), max_size=6)
records = st.lists(st.tuples(values, headers), min_size=1, max_size=12)


@settings(max_examples=300, deadline=None)
@given(records=records, written=st.sampled_from([int(NOON * 1000), -1, 0]))
def test_every_record_has_one_outcome_and_none_raises(
    records: list[tuple[bytes | None, list[Header]]], written: int
) -> None:
    trust = Trust(RULES, lambda network, actor: f"{network}:{actor}")
    trust.start("esn", 3, 0, Watermark())
    each_headers = [own for _, own in records]
    found = trust.take(
        batch(
            [value for value, _ in records],
            headers=each_headers if any(each_headers) else None,  # type: ignore[arg-type]  # lists are invariant
            timestamp_ms=written,
        )
    )

    assert found is not None
    assert sum(found.outcomes.values()) == len(records)
    for letter in found.dead:
        assert letter.detail.isprintable()
        assert letter.value == records[letter.offset][0]
    for one in found.activities:
        f"{one[3:6]}".encode()


@settings(max_examples=300, deadline=None)
@given(value=values, poison=values)
@example(value=activity()[:-1] + b',"more":1e400}', poison=b"poison")
def test_neighbours_change_nothing(value: bytes | None, poison: bytes | None) -> None:
    def first(*together: bytes | None) -> object:
        event = next(iter(decode_batch(batch(together), LARGEST)))
        return (event.reason, event.detail) if isinstance(event, Reject) else event

    assert first(value) == first(value, poison) == first(value, activity(), b"poison")
