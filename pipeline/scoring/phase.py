"""Which part of its curve each community is at, from its level over the last year; slow to change its mind."""

from __future__ import annotations

from dataclasses import dataclass, replace
from typing import TYPE_CHECKING

import msgspec
import numpy as np
from numpy.typing import NDArray  # noqa: TC002 - msgspec reads it at run time

from pipeline.history import WEEK_DAYS
from pipeline.model import Phase

if TYPE_CHECKING:
    from pipeline.history import History

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
DAYS_TO_CHANGE = 14
PHASES = tuple(Phase)
CODE = {phase: code for code, phase in enumerate(PHASES)}
NONE = -1
"""No phase, in the place of a code."""
NEVER = -(1 << 30)
"""The first day of the trough of a community that is in none."""
_MOST = np.iinfo(np.int32).max


class PhaseStates(msgspec.Struct, frozen=True, eq=False):
    """What is remembered of the phases of C communities, each array (C,). Phases are places in `PHASES`."""

    phase: NDArray[np.int64]
    since: NDArray[np.int64]
    """Day on which it was taken."""
    peak: NDArray[np.float64]
    """Of a trough, also while the community falls further in it: the peak before, in participants a week; else 0."""
    trough_since: NDArray[np.int64]
    """Of a trough its first day."""
    next: NDArray[np.int64]
    """The phase that knocks."""
    days: NDArray[np.int64]
    """For how many days in a row it has."""

    @classmethod
    def at_first(cls, count: int) -> PhaseStates:
        """What is remembered of communities that were never judged."""
        none, never, nothing = (np.full(count, value) for value in (NONE, NEVER, 0))
        return cls(none, nothing, np.zeros(count), never, none, nothing)


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
    """Of those who may be at their peak, 0 for all others."""
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


def phases(history: History, states: PhaseStates, *, held: bool = False) -> tuple[PhaseStates, list[Turn]]:
    """The states to hand back at the next boundary, the phases in them, and who has taken another phase.

    All in the order of the history. A new phase is taken once it has shown on 14 boundaries in a row. Boundaries that
    are `held`, on which nothing is known of anybody, do not count: who has a phase keeps it, as if there were no day.
    """
    day = history.boundary_day
    curve, followed = _curve(history), day - states.trough_since < TROUGH_DAYS
    curve = replace(curve, peak=np.where(followed, np.maximum(curve.peak, states.peak), curve.peak))
    seen = _classify(curve, states.phase, day - states.since, followed)
    after = _after(states, seen, day, curve.peak)
    if held:
        after = _first_ones(states, after)
    turned = np.flatnonzero((after.phase != states.phase) & (states.phase != NONE))
    return after, [_turn(place, states, after, float(curve.peak[place])) for place in turned.tolist()]


def _first_ones(before: PhaseStates, after: PhaseStates) -> PhaseStates:
    """`before`, but for those who had no phase yet."""
    first = before.phase == NONE
    return PhaseStates(
        *(np.where(first, getattr(after, name), getattr(before, name)) for name in PhaseStates.__struct_fields__)
    )


def _turn(place: int, before: PhaseStates, after: PhaseStates, peak: float) -> Turn:
    since_day = int(after.since[place]) - DAYS_TO_CHANGE + 1
    return Turn(place, PHASES[before.phase[place]], PHASES[after.phase[place]], since_day, round(peak, 2))


def _curve(history: History) -> Curve:
    # Sums over the smoothed weeks stay whole numbers of 32 bits until the end: half of the time.
    weekly = history.participants_7_days[:, ::-WEEK_DAYS].astype(np.int32)
    columns = weekly.shape[1] - SMOOTHING_WEEKS + 1
    smooth = np.zeros((len(weekly), columns), dtype=np.int32)
    for week in range(SMOOTHING_WEEKS):
        smooth += weekly[:, week : week + columns]
    age = (history.boundary_day - history.first_days + 1) // WEEK_DAYS
    weeks_alive = np.clip(age - SMOOTHING_WEEKS + 1, 1, columns)
    alive = np.arange(columns)[None, :] < weeks_alive[:, None]
    known = np.where(alive, smooth, -1)
    # Of equal peaks the oldest: a community that is back where it was has been through the trough in between.
    oldest_peak = columns - 1 - known[:, ::-1].argmax(axis=1)
    since_peak = np.arange(columns)[None, :] <= oldest_peak[:, None]
    now, peak = smooth[:, 0], known[np.arange(len(known)), oldest_peak]
    # One more than at a peak, so that no rounding leaves out who stands right at its edge.
    high = np.flatnonzero(now + 1 >= PEAK_KEPT * peak)
    median = np.zeros(len(smooth))
    median[high] = _median(np.where(alive[high], smooth[high], _MOST), weeks_alive[high])
    return Curve(
        now=now / SMOOTHING_WEEKS,
        before=smooth[:, TREND_WEEKS] / SMOOTHING_WEEKS,
        peak=peak / SMOOTHING_WEEKS,
        low=np.where(since_peak, smooth, _MOST).min(axis=1) / SMOOTHING_WEEKS,
        median=median,
        weeks=np.clip(age, 0, weekly.shape[1]),
        quiet=(weekly[:, :DORMANT_WEEKS] == 0).all(axis=1),
    )


def _median(sums: NDArray[np.int32], count: NDArray[np.int64]) -> NDArray[np.float64]:
    """Median of the `count` lowest levels of each row, from sums over the smoothed weeks."""
    sums.sort(axis=1)
    place = np.arange(len(sums))
    low, high = (sums[place, middle] / SMOOTHING_WEEKS for middle in ((count - 1) // 2, count // 2))
    median: NDArray[np.float64] = (low + high) / 2.0
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


def _after(before: PhaseStates, seen: NDArray[np.int64], day: int, peak: NDArray[np.float64]) -> PhaseStates:
    """The states after a boundary that showed `seen`: unchanged, knocking, or taken."""
    same = seen == before.phase
    days = np.where(seen == before.next, before.days + 1, 1)
    taken = ~same & ((before.phase == NONE) | (days >= DAYS_TO_CHANGE))
    knocking = ~same & ~taken
    falls = taken & (seen == CODE[Phase.TROUGH])
    # Who falls further is in the same trough still.
    kept = ~taken | (seen == CODE[Phase.DECLINE])
    remembered = np.where(kept, before.peak, 0.0)
    for place in np.flatnonzero(falls).tolist():
        remembered[place] = round(float(peak[place]), 2)
    return PhaseStates(
        phase=np.where(taken, seen, before.phase),
        since=np.where(taken, day, before.since),
        peak=remembered,
        trough_since=np.where(
            kept | (falls & (before.trough_since != NEVER)), before.trough_since, np.where(falls, day, NEVER)
        ),
        next=np.where(knocking, seen, NONE),
        days=np.where(knocking, days, 0),
    )
