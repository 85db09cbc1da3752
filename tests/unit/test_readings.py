"""Readings of many communities, column by column: packed, taken apart, and read one by one."""

from __future__ import annotations

import msgspec
import numpy as np

from pipeline.history import WINDOW_DAYS, Reading
from pipeline.readings import Labels, ReadingColumns, decode_readings, encode_readings

COLUMNS = ReadingColumns(
    boundary_day=20_000,
    communities=["a", "b"],
    names=[None, "Beekeepers"],
    lines=["practice", None],
    verdicts=Labels(("learning", "holding"), np.array([0, 1])),
    phases=Labels(("peak", "trough"), np.array([1, 0])),
    alert_stages=Labels((None, "watch"), np.array([1, 0])),
    momentum_ratios=np.array([np.nan, 0.5]),
    indices=np.array([[3.0, 2.0, 1.0], [6.0, 5.0, 4.0]]),
    age_days=np.array([10, 70_000]),
    active_members=np.array([[1, 2, 3, 4], [5, 6, 7, 300]]),
    weekly_active_members=np.array([[0, 1], [2, 3]]),
    weekly_participants=np.array([1, 5_000_000_000]),
    activities_28_days=np.array([7, 8]),
    baselines=np.array([np.nan, 2.675]),
    engagement_percentiles=np.array([50.5, np.nan]),
    early_recoveries=np.array([0, 2]),
)
B = Reading(
    community="b",
    boundary_day=20_000,
    verdict="holding",
    phase="peak",
    momentum_ratio=0.5,
    engagement_index=6.0,
    conversational_index=5.0,
    relational_index=4.0,
    age_days=70_000,
    active_members=dict(zip((f"{days}d" for days in WINDOW_DAYS), (5, 6, 7, 300), strict=True)),
    weekly_active_members=[2, 3],
    weekly_participants=5_000_000_000,
    activities_28_days=8,
    baseline_weekly_participants=2.67,
    engagement_percentile=None,
    name="Beekeepers",
    line=None,
    alert_stage=None,
    early_recoveries=2,
)


def test_each_value_comes_back_in_its_own_field_with_none_where_nothing_is_known() -> None:
    a, b = decode_readings(encode_readings(COLUMNS)).readings()
    assert b == B
    assert (a.momentum_ratio, a.baseline_weekly_participants, a.alert_stage, a.name) == (None, None, "watch", None)


def test_some_of_them_are_the_same_as_before() -> None:
    rows = np.array([1])
    assert decode_readings(encode_readings(COLUMNS.take(rows))).readings() == [B]


def test_every_value_is_of_the_type_its_field_asks_for() -> None:
    (first, _) = COLUMNS.readings()
    assert msgspec.convert(msgspec.to_builtins(first), Reading, strict=True) == first


def test_nobody_at_all_can_be_packed() -> None:
    nobody = COLUMNS.take(np.array([], dtype=np.int64))
    assert decode_readings(encode_readings(nobody)).readings() == []
