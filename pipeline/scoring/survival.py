"""How long communities live: survival curves of a network, and the chance of success that follows from them.

A community lives from its first activity to the last day on which anybody took part. Only a silence of
`DEAD_AFTER_DAYS` tells that a day was the last one, so nothing is known of the last `DEAD_AFTER_DAYS` before `day`:
observation ends there for everybody. Who took part later was alive then, and is censored. To censor each at its own
last day instead would take those that just died for survivors.
"""

from __future__ import annotations

import math
import warnings
from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

from pipeline.history import WEEK_DAYS
from pipeline.scoring.life import DAYS_A_MONTH, DEAD_AFTER_DAYS, ESTABLISHED_ACTIVE_WEEKS, MONTHS_KEPT

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from numpy.typing import NDArray

    from pipeline.scoring.life import Life

SMALLEST_CELL = 10
"""Fewer communities at risk say nothing about one of them."""
CONFIDENCE = 0.9
ESTABLISHED_FROM_DAYS = ESTABLISHED_ACTIVE_WEEKS * WEEK_DAYS
SEED_MONTHS = 5
SEED_INACTIVE_SHARE = 0.5
"""Lecko's benchmark of 2014: half of all spaces are inactive after five months."""
SIZE_CLASSES = ((6.0, "<6"), (12.0, "6-12"), (25.0, "12-25"), (50.0, "25-50"), (math.inf, "50+"))
"""(below, name) in participants a week."""
ALL, ESTABLISHED = "all", "established"


class CurvePoint(msgspec.Struct, frozen=True, array_like=True):
    """Share of communities that took part at this age or later, its 90 % interval, and how many were seen this old."""

    survival: float
    low: float
    high: float
    at_risk: int


class Curve(msgspec.Struct, frozen=True, omit_defaults=True):
    """A survival curve: `points[k]` is k months after the clock starts; it ends where no community was seen as old."""

    communities: int
    deaths: int
    points: list[CurvePoint]
    half_life_days: int | None = None
    """Days on the clock until half are dead; None while more than half live, as far as anybody was seen."""
    from_days: int = 0
    """Age at which the clock starts."""

    def at_age(self, months: float) -> CurvePoint | None:
        """The point of the whole month of age up to `months`; None where nobody was seen as old, or too young."""
        place = int(months - self.from_days / DAYS_A_MONTH)
        return self.points[place] if 0 <= place < len(self.points) else None


class Survival(msgspec.Struct, frozen=True):
    """The survival curves of a network as of `day`. JSON values; classes with too few communities are absent."""

    day: int
    smallest_cell: int
    all_spaces: Curve
    """Those that never took off included."""
    established: Curve
    by_size: dict[str, Curve]
    """name of a size class -> curve; `size` is that of the last active year, so it is the size at which some died."""
    by_line: dict[str, Curve]


class Chance(msgspec.Struct, frozen=True):
    """The chance of success: to be alive `months` from now."""

    months: int
    probability: float
    at_risk: int
    """Communities of the curve that were seen as old."""
    curve: str
    """Name of a size class, `established` or `all`."""


class _Span(NamedTuple):
    days: int
    died: bool


def learn_survival(lives: Sequence[Life], day: int, smallest_cell: int = SMALLEST_CELL) -> Survival:
    """Kaplan-Meier curves of all spaces, of established ones, by size and by line, as of `day`.

    A community that began less than `DEAD_AFTER_DAYS` ago is in none. The clock of the established starts at an age of
    12 weeks, the first at which anybody can be: before, they could not die and still be established (immortal time).
    What remains of that bias, for those that took longer, is small: 1 to 2 points after 1 and 2 years, 3 after 5 on
    real archives. Bands are 90 % log-log intervals (Greenwood), exact binomial ones before the first death.
    """
    seen = [life for life in lives if life.first_day <= day - DEAD_AFTER_DAYS]
    sizes: dict[str, list[Life]] = {name: [] for _, name in SIZE_CLASSES}
    lines: dict[str, list[Life]] = {}
    for life in seen:
        sizes[size_class(life.size)].append(life)
        if life.line is not None:
            lines.setdefault(life.line, []).append(life)
    return Survival(
        day=day,
        smallest_cell=smallest_cell,
        all_spaces=_curve(seen, day),
        established=_curve(
            (life for life in seen if life.active_weeks >= ESTABLISHED_ACTIVE_WEEKS), day, ESTABLISHED_FROM_DAYS
        ),
        by_size={name: _curve(members, day) for name, members in sizes.items() if len(members) >= smallest_cell},
        by_line={
            name: _curve(members, day) for name, members in sorted(lines.items()) if len(members) >= smallest_cell
        },
    )


def size_class(size: float) -> str:
    """The class of a number of participants a week: the lower bound belongs to it, the upper one does not."""
    return next(name for below, name in SIZE_CLASSES if size < below)


