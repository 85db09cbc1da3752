"""Made-up communities as arrays: members who take part or not on each day, so that distinct counts follow from people.

What is set was measured on archives (docs/detection.md): daily participants summed over a week against the distinct
ones, their variance, the weekend against a working day.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np
from scipy.optimize import brentq
from scipy.special import gammaincinv, ndtr

from pipeline.detection.likelihood import DAILY_SIZE_LEVELS, DAILY_SIZES, DAILY_VISITS
from pipeline.history import HISTORY_DAYS, WEEK_DAYS

if TYPE_CHECKING:
    from numpy.random import Generator
    from numpy.typing import NDArray

MONDAY_OFFSET = 3
"""1970-01-01, day 0, was a Thursday."""
SATURDAY = 5
RATE_SHAPE = 0.2
"""Shape of the gamma distribution of members' rates: few come often, most once in a long while."""
MOOD_SIZE_SHARE = 0.5
"""A member takes part once a day at most, so a mood shows less in the counts than in the rates."""
SLOW_MOOD_DAYS = 14.0
"""Days after which the slow part of the mood has forgotten two thirds of itself."""
RATE_QUANTILES = 400
SMALLEST_SHARE = 1e-9


@dataclass(frozen=True, slots=True)
class Scenario:
    """One kind of community.

    `level` is in distinct weekly participants before the change, `drop` the rate after it over the rate before (1 =
    nothing changes). `autocorrelation` is the share of the common mood that lasts for weeks, about its correlation with
    the day before.
    `weekend_share` is a weekend day's rate over a working day's.
    """

    level: float
    drop: float = 1.0
    autocorrelation: float = 0.0
    weekend_share: float = 0.4


@dataclass(frozen=True, slots=True)
class Simulated:
    """C communities over T days; the first `HISTORY_DAYS` - 1 of them only fill the history of the first boundary.

    `daily` and `weekly` (C, T) are distinct participants of the day and of the 7 days up to it, `activities` (C, T)
    what they did. `onset` is the place of the first day of the new rate. `expected` (C, T) is the daily mean without a
    change.
    """

    first_day: int
    onset: int
    daily: NDArray[np.int64]
    weekly: NDArray[np.int64]
    activities: NDArray[np.int64]
    expected: NDArray[np.float64]


def simulate(  # noqa: PLR0917 - one argument a dimension
    scenario: Scenario, communities: int, days: int, onset: int, first_day: int, chance: Generator
) -> Simulated:
    """`communities` alike but for chance, over `days` days after the history of the first one; `onset` counts so too.

    A member of rate r takes part on a day with probability 1 - exp(-r w g): w is the weekday's share, g the community's
    mood of the day, gamma-distributed with mean 1 and shape `size`, which makes counts negative binomial.
    """
    before = HISTORY_DAYS - 1
    size = float(DAILY_SIZES[int(np.searchsorted(DAILY_SIZE_LEVELS, scenario.level, side="right"))])
    shares = weekday_shares(first_day - before, before + days, scenario.weekend_share)
    mood_size = MOOD_SIZE_SHARE * size
    rates = member_rates(scenario.level, shares[:WEEK_DAYS], mood_size)
    later = rates * kept_rates(rates, scenario.drop)
    moods = _moods(communities, before + days, mood_size, scenario.autocorrelation, chance)
    rows = [_present(rates, later, before + onset, shares * mood, chance) for mood in moods]
    daily = np.stack([row[0] for row in rows])
    expected = _presence(rates[:, None] * shares[None, :], mood_size).sum(axis=0)
    return Simulated(
        first_day=first_day - before,
        onset=before + onset,
        daily=daily,
        weekly=np.stack([row[1] for row in rows]),
        activities=daily + chance.poisson(daily),
        expected=np.broadcast_to(expected, daily.shape),
    )


def weekday_shares(first_day: int, days: int, weekend_share: float) -> NDArray[np.float64]:
    """The share of each day, 1 on average over a week, (days,)."""
    weekend = (np.arange(first_day, first_day + days) + MONDAY_OFFSET) % WEEK_DAYS >= SATURDAY
    mean = (5.0 + 2.0 * weekend_share) / WEEK_DAYS
    shares: NDArray[np.float64] = np.where(weekend, weekend_share, 1.0) / mean
    return shares


