"""Labels: where sustained declines began, as hindsight sees them, and how long each community was watched."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
import numpy as np

from pipeline.errors import InputError, SettingsError
from pipeline.history import WEEK_DAYS
from pipeline.lab.evaluation.consensus import FEWEST_ACTIVE_WEEKS, LEAST_LEVEL, consensus, votes_of

if TYPE_CHECKING:
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.lab.evaluation.series import Series

LEVEL_WEEKS = 8
WEEKS_A_YEAR = 52
COMMUNITIES_AT_ONCE = 100
"""Labelled together: wide enough arrays to be quick, and memory that does not grow with the network."""


class CommunityLabels(msgspec.Struct, frozen=True):
    """Hindsight on one community; days are counted from the first day of `Labels`."""

    strong: tuple[float, ...]
    """Days on which a sustained decline began."""
    neutral: tuple[int, ...]
    """Days near which too many segmenters see something to call an alert wrong, and too few to call it right."""
    years: float
    """Since the first active week."""
    watched_years: float
    """Weeks at a level of 3 or more, in years."""
    level_before: tuple[float, ...] = ()
    """Weekly members in the 8 weeks before each strong decline."""


class Labels(msgspec.Struct, frozen=True):
    """Hindsight on one archive; communities of fewer than 12 active weeks are left out."""

    archive: str
    first_day: int
    """Days since 1970-01-01, a Monday."""
    days: int
    communities: dict[str, CommunityLabels]


def label(series: Series) -> Labels:
    """Labels of every community that was active long enough; seconds for a hundred communities and three years."""
    weeks = series.weekly[:, WEEK_DAYS - 1 :: WEEK_DAYS]
    chosen = np.flatnonzero((weeks > 0).sum(axis=1) >= FEWEST_ACTIVE_WEEKS)
    found = {}
    for start in range(0, len(chosen), COMMUNITIES_AT_ONCE):
        batch = chosen[start : start + COMMUNITIES_AT_ONCE]
        for place, votes in zip(batch, votes_of(series.weekly[batch]), strict=True):
            found[series.communities[place]] = _labelled(weeks[place], *consensus(votes))
    return Labels(series.archive, series.first_day, series.days, found)


def _labelled(weeks: NDArray[np.int64], strong: list[float], neutral: list[int]) -> CommunityLabels:
    level = np.convolve(weeks, np.ones(LEVEL_WEEKS) / LEVEL_WEEKS)[: len(weeks)]
    onsets = [int(day // WEEK_DAYS) for day in strong]
    return CommunityLabels(
        tuple(strong),
        tuple(neutral),
        float((len(weeks) - np.flatnonzero(weeks)[0]) / WEEKS_A_YEAR),
        float((level >= LEAST_LEVEL).sum() / WEEKS_A_YEAR),
        tuple(float(weeks[max(0, onset - LEVEL_WEEKS) : onset].mean()) for onset in onsets),
    )


def read_labels(path: Path, series: Series) -> Labels:
    """Labels from a file that `--write-labels` wrote.

    Raises:
        InputError: the file cannot be read, or holds no labels.
        SettingsError: the labels are of another past than the series.
    """
    try:
        labels = msgspec.json.decode(path.read_bytes(), type=Labels)
    except OSError as error:
        raise InputError(f"{path} cannot be read ({error.strerror or error}); check the path.") from None
    except (msgspec.DecodeError, UnicodeDecodeError) as error:
        raise InputError(f"{path} holds no labels ({error}); make them with --write-labels.") from None
    stranger = next((name for name in labels.communities if name not in series.communities), None)
    if (labels.first_day, labels.days) != (series.first_day, series.days) or stranger is not None:
        raise SettingsError(
            f"{path} does not fit {series.archive}: its labels are of {labels.archive}, of other days or communities; "
            "give the labels in the order of the events, or leave --labels out."
        )
    return labels
