"""The figures of the latency bench: which record was seen when, and the quantiles of the waits."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.errors import ServerError
from pipeline.lab.latency_bench import Arrivals, figures
from pipeline.windows.redis_progress import Standing


def standing(offset: int) -> Standing:
    return Standing(offset, None, None, None)


def test_a_record_has_arrived_once_the_standing_is_beyond_it() -> None:
    arrivals = Arrivals()
    for moment in (1.0, 2.0, 3.0):
        arrivals.sent(4, moment)
    arrivals.look({"t:4": standing(2)}, 5.0)
    assert arrivals.waits == [(1.0, 4.0), (2.0, 3.0)]
    assert arrivals.missing == 1
    arrivals.look({"t:4": standing(2)}, 6.0)
    arrivals.look({"t:4": standing(3)}, 7.0)
    assert arrivals.waits[2:] == [(3.0, 4.0)]
    assert arrivals.missing == 0


def test_none_is_missing_where_earlier_waits_are_left_out() -> None:
    arrivals = Arrivals()
    arrivals.sent(0, 1.0)
    arrivals.look({"t:0": standing(1)}, 2.0)
    arrivals.waits.clear()
    assert arrivals.missing == 0


def test_a_standing_beyond_what_was_sent_is_a_failure() -> None:
    with pytest.raises(ServerError, match="Partition 0 was counted up to 1, beyond its end"):
        Arrivals().look({"t:0": standing(1)}, 1.0)


def test_quantiles_are_those_of_the_records_after_the_warm_up() -> None:
    warm_up = [(n / 100, 9.0) for n in range(100)]
    measured = [(1.0 + n / 100, (n + 1) / 1000) for n in range(100)]
    found = figures(warm_up + measured, 1.0)
    assert (found.p50_ms, found.p99_ms, found.max_ms) == (50.0, 99.0, 100.0)
    assert found.events == 100
    assert found.events_per_second == 100.0
    keys = {"p50_ms", "p99_ms", "max_ms", "events", "events_per_second"}
    assert set(msgspec.json.decode(msgspec.json.encode(found))) == keys
