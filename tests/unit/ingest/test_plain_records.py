"""The loop that decides plain records at once says of every log what deciding each record by itself says."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import pytest
from hypothesis import example, given, settings
from hypothesis import strategies as st

from pipeline.cloudevents import encode_clock
from pipeline.ingest.known_names import KnownNames
from pipeline.ingest.trust import Trust
from pipeline.ingest.watermark import Watermark
from pipeline.model import Kind, Outcome
from tests.unit.ingest.records import DAY, HOUR, NOON, RULES, activity, batch, changed

if TYPE_CHECKING:
    from pipeline.ingest.record_batch import RecordBatch
    from pipeline.ingest.trusted import TrustedBatch


class _Blind(dict[str, Any]):
    """Knows nothing when asked, so that no record is plain."""

    def get(self, _key: object, default: object = None) -> Any:
        return default


def trust_from(fence: int, watermark: Watermark, *, plain: bool) -> Trust:
    rules = msgspec.structs.replace(RULES, duplicate_horizon_records=16)
    trust = Trust(rules, lambda network, actor: f"{network}:{actor}".upper())
    if not plain:
        trust._known.sources = _Blind()
    # Otherwise hardly a record of a short log would be plain.
    trust.start("esn", 3, 0, watermark)
    trust.take(batch([activity("first"), activity("second", actor="bob", community="beer")]))
    trust.start("esn", 3, fence, watermark)
    return trust


odd_changes: list[dict[str, object]] = [
    {"data__communityname": "Wine"},
    {"data__communityname": "a\nb"},
    {"data__communityname": "no\u00a0break"},
    {"data__community": "wine\x00"},
    {"data__community": ""},
    {"data__actor": "w" * 201},
    {"data__actor": None},
    {"data__network": "other"},
    {"source": "/esn/slack/other"},
    {"source": "/esn/slack/other", "data__network": "other"},
    {"source": "nowhere"},
    {"data__network": ""},
    {"source": "nowhere", "data__network": ""},
    {"source": "/esn/slack/other", "data__network": ""},
    {"specversion": "0.3"},
    {"type": "esn.activity.view.v1", "data__actor": None},
    {"type": "esn.activity.none.v1"},
    {"type": "esn.clock.v1"},
    {"data": None},
    {"time": "2026-02-25T13:00:00+01:00"},
    {"time": "2026-02-25T12:00:00"},
    {"time": "1989-12-31T23:59:59Z"},
    {"time": "2149-01-01T00:00:00Z"},
    {"time": "0001-01-01T00:00:00+14:00"},
    {"id": "a\tb"},
    {"id": ""},
    {"id": "i" * 201},
    {"data__count": 0},
    {"data__count": 7, "data__bot": True, "data__timeprecision": "of_object"},
    {"data__line": "practice", "data__department": "Ventes"},
]
ids = st.integers(0, 12).map(str)
times = st.sampled_from([-900 * 24, -400 * 24, -30, -2, -1, 0, 0, 0, 0, 1, 24, 25]).map(
    lambda hours: NOON + hours * HOUR
)
odd = st.sampled_from(odd_changes).flatmap(lambda changes: ids.map(lambda name: changed(**{"id": name, **changes})))
record = st.one_of(
    st.builds(
        activity,
        ids,
        times,
        st.sampled_from(Kind),
        st.sampled_from(["ann", "bob", "cid"]),
        st.sampled_from(["wine", "beer", "tea"]),
    ),
    odd,
    times.map(encode_clock),
    st.sampled_from([None, b"", b"poison"]),
)
logs = st.lists(record, min_size=1, max_size=30)


def verdicts(trust: Trust, batches: list[RecordBatch]) -> list[TrustedBatch | None]:
    return [trust.take(one) for one in batches]


@settings(max_examples=300)
@given(
    log=logs,
    cut=st.integers(0, 30),
    fence=st.just(0) | st.integers(0, 20),
    clock_hours=st.sampled_from([None, 0, 0, 1, -1, -30, -400 * 24, -21_000 * 24]),
    written=st.sampled_from([int(NOON * 1000), int(NOON * 1000), -1, 0, 250_000_000_000_000]),
)
@example(log=[changed(time="1989-12-31T23:59:59Z")], cut=0, fence=0, clock_hours=-21_000 * 24, written=-1)
def test_plain_records_are_decided_as_all_others(
    log: list[bytes | None], cut: int, fence: int, clock_hours: int | None, written: int
) -> None:
    before = Watermark(None if clock_hours is None else NOON + clock_hours * HOUR)
    batches = [batch(log[:cut], timestamp_ms=written), batch(log[cut:], start=len(log[:cut]), timestamp_ms=written)]
    quick, careful = trust_from(fence, before, plain=True), trust_from(fence, before, plain=False)

    assert verdicts(quick, batches) == verdicts(careful, batches)


def test_a_record_without_a_network_teaches_nothing_of_its_source() -> None:
    trust = trust_from(0, Watermark(NOON), plain=True)
    source = "/esn/slack/other"
    log = [changed(id="7", source=source, data__network=""), changed(id="8", source=source, data__network="other")]
    found = trust.take(batch(log))
    assert found is not None
    assert [letter.offset for letter in found.dead] == [0]
    assert [(a[3], a[5]) for a in found.activities] == [("other", "OTHER:ANN")]


def test_what_comes_from_a_known_source_is_decided_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    trust = trust_from(0, Watermark(NOON), plain=True)

    def refuse(*_: object) -> None:
        pytest.fail("a plain record was looked at by itself")

    monkeypatch.setattr(trust, "_take_one", refuse)
    new = activity("e", actor="cid", community="tea")
    found = trust.take(batch([activity("c", community="beer"), activity("d", actor="bob"), new]))

    assert found is not None
    assert found.outcomes[Outcome.COUNTED] == 3
    assert [(offset, community, member) for offset, _, _, _, community, member, _ in found.activities] == [
        (0, "beer", "ACME:ANN"),
        (1, "wine", "ACME:BOB"),
        (2, "tea", "ACME:CID"),
    ]


def test_a_record_of_the_future_is_not_plain() -> None:
    trust = trust_from(0, Watermark(NOON), plain=True)
    found = trust.take(batch([activity("b", NOON + DAY), activity("c", NOON + DAY + 1)]))

    assert found is not None
    assert [letter.offset for letter in found.dead] == [1]


def test_names_are_forgotten_before_they_fill_the_memory() -> None:
    known = KnownNames(lambda _, actor: actor.upper(), most_remembered=10)
    for number in range(100):
        assert known.member("/esn/slack/acme", "acme", f"u{number}") == f"U{number}"
        assert known.name("/esn/slack/acme", "acme", f"c{number}") == f"c{number}"
        assert sum(len(one.members) + len(one.names) for one in known.sources.values()) <= 10