def member_rates(level: float, week: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """Rates a day of as many members as make `level` distinct ones a week, who come `DAILY_VISITS` times as often."""
    quantiles = gammaincinv(RATE_SHAPE, (np.arange(RATE_QUANTILES) + 0.5) / RATE_QUANTILES)

    def visits(scale: float) -> float:
        rates = quantiles[:, None] * scale * week[None, :]
        return float(_presence(rates, size).sum() / _presence_of_week(rates, size).sum()) - DAILY_VISITS

    scale = brentq(visits, 1e-3, 1e3)
    seen = _presence_of_week(quantiles[:, None] * scale * week[None, :], size).mean()
    members = max(2, round(level / seen))
    rates: NDArray[np.float64] = gammaincinv(RATE_SHAPE, (np.arange(members) + 0.5) / members) * scale
    return _scaled_to(rates, level, week, size)


def _scaled_to(rates: NDArray[np.float64], level: float, week: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """Few members cut the tail of the rates: make up for it, so that `level` is met exactly."""

    def missing(scale: float) -> float:
        return float(_presence_of_week(rates[:, None] * scale * week[None, :], size).sum()) - level

    found: NDArray[np.float64] = rates * brentq(missing, 1e-2, 1e2)
    return found


def kept_rates(rates: NDArray[np.float64], drop: float) -> NDArray[np.float64]:
    """A factor a member: 0 for those who leave; those who stay, of all rates, carry `drop` of the whole."""
    share = np.cumsum(rates) / rates.sum() * drop
    staying = np.zeros(len(rates))
    kept = 0.0
    for place, (wanted, rate) in enumerate(zip(share, rates / rates.sum(), strict=True)):
        if drop > 0 and wanted - kept >= rate / 2:
            staying[place], kept = 1.0, kept + rate
    return staying * drop / max(kept, SMALLEST_SHARE)


def _presence(rates: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """Probability of taking part on a day of that rate, over all moods."""
    found: NDArray[np.float64] = 1.0 - (1.0 + rates / size) ** -size
    return found


def _presence_of_week(rates: NDArray[np.float64], size: float) -> NDArray[np.float64]:
    """Probability of taking part at all on 7 days of these rates, (members, 7) -> (members,)."""
    found: NDArray[np.float64] = 1.0 - np.prod((1.0 + rates / size) ** -size, axis=1)
    return found


def _moods(communities: int, days: int, size: float, autocorrelation: float, chance: Generator) -> NDArray[np.float64]:
    """Gamma-distributed factors with mean 1, (communities, days); a slow AR(1) and white noise make their ranks."""
    if autocorrelation == 0.0:
        return chance.gamma(size, 1.0 / size, (communities, days))
    steps = chance.standard_normal((communities, days))
    slow = np.empty_like(steps)
    slow[:, 0] = steps[:, 0]
    kept = np.exp(-1.0 / SLOW_MOOD_DAYS)
    for day in range(1, days):
        slow[:, day] = kept * slow[:, day - 1] + np.sqrt(1.0 - kept**2) * steps[:, day]
    fast = chance.standard_normal((communities, days))
    normals = np.sqrt(autocorrelation) * slow + np.sqrt(1.0 - autocorrelation) * fast
    grid = np.linspace(-6.0, 6.0, 2001)
    quantiles = gammaincinv(size, ndtr(grid)) / size
    moods: NDArray[np.float64] = np.interp(normals.ravel(), grid, quantiles).reshape(normals.shape)
    return moods


def _present(
    before: NDArray[np.float64], after: NDArray[np.float64], onset: int, days: NDArray[np.float64], chance: Generator
) -> tuple[NDArray[np.int64], NDArray[np.int64]]:
    """Distinct participants of each day, and of the 7 days up to it, of one community, both (T,)."""
    patience = chance.standard_exponential((len(before), len(days)), dtype=np.float32)
    present = np.empty(patience.shape, dtype=np.bool_)
    for rates, span in ((before, slice(0, onset)), (after, slice(onset, None))):
        np.less(patience[:, span], np.outer(rates, days[span]).astype(np.float32), out=present[:, span])
    recent = present.copy()
    for back in range(1, WEEK_DAYS):
        recent[:, back:] |= present[:, :-back]
    return present.sum(axis=0), recent.sum(axis=0)
