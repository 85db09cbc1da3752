from __future__ import annotations

import tempfile
from datetime import timedelta
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.errors import InputError, SettingsError
from pipeline.sources import ordering
from pipeline.sources.ordering import in_time_order, time_and_id
from tests.unit.sources.made_exports import START, an_activity

if TYPE_CHECKING:
    from collections.abc import Iterator

    from pipeline.model import Activity

UNSORTED = st.lists(
    st.builds(
        lambda number, seconds, actor: an_activity(number, time=START + timedelta(seconds=seconds), actor=actor),
        st.integers(0, 20),
        st.integers(-3, 3) | st.floats(-1e6, 1e6).map(lambda seconds: round(seconds, 3)),
        st.sampled_from(["u1", "u2", None]),
    ),
    max_size=60,
)


@given(activities=UNSORTED, run_activities=st.integers(1, 70))
def test_the_order_is_that_of_sorted_whatever_fits_in_memory(activities: list[Activity], run_activities: int) -> None:
    assert list(in_time_order(activities, run_activities)) == sorted(activities, key=time_and_id)


@given(activities=UNSORTED)
def test_the_order_holds_when_open_files_are_merged_on_the_way(activities: list[Activity]) -> None:
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(ordering, "MOST_RUNS", 3)
        assert list(in_time_order(activities, 2)) == sorted(activities, key=time_and_id)


def test_an_input_damaged_at_its_end_yields_nothing() -> None:
    def damaged() -> Iterator[Activity]:
        yield from (an_activity(number) for number in range(10))
        message = "cut in the middle"
        raise InputError(message)

    with pytest.raises(InputError):
        next(in_time_order(damaged(), 3))


def test_a_full_temporary_folder_is_told_as_that(monkeypatch: pytest.MonkeyPatch) -> None:
    # Nothing fits, and what the buffer holds is written once more when the file is closed.
    monkeypatch.setattr(tempfile, "TemporaryFile", lambda **_: Path("/dev/full").open("w+b"))  # noqa: SIM115 - closed there
    with pytest.raises(SettingsError, match="No room to sort"):
        list(in_time_order((an_activity(number) for number in range(100)), 10))
