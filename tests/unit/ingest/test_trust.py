from __future__ import annotations

from itertools import pairwise
from typing import TYPE_CHECKING

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.cloudevents import encode_clock
from pipeline.ingest.trust import Trust
from pipeline.ingest.watermark import Watermark
from pipeline.model import Details, Kind, Outcome, Reason, TimePrecision, TrustedActivity
from tests.unit.ingest.records import DAY, HOUR, NOON, RULES, activity, batch, changed

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.ingest.dead_letters import DeadLetter

Record = bytes | None


def pseudonym(network: str, actor: str) -> str:
    return f"{network}:{actor}".upper()


def started(fence: int = 0, watermark: Watermark = Watermark(), horizon: int = 1000) -> Trust:  # noqa: B008 - frozen
    trust = Trust(msgspec.structs.replace(RULES, duplicate_horizon_records=horizon), pseudonym)
    trust.start("esn", 3, fence, watermark)
    return trust


def outcomes(*records: Record) -> dict[str, int]:
    """Outcome -> how many, without the zeros."""
    found = started().take(batch(records))
    assert found is not None
    assert sum(found.outcomes.values()) == len(records)
    return {outcome.value: number for outcome, number in found.outcomes.items() if number}


def test_an_activity_leaves_with_a_pseudonym_for_its_actor() -> None:
    like = changed(
        type="esn.activity.reaction.v1", data__bot=True, data__count=2, data__communityname="Wine",
        data__timeprecision=TimePrecision.OF_OBJECT.value,
    )  # fmt: skip
    found = started().take(batch([like]))

    assert found is not None
    kind = list(Kind).index(Kind.REACTION)
    details = Details(bot=True, count=2, of_object=True, communityname="Wine")
    assert found.activities == [(0, NOON, kind, "acme", "wine", "ACME:ANN", details)]


def test_line_and_department_travel_with_the_activity_where_they_are_said() -> None:
    found = started().take(batch([changed(data__line="practice", data__department="Ventes"), activity("m2")]))

    assert found is not None
    assert [details for *_, details in found.activities] == [Details(line="practice", department="Ventes"), None]


def test_an_anonymous_view_has_no_member() -> None:
    found = started().take(batch([activity(kind=Kind.VIEW, actor=None)]))

    assert found is not None
    assert found.activities[0][5] is None


def test_outcomes_add_up_to_the_records_read() -> None:
    # 12:00 clock .... 10:00 post (late) .... 12:00 post twice .... poison .... two years ago
    assert outcomes(
        encode_clock(NOON),
        activity("old", NOON - 2 * HOUR),
        activity("new"),
        activity("new"),
        b"poison",
        activity("ancient", NOON - 730 * DAY),
    ) == {"clock": 1, "late": 1, "counted": 1, "duplicate": 1, "dead_letter": 2}


def test_lateness_is_decided_at_a_records_place_in_the_log() -> None:
    # 09:59 post .... 12:00 clock .... 10:59 post: only what follows the clock is late
    early, late = activity("early", NOON - 2 * HOUR - 60), activity("late", NOON - HOUR - 60)
    assert outcomes(early, encode_clock(NOON), late) == {"counted": 1, "clock": 1, "late": 1}


def test_an_activity_at_the_watermark_is_not_late() -> None:
    assert outcomes(encode_clock(NOON), activity("edge", NOON - HOUR)) == {"clock": 1, "counted": 1}


def test_a_clock_event_of_the_future_moves_nothing() -> None:
    found = started().take(batch([encode_clock(NOON + 30 * DAY), activity()]))

    assert found is not None
    assert found.watermark == Watermark(None, NOON)
    assert [letter.reason for letter in found.dead] == [Reason.IN_FUTURE]


def test_a_dead_letter_keeps_the_record_as_it_came() -> None:
    headers = [("traceparent", b"00"), ("empty", None)]
    found = started(fence=7).take(batch([b"\x00poison", None], start=7, headers=[headers, []]))

    assert found is not None
    first, second = found.dead
    assert (first.value, first.key, first.headers, first.offset) == (b"\x00poison", b"acme/wine", tuple(headers), 7)
    assert (second.value, second.reason, second.topic, second.partition) == (None, Reason.EMPTY, "esn", 3)


def test_what_lies_below_the_fence_only_fills_the_memory() -> None:
    # offsets  0 a .. 1 poison .. 2 clock | fence 3 .. 3 a again .. 4 b
    trust = started(fence=3, watermark=Watermark(NOON))
    records = [activity("a"), b"poison", encode_clock(NOON + HOUR), activity("a"), activity("b")]
    found = trust.take(batch(records))

    assert found is not None
    assert (found.first_offset, found.next_offset) == (3, 5)
    assert [activity[0] for activity in found.activities] == [4]
    assert (found.dead, found.outcomes[Outcome.DUPLICATE], found.watermark) == ([], 1, Watermark(NOON))


