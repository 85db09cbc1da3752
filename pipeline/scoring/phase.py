"""Which part of its curve each community is at, from its level over the last year; slow to change its mind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.model import Phase

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.history import History

WEEK_DAYS = 7
SMOOTHING_WEEKS = 6
CURIOSITY_WEEKS = 8
"""The first trough comes in month 2 to 5 (docs/measures.md); before that a level has nothing to be compared with."""
DORMANT_WEEKS = 8
TREND_WEEKS = 8
FALLING = 0.8
"""Below this share of the level 8 weeks ago a community is still falling, where chance does not explain it."""
FALLING_SCORE = 2.0
"""Difference in standard deviations of counts (Anscombe) that chance hardly makes."""
TROUGH = 0.5
BACK = 0.75
"""A trough is half of the peak; three quarters of the peak end it."""
PEAK = 0.9
PEAK_KEPT = 0.8
OUTSTANDING = 1.25
"""A peak stands out from the median of the year by this much; otherwise a high level is a plateau."""
REBOUND_DAYS = 56
TROUGH_DAYS = 540
"""The peak before a trough is remembered for so long; a level that holds for longer is the community's own plateau."""
KEPT = frozenset({"phase", "since", "peak", "trough_since"})
DAYS_TO_CHANGE = 14
PHASES = tuple(Phase)
CODE = {phase: code for code, phase in enumerate(PHASES)}
_CODE_OF_NAME = {phase.value: code for phase, code in CODE.items()}

PhaseState = dict[str, Any]
"""`phase` and `since` (day); of a trough its first day and the `peak` before it; and while another phase knocks, `next`
and for how many `days` in a row. JSON values; {} at first."""


@dataclass(frozen=True, slots=True)
class Curve:
    """Smoothed weekly participants of C communities over a year, each (C,)."""

    now: NDArray[np.float64]
    before: NDArray[np.float64]
    """The level 8 weeks ago."""
    peak: NDArray[np.float64]
    low: NDArray[np.float64]
    """The lowest level since the peak."""
    median: NDArray[np.float64]
    weeks: NDArray[np.int64]
    """Age in whole weeks, at most the length of the history."""
    quiet: NDArray[np.bool_]
    """Nobody took part in the last 8 weeks."""


@dataclass(frozen=True, slots=True)
class Turn:
    """A community has taken another phase: it had shown since `since_day`; `peak` is in participants a week."""

    place: int
    before: Phase
    phase: Phase
    since_day: int
    peak: float


def phases(history: History, states: list[PhaseState]) -> tuple[list[Phase], list[PhaseState], list[Turn]]:
    """The phase of each community, the states to hand back at the next boundary, and who has taken another phase.

    The first two are in the order of the history. A new phase is taken once it has shown on 14 boundaries in a row.
    """
    present = np.array([_CODE_OF_NAME[state["phase"]] if state else -1 for state in states], dtype=np.int64)
    since = np.array([state.get("since", history.boundary_day) for state in states], dtype=np.int64)
    curve, held_days = _curve(history), history.boundary_day - since
    trough_since = np.array([state.get("trough_since", -TROUGH_DAYS) for state in states], dtype=np.int64)
    followed = history.boundary_day - trough_since < TROUGH_DAYS
    remembered = np.array([state.get("peak", 0.0) for state in states], dtype=np.float64)
    curve = replace(curve, peak=np.where(followed, np.maximum(curve.peak, remembered), curve.peak))
    seen = _classify(curve, present, held_days, followed)
    after, turns = list(states), []
    for place in np.flatnonzero((seen != present) | np.array(["next" in state for state in states], dtype=np.bool_)):
        before = states[place]
        after[place] = _change(before, PHASES[seen[place]], history.boundary_day, float(curve.peak[place]))
        if before and after[place]["phase"] != before["phase"]:
            turns.append(_turn(int(place), before, after[place], float(curve.peak[place])))
    return [PHASES[_CODE_OF_NAME[state["phase"]]] for state in after], after, turns


def _turn(place: int, before: PhaseState, after: PhaseState, peak: float) -> Turn:
    since_day = after["since"] - DAYS_TO_CHANGE + 1
    return Turn(place, Phase(before["phase"]), Phase(after["phase"]), since_day, round(peak, 2))


