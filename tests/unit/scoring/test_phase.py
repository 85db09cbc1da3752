from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace as replaced

from pipeline.history import HISTORY_DAYS
from pipeline.model import Phase
from pipeline.packing import Unpacker, pack
from pipeline.scoring.phase import CODE, NONE, PHASES, PhaseStates, phases
from tests.unit.histories import plain_history

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.history import History

unpack = Unpacker(PhaseStates)


def judge(rows: list[list[tuple[int, int]]]) -> list[list[Phase]]:
    """Phases (days, C) of communities drawn as (weeks, participants of 7 days), judged every day of their life."""
    series = np.stack([np.concatenate([np.full(7 * count, level) for count, level in row]) for row in rows])
    padded = np.pad(series, ((0, 0), (HISTORY_DAYS - 1, 0)))
    states = PhaseStates.at_first(len(rows))
    found = []
    for day in range(series.shape[1]):
        after, _ = phases(_born_at_zero(padded[:, day : day + HISTORY_DAYS], day), states)
        states = unpack(pack(after))
        found.append([PHASES[code] for code in after.phase])
    return found


def _born_at_zero(series: NDArray[np.int64], day: int) -> History:
    return replace(plain_history(series, day), first_days=np.zeros(len(series), dtype=np.int64))


def course(*drawn: tuple[int, int]) -> list[Phase]:
    """The phases a single community goes through, each once in its order."""
    days = [seen[0] for seen in judge([list(drawn)])]
    return [phase for place, phase in enumerate(days) if place == 0 or days[place - 1] is not phase]


def test_the_curve_of_enthusiasm_disinterest_and_rebound_is_recognised() -> None:
    # curiosity 8 weeks | plateau | decline | trough ......... | rebound
    found = course((14, 30), (12, 8), (10, 28))
    assert found == [Phase.CURIOSITY, Phase.PLATEAU, Phase.DECLINE, Phase.TROUGH, Phase.REBOUND]


def test_a_steady_community_is_on_a_plateau() -> None:
    assert course((40, 12)) == [Phase.CURIOSITY, Phase.PLATEAU]


def test_a_level_that_stands_out_of_the_year_is_a_peak() -> None:
    assert course((20, 10), (6, 30)) == [Phase.CURIOSITY, Phase.PLATEAU, Phase.PEAK]


def test_a_peak_is_kept_until_its_level_is_a_fifth_lower() -> None:
    #                    peak    │ 0.87 of it: above 0.8, below the 0.9 that make a peak │ 0.73 of it
    assert course((20, 10), (6, 30), (8, 26))[-1] is Phase.PEAK
    assert course((20, 10), (6, 30), (8, 22))[-1] is not Phase.PEAK


def test_a_peak_that_most_of_a_year_is_like_is_a_plateau() -> None:
    assert course((20, 10), (6, 30), (40, 26))[-1] is Phase.PLATEAU


def test_a_community_without_anybody_falls_dormant_and_wakes_with_a_rebound() -> None:
    found = course((14, 20), (14, 0), (8, 20))
    assert found.index(Phase.DORMANT) > found.index(Phase.DECLINE)
    assert found[-1] is Phase.REBOUND


def test_after_two_years_at_a_lower_level_the_old_peak_is_forgotten() -> None:
    assert course((14, 30), (104, 12))[-1] is Phase.PLATEAU


def test_a_single_week_of_feast_changes_no_phase() -> None:
    assert course((20, 12), (1, 16), (10, 12)) == [Phase.CURIOSITY, Phase.PLATEAU]


def test_a_boundary_on_which_nothing_is_known_of_anybody_changes_no_phase_but_gives_a_first_one() -> None:
    # a community that has been without anybody for 12 weeks, and one that nobody has judged yet
    levels = np.stack([np.concatenate([np.full(HISTORY_DAYS - 84, 20), np.zeros(84, dtype=np.int64)])] * 2)
    plateau, knocking = CODE[Phase.PLATEAU], CODE[Phase.DORMANT]
    at_first = PhaseStates.at_first(2)
    before = replaced(
        at_first, phase=np.array([plateau, NONE]), next=np.array([knocking, NONE]), days=np.array([13, 0])
    )
    held, told_then = phases(plain_history(levels), before, held=True)
    assert [PHASES[code] for code in held.phase] == [Phase.PLATEAU, Phase.DORMANT]
    assert (held.days[0], told_then) == (13, [])
    _, told_later = phases(plain_history(levels), before)
    assert [turn.phase for turn in told_later] == [Phase.DORMANT]


@given(levels=st.lists(st.integers(0, 60), min_size=4, max_size=8))
@settings(max_examples=10)
def test_communities_do_not_influence_each_other(levels: list[int]) -> None:
    row = [(6, level) for level in levels]
    other = [(6, 30) for _ in levels]
    together, alone = judge([other, row, other]), judge([row])
    assert [seen[1] for seen in together] == [seen[0] for seen in alone]