def test_a_batch_below_the_fence_is_no_work() -> None:
    assert started(fence=2).take(batch([activity("a"), activity("b")])) is None


def test_starting_again_forgets_the_ids() -> None:
    # Read again after a rewind, what was not counted must not be taken for a duplicate.
    trust = started()
    trust.take(batch([activity("a")]))
    trust.start("esn", 3, 0, Watermark())
    found = trust.take(batch([activity("a")]))

    assert found is not None
    assert found.outcomes[Outcome.COUNTED] == 1


def test_the_activities_between_two_offsets_are_what_a_fence_or_the_horizon_leaves() -> None:
    found = started().take(batch([activity("a"), activity("b"), activity("c")]))

    assert found is not None
    assert [activity[0] for activity in found.activities_between(1, 3)] == [1, 2]
    assert [activity[0] for activity in found.activities_between(1, 2)] == [1]
    assert found.activities_between(0, 3) == found.activities


record = st.one_of(
    st.builds(activity, st.sampled_from("abcdefgh"), st.integers(-30, 3).map(lambda hours: NOON + hours * HOUR)),
    st.integers(-30, 40).map(lambda hours: encode_clock(NOON + hours * HOUR)),
    st.sampled_from([b"poison", b"", None, activity("ancient", NOON - 900 * DAY), changed(data__count=0)]),
)
Verdict = tuple[list[TrustedActivity], list["DeadLetter"], dict[Outcome, int], Watermark]


def judged(trust: Trust, log: Sequence[Record], cuts: set[int], begin: int, fence: int) -> Verdict:
    """What a log gives from a fence on when it is read from `begin` and cut at `cuts`."""
    edges = sorted({begin, *(cut for cut in cuts if begin < cut < len(log)), len(log)})
    activities, dead = [], []
    total = dict.fromkeys(Outcome, 0)
    watermark = Watermark()
    for first, end in pairwise(edges):
        found = trust.take(batch(log[first:end], start=first))
        if found is not None:
            activities += found.activities
            dead += found.dead
            total = {outcome: total[outcome] + number for outcome, number in found.outcomes.items()}
            watermark = found.watermark
    return [activity for activity in activities if activity[0] >= fence], dead, total, watermark


@given(log=st.lists(record, min_size=1, max_size=40), cuts=st.sets(st.integers(1, 39)))
def test_the_result_does_not_depend_on_how_the_log_is_cut(log: list[Record], cuts: set[int]) -> None:
    assert judged(started(horizon=10), log, cuts, 0, 0) == judged(started(horizon=10), log, set(), 0, 0)


@given(log=st.lists(record, min_size=2, max_size=40), cuts=st.sets(st.integers(1, 39)), share=st.floats(0, 0.99))
def test_the_result_does_not_depend_on_a_restart(log: list[Record], cuts: set[int], share: float) -> None:
    fence = int(share * len(log))
    before = started(horizon=10)
    kept = judged(before, log[:fence], cuts, 0, 0)[3] if fence else Watermark()
    undisturbed = judged(before, log, cuts, fence, fence)

    after = started(horizon=10)
    begin = after.start("esn", 3, fence, kept)

    assert judged(after, log, cuts, begin, fence) == undisturbed


def test_neither_a_clock_event_nor_an_activity_moves_time_beyond_when_it_was_written() -> None:
    # 12:00 written: clock of 22:00 .... post of 20:00 .... post of 12:00, which is not late
    ahead = started()
    found = ahead.take(batch([encode_clock(NOON + 10 * HOUR), activity("far", NOON + 8 * HOUR), activity("now")]))

    assert found is not None
    assert found.watermark.seconds(HOUR) == NOON - HOUR
    assert [told.seconds for told in found.clocks] == [NOON]
    assert (found.outcomes[Outcome.COUNTED], found.outcomes[Outcome.LATE]) == (2, 0)

    alone = started().take(batch([activity("far", NOON + 8 * HOUR)]))
    assert alone is not None
    assert alone.watermark.seconds(HOUR) == NOON - HOUR


def test_time_moves_as_told_where_kafka_does_not_say_when_a_record_was_written() -> None:
    found = started().take(batch([encode_clock(NOON + 10 * HOUR)], timestamp_ms=-1))

    assert found is not None
    assert found.watermark.clock_seconds == NOON + 10 * HOUR
