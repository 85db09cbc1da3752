"""How alerts meet labels: hits, misses, false alarms, and the figures they add up to."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec
import numpy as np

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.lab.evaluation.alert_days import AlertDays
    from pipeline.lab.evaluation.labels import CommunityLabels, Labels

EARLIEST_DAYS = 14
"""How long before a decline an alert may be told and still be of it: the onset itself is known to a week or two."""
LATEST_DAYS = 56
UNLABELLED_DAYS = 42
"""At the end of an archive a decline has not lasted long enough to be labelled."""
RESAMPLES = 1_000
SEED = 20_14
INTERVAL_PERCENT = (5.0, 95.0)


class Met(NamedTuple):
    """What became of one community's declines and alerts; all days are counted from the first day of the labels."""

    hits: tuple[tuple[float, int], ...]
    """(day of the decline, day of the first alert that tells of it)."""
    missed: tuple[float, ...]
    neutral: tuple[int, ...]
    """Alerts that count neither way."""
    false: tuple[int, ...]
    years: float
    watched_years: float


class Figures(msgspec.Struct, frozen=True, kw_only=True):
    """How well alerts met labels; None where there is nothing to divide by.

    Without a decline nothing but false alarms can be judged.
    """

    communities: int
    declines: int
    hits: int
    false: int
    neutral: int
    recall: float | None
    precision: float | None
    strict_precision: float | None
    """Precision with the neutral ones counted as false."""
    f1: float | None
    f1_90_percent: tuple[float, float] | None
    """Bootstrap interval over communities."""
    false_per_community_year: float | None
    false_per_watched_year: float | None
    """A watched year is a year of weeks at a level of 3 members or more."""
    delay_days_median: float | None
    delay_days_p75: float | None


def meet(labels: Labels, alerts: AlertDays) -> dict[str, Met]:
    """Each labelled community's alerts against its labels."""
    return {
        community: _meet(own, alerts.get(community, []), labels.days) for community, own in labels.communities.items()
    }


def _meet(own: CommunityLabels, days: Sequence[int], archive_days: int) -> Met:
    """Every decline takes the first alert near it that no earlier one has taken."""
    left, hits, missed = list(days), [], []
    for decline in own.strong:
        first = next((day for day in left if _is_near(day, decline)), None)
        if first is None:
            missed.append(decline)
        else:
            left.remove(first)
            hits.append((decline, first))
    neutral = tuple(
        day for day in left if day > archive_days - UNLABELLED_DAYS or any(_is_near(day, mark) for mark in own.neutral)
    )
    false = tuple(day for day in left if day not in neutral)
    return Met(tuple(hits), tuple(missed), neutral, false, own.years, own.watched_years)


def _is_near(day: int, mark: float) -> bool:
    return mark - EARLIEST_DAYS <= day <= mark + LATEST_DAYS


def figures(met: Sequence[Met]) -> Figures:
    """The figures of some communities taken together."""
    delays = [alert - decline for each in met for decline, alert in each.hits]
    hits, missed = len(delays), sum(len(each.missed) for each in met)
    neutral, false = sum(len(each.neutral) for each in met), sum(len(each.false) for each in met)
    declines = hits + missed
    return Figures(
        communities=len(met),
        declines=declines,
        hits=hits,
        false=false,
        neutral=neutral,
        recall=_ratio(hits, declines),
        precision=_ratio(hits, hits + false) if declines else None,
        strict_precision=_ratio(hits, hits + false + neutral) if declines else None,
        f1=_ratio(2 * hits, 2 * hits + missed + false) if declines else None,
        f1_90_percent=_interval(met) if declines else None,
        false_per_community_year=_ratio(false, sum(each.years for each in met)),
        false_per_watched_year=_ratio(false, sum(each.watched_years for each in met)),
        delay_days_median=float(np.median(delays)) if delays else None,
        delay_days_p75=float(np.percentile(delays, 75)) if delays else None,
    )


def _ratio(part: float, whole: float) -> float | None:
    return part / whole if whole else None


def _interval(met: Sequence[Met]) -> tuple[float, float]:
    """Bootstrap: communities are drawn anew, since declines of one community are not independent of each other."""
    hits, misses, false = (np.array([len(getattr(each, name)) for each in met]) for name in ("hits", "missed", "false"))
    drawn = np.random.default_rng(SEED).integers(0, len(met), (RESAMPLES, len(met)))
    found, all_of = 2 * hits[drawn].sum(axis=1), (2 * hits + misses + false)[drawn].sum(axis=1)
    low, high = np.percentile(found / np.maximum(all_of, 1), INTERVAL_PERCENT)
    return float(low), float(high)
