"""How improbable it is that a community says nothing for so many days, weekday by weekday."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import numpy as np

from pipeline.detection.likelihood import DAILY_SIZE_LEVELS, DAILY_SIZES, DAILY_VISITS, DECIMALS
from pipeline.history import WEEK_DAYS
from pipeline.model import PARTICIPATION

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.history import History

MONTH_DAYS = 28
QUARTER_DAYS = 91
PROFILE_DAYS = 84
"""The rhythm of the week is taken from the last twelve weeks."""
PROFILE_PRIOR = 0.25
"""Of a week's activities, spread evenly, that are added to the profile: one silent Sunday proves no closed Sundays."""
LEVEL_REFERENCE_DAYS = 56
LEVEL_LOW = 0.5
LEVEL_LEAST = 50.0
"""Activities a day of the rest of the network below which the level of a day says nothing."""
LARGEST_SHARE = 1.0
"""A weekday counts as no more than an average day: where all meet on Tuesdays, one without is one day's silence."""


def quiet_days(history: History) -> NDArray[np.int64]:
    """Whole days without any participation up to the boundary, (C,); exact, however short."""
    quiet = np.zeros(len(history.communities), dtype=np.int64)
    took_part = history.participants_7_days[:, -1] > 0
    silent, lately = np.flatnonzero(~took_part), np.flatnonzero(took_part)
    quiet[silent] = _newest_zeros(history.participants_7_days, silent) + WEEK_DAYS - 1
    # Activities that carry their object's time make a day look lived in on which nobody was there, so days come from
    # activities only where somebody took part within a week: who took part left an activity on that day.
    acts = np.zeros((len(quiet), WEEK_DAYS), dtype=np.int64)
    for kind in PARTICIPATION & history.activities.keys():
        acts += history.activities[kind][:, -WEEK_DAYS:]
    quiet[lately] = _newest_zeros(acts, lately)
    return quiet


def silence_score(history: History, baseline: NDArray[np.float64], quiet: NDArray[np.int64]) -> NDArray[np.float64]:
    """-ln of the probability that communities of `baseline` weekly participants say nothing for `quiet` days, (C,).

    Daily participants are negative binomial with the size of their level. Whole weeks have days alike, as the sizes
    were measured; each day beyond them has its weekday's share. Days on which the rest of the network did little, an
    outage or a holiday, say little about one community: below a week the score is multiplied by the mean level of the
    others on the quiet days. A longer silence outlasts both.
    """
    score = np.zeros(len(baseline))
    rows = np.flatnonzero((baseline > 0) & (quiet > 0))
    score[rows] = _score(history, rows, baseline[rows], quiet[rows])
    return score


def _score(
    history: History, rows: NDArray[np.int64], baseline: NDArray[np.float64], quiet: NDArray[np.int64]
) -> NDArray[np.float64]:
    daily = baseline * DAILY_VISITS / WEEK_DAYS
    size = np.asarray(DAILY_SIZES)[np.searchsorted(DAILY_SIZE_LEVELS, baseline, side="right")]
    expected = daily[:, None] * _weekday_shares(history, rows)
    of_weekdays = np.cumsum(size[:, None] * np.log1p(expected / size[:, None]), axis=1)
    weeks, rest = np.divmod(quiet, WEEK_DAYS)
    of_rest = np.pad(of_weekdays, ((0, 0), (1, 0)))[np.arange(len(quiet)), rest]
    score = weeks * WEEK_DAYS * size * np.log1p(daily / size) + of_rest
    return np.asarray(np.round(score * _level_of_others(history, rows, quiet), DECIMALS))


def _level_of_others(history: History, rows: NDArray[np.int64], quiet: NDArray[np.int64]) -> NDArray[np.float64]:
    """Activities of the rest of the network on the quiet days over those of the same weekdays before, on average, (R,).

    Days at half of them or more count as 1; 1 as well where the others do too little to say, and from a week on.
    """
    span = WEEK_DAYS + LEVEL_REFERENCE_DAYS
    own = history.bot_activities[rows, -span:].astype(np.float64)
    for acts in history.activities.values():
        own += acts[rows, -span:]
    others = history.network_activities[None, -span:] - own
    expected = (
        others[:, :LEVEL_REFERENCE_DAYS].reshape(len(own), LEVEL_REFERENCE_DAYS // WEEK_DAYS, WEEK_DAYS).mean(axis=1)
    )
    level = np.divide(
        others[:, LEVEL_REFERENCE_DAYS:], expected, out=np.ones_like(expected), where=expected >= LEVEL_LEAST
    )
    # Chance alone makes days differ: only what an outage or a holiday does to everybody counts.
    level = np.where(level < LEVEL_LOW, np.maximum(level, 0.0), 1.0)
    running = np.cumsum(level[:, ::-1], axis=1)
    days = np.clip(quiet, 1, WEEK_DAYS)
    mean: NDArray[np.float64] = running[np.arange(len(days)), days - 1] / days
    return np.where(quiet < WEEK_DAYS, mean, 1.0)


def _weekday_shares(history: History, rows: NDArray[np.int64]) -> NDArray[np.float64]:
    """(R, 7) activities of each weekday over those of an average day; the boundary's weekday first, then back.

    Communities without any activity in the profile have 1 everywhere.
    """
    week = np.zeros((len(rows), WEEK_DAYS))
    for kind in PARTICIPATION & history.activities.keys():
        recent = history.activities[kind][rows, -PROFILE_DAYS:]
        week += recent.reshape(len(recent), PROFILE_DAYS // WEEK_DAYS, WEEK_DAYS).sum(axis=1)
    total = week.sum(axis=1, keepdims=True)
    mixed = week + PROFILE_PRIOR * total / WEEK_DAYS
    shares = np.divide(mixed * WEEK_DAYS, total * (1.0 + PROFILE_PRIOR), out=np.ones_like(week), where=total > 0)
    return np.asarray(np.minimum(shares, LARGEST_SHARE)[:, ::-1])


def _newest_zeros(counts: NDArray[np.integer[Any]], rows: NDArray[np.int64]) -> NDArray[np.int64]:
    """How many of the newest columns of some rows hold nothing, (C, T) -> (R,); most are known after a month."""
    run, unknown = np.full(len(rows), counts.shape[1]), np.arange(len(rows))
    for days in (MONTH_DAYS, QUARTER_DAYS, counts.shape[1]):
        seen = counts[rows[unknown], -days:] != 0
        found = seen.any(axis=1)
        run[unknown[found]] = seen[found, ::-1].argmax(axis=1)
        unknown = unknown[~found]
    return run
