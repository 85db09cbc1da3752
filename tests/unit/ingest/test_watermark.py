from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st

from pipeline.ingest.watermark import Watermark
from tests.unit.ingest.records import HOUR, NOON


def test_nothing_is_known_before_the_first_record() -> None:
    assert Watermark().seconds(HOUR) is None


def test_activities_stand_in_until_the_first_clock_event() -> None:
    # 12:00 post .... 13:00 post
    mark = Watermark().after_activity(NOON).after_activity(NOON + HOUR).after_activity(NOON)
    assert mark.seconds(HOUR) == NOON


def test_an_activity_after_the_newest_clock_event_does_not_push() -> None:
    # 12:00 clock .... 20:00 post of a wrong clock
    mark = Watermark().after_clock(NOON).after_activity(NOON + 8 * HOUR)
    assert mark.seconds(HOUR) == NOON - HOUR


def test_a_first_clock_event_behind_the_activities_does_not_turn_time_back() -> None:
    # 13:00 post .... 12:00 clock .... 14:00 clock
    mark = Watermark().after_activity(NOON + HOUR).after_clock(NOON)
    assert mark.seconds(HOUR) == NOON
    assert mark.after_clock(NOON + 2 * HOUR).seconds(HOUR) == NOON + HOUR


@given(st.lists(st.tuples(st.booleans(), st.floats(0, 4e9)), min_size=1))
def test_it_never_goes_back(steps: list[tuple[bool, float]]) -> None:
    mark = Watermark()
    for is_clock, seconds in steps:
        before = mark.seconds(HOUR)
        mark = mark.after_clock(seconds) if is_clock else mark.after_activity(seconds)
        after = mark.seconds(HOUR)
        assert after is not None
        assert before is None or after >= before