def _curve(history: History) -> Curve:
    weekly = history.participants_7_days[:, ::-WEEK_DAYS].astype(np.float64)
    columns = weekly.shape[1] - SMOOTHING_WEEKS + 1
    smooth = np.zeros((len(weekly), columns))
    for week in range(SMOOTHING_WEEKS):
        smooth += weekly[:, week : week + columns]
    smooth /= SMOOTHING_WEEKS
    age = (history.boundary_day - history.first_days + 1) // WEEK_DAYS
    alive = np.arange(columns)[None, :] < np.clip(age - SMOOTHING_WEEKS + 1, 1, columns)[:, None]
    known = np.where(alive, smooth, -1.0)
    # Of equal peaks the oldest: a community that is back where it was has been through the trough in between.
    oldest_peak = columns - 1 - known[:, ::-1].argmax(axis=1)
    since_peak = np.arange(columns)[None, :] <= oldest_peak[:, None]
    return Curve(
        now=smooth[:, 0],
        before=smooth[:, TREND_WEEKS],
        peak=known.max(axis=1),
        low=np.where(since_peak, smooth, np.inf).min(axis=1),
        median=_median(smooth, alive),
        weeks=np.clip(age, 0, weekly.shape[1]),
        quiet=(weekly[:, :DORMANT_WEEKS] == 0).all(axis=1),
    )


def _median(levels: NDArray[np.float64], known: NDArray[np.bool_]) -> NDArray[np.float64]:
    """Median of the known levels of each row, of which there is at least one; `nanmedian` takes five times as long."""
    rows = np.sort(np.where(known, levels, np.inf), axis=1)
    count, place = known.sum(axis=1), np.arange(len(rows))
    median: NDArray[np.float64] = (rows[place, (count - 1) // 2] + rows[place, count // 2]) / 2.0
    return median


def _classify(
    curve: Curve, present: NDArray[np.int64], held_days: NDArray[np.int64], followed: NDArray[np.bool_]
) -> NDArray[np.int64]:
    """The phase each community shows today, given the one it is in and for how long; the first that fits.

    `followed` are those in a trough, or falling further in it, whose peak is still remembered.
    """
    ratio = curve.now / np.maximum(curve.peak, 1e-12)
    was = {phase: present == CODE[phase] for phase in PHASES}
    falling = (curve.now < FALLING * curve.before) & (ratio < BACK) & (_fall(curve) > FALLING_SCORE)
    low = (ratio <= TROUGH) | ((was[Phase.TROUGH] | followed) & (ratio < BACK))
    fresh_rebound = was[Phase.REBOUND] & (held_days < REBOUND_DAYS) & (ratio >= BACK)
    back = (curve.low <= TROUGH * curve.peak) & (ratio >= BACK)
    high = (ratio >= PEAK) | (was[Phase.PEAK] & (ratio >= PEAK_KEPT))
    conditions = (
        (curve.weeks < CURIOSITY_WEEKS, Phase.CURIOSITY),
        (curve.quiet, Phase.DORMANT),
        (falling, Phase.DECLINE),
        (low, Phase.TROUGH),
        (back | fresh_rebound | ((was[Phase.DORMANT] | followed) & ~low), Phase.REBOUND),
        (high & (curve.now >= OUTSTANDING * curve.median), Phase.PEAK),
    )
    return np.select(
        [condition for condition, _ in conditions],
        [np.full_like(present, CODE[phase]) for _, phase in conditions],
        default=CODE[Phase.PLATEAU],
    )


def _fall(curve: Curve) -> NDArray[np.float64]:
    """How far the level fell within 8 weeks, in standard deviations of counts over the smoothed weeks."""
    before, now = (2.0 * np.sqrt(level * SMOOTHING_WEEKS + 0.375) for level in (curve.before, curve.now))
    fall: NDArray[np.float64] = np.round((before - now) / np.sqrt(2.0), 6)
    return fall


def _change(state: PhaseState, seen: Phase, day: int, peak: float) -> PhaseState:
    """The state after a boundary that showed `seen`: unchanged, knocking, or taken."""
    kept = {name: value for name, value in state.items() if name in KEPT}
    if state and seen.value == state["phase"]:
        return kept
    days = state["days"] + 1 if state.get("next") == seen.value else 1
    if state and days < DAYS_TO_CHANGE:
        return {**kept, "next": seen.value, "days": days}
    taken: PhaseState = {"phase": seen.value, "since": day}
    if seen is Phase.TROUGH:
        return {**taken, "peak": round(peak, 2), "trough_since": state.get("trough_since", day)}
    # Who falls further is in the same trough still.
    return {**kept, **taken} if seen is Phase.DECLINE else taken