def inactive_share(survival: Survival, months: int = SEED_MONTHS) -> float | None:
    """Share of all spaces silent for good at an age of `months`; None where none was seen as old.

    The seed document's half says nothing of how it was counted. Here a space is inactive from its last day on, those
    not seen for long enough are censored, and one that nobody ever took part in was inactive from the start.
    """
    point = survival.all_spaces.at_age(months)
    return None if point is None else round(1.0 - point.survival, 4)


def chance_of_success(survival: Survival, size: float, age_days: int, silent_days: int, months: int) -> Chance | None:
    """The chance that somebody takes part in a community `months` from now or later: S(age + months) / S(last age).

    What is known of a community silent for some days is that it was alive when somebody last took part, so that is the
    age the chance is conditioned on; the silence itself is no evidence here. On real archives that tells .80 of those
    silent for 3 to 6 months where .69 were seen, and .91 of those active in the last week where .96 were. From
    `DEAD_AFTER_DAYS` of silence on a community counts as dead and has no chance to be told. The curves are of the past:
    where a network as a whole begins to fade, fewer live on than they tell.

    The curve is that of its size class, else of the established (from 12 weeks of age), else of all spaces: the first
    with `smallest_cell` communities seen at its age and any seen at the age asked about. None where there is none.
    """
    if silent_days >= DEAD_AFTER_DAYS or not 0 <= silent_days <= age_days:
        return None
    name = size_class(size)
    curves = [(name, survival.by_size.get(name)), (ESTABLISHED, survival.established), (ALL, survival.all_spaces)]
    for label, curve in curves:
        if curve is None:
            continue
        last = (age_days - silent_days - curve.from_days) / DAYS_A_MONTH
        then = (age_days - curve.from_days) / DAYS_A_MONTH + months
        at_risk = curve.points[math.ceil(last)].at_risk if 0 <= last <= len(curve.points) - 1 else 0
        if at_risk >= max(survival.smallest_cell, 1) and then <= len(curve.points) - 1:
            known = [point.survival for point in curve.points]
            now, later = np.interp([last, then], np.arange(len(known)), known)
            return Chance(months, round(float(later / now), 4), at_risk, label)
    return None


def _curve(lives: Iterable[Life], day: int, from_days: int = 0) -> Curve:
    from scipy.stats import CensoredData, ecdf  # noqa: PLC0415 - 60 MB and most of a second that a survey alone needs

    spans = [_span(life, day, from_days) for life in lives]
    if not spans:
        return Curve(0, 0, [], from_days=from_days)
    days, died = np.array([span.days for span in spans]), np.array([span.died for span in spans])
    estimate = ecdf(CensoredData.right_censored(days, ~died)).sf
    # Just before each month's end: a community is alive on the day it was last seen.
    months = np.nextafter(np.arange(MONTHS_KEPT + 1) * DAYS_A_MONTH, -1.0)
    at_risk = (days[:, None] > months).sum(axis=0)
    months, at_risk = months[at_risk > 0], at_risk[at_risk > 0]
    share = estimate.evaluate(months)
    low, high = _interval(estimate, months, share, at_risk)
    halved = estimate.quantiles[estimate.probabilities <= 0.5]  # noqa: PLR2004 - a half life is that of one half
    rows = zip(share.round(6).tolist(), low.round(6).tolist(), high.round(6).tolist(), at_risk.tolist(), strict=True)
    return Curve(
        communities=len(spans),
        deaths=int(died.sum()),
        points=[CurvePoint(*row) for row in rows],
        half_life_days=int(halved[0]) if len(halved) else None,
        from_days=from_days,
    )


def _span(life: Life, day: int, from_days: int) -> _Span:
    end = day - DEAD_AFTER_DAYS
    last = life.first_day if life.last_active_day is None else life.last_active_day
    return _Span(max(min(last, end) - life.first_day - from_days, 0), last <= end)


def _interval(
    estimate: object, months: NDArray[np.float64], share: NDArray[np.float64], at_risk: NDArray[np.int64]
) -> tuple[NDArray[np.float64], NDArray[np.float64]]:
    with warnings.catch_warnings():
        # The formula has no value where nobody or everybody is dead; both are dealt with below.
        warnings.simplefilter("ignore", RuntimeWarning)
        interval = estimate.confidence_interval(CONFIDENCE, method="log-log")  # type: ignore[attr-defined]
    nobody_dead = share >= 1.0
    low = np.where(nobody_dead, (0.5 - CONFIDENCE / 2) ** (1.0 / at_risk), interval.low.evaluate(months))
    high = np.where(nobody_dead, 1.0, interval.high.evaluate(months))
    return np.nan_to_num(low, nan=0.0), np.fmin.accumulate(high)
