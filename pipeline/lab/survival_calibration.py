"""Whether chances of success come true: told in the past of a replay, compared with what was seen a year later."""

from __future__ import annotations

from bisect import bisect_right
from itertools import groupby
from typing import TYPE_CHECKING, NamedTuple

import msgspec
from scipy.stats import binomtest

from pipeline.errors import InputError
from pipeline.lab.replay_file import backtest_of, read_one_network
from pipeline.rules import rules_of
from pipeline.scoring.life import DAYS_A_MONTH, DEAD_AFTER_DAYS, Life
from pipeline.scoring.profile import Profile
from pipeline.scoring.survival import chance_of_success
from pipeline.sources.report import ImportReport
from pipeline.windows.aggregate import local_day

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from pipeline.model import Activity
    from pipeline.scoring.survival import Survival
    from pipeline.settings import Settings

MONTHS = 12
DAYS_TO_LEARN = 365
DAYS_BETWEEN = 182
BIN_EDGES = (0.0, 0.6, 0.7, 0.8, 0.9, 0.95, 1.0)
CONFIDENCE = 0.9


class Foretold(NamedTuple):
    """One chance that was told, and whether the community was alive at the time it spoke of."""

    probability: float
    is_alive: bool


class Bin(NamedTuple):
    """Chances of about the same height: their mean, the share that came true, and its 90 % interval (Wilson)."""

    chances: int
    told: float
    seen: float
    low: float
    high: float


class Snapshot(NamedTuple):
    """What was known of a network on a survey day."""

    day: int
    lives: dict[str, Life]
    survival: Survival


async def calibrate(settings: Settings, events: Path, source: str, network: str | None) -> list[Bin]:
    """Replay a file, tell a chance for each community alive on days half a year apart, and see what became of it.

    Each chance is told from the curves learnt up to its day alone. A community comes once for each of those days, so
    the intervals are narrower than they should be. Empty where the file is too short: a year to learn from, a year to
    come, and half a year to know who is dead.

    Raises:
        InputError: the file cannot be used, or is of several networks.
    """
    activities = list(read_one_network(events, source, network, ImportReport()))
    if not activities:
        raise InputError(f"{events} holds no activities.")
    snapshots = await _snapshots(settings, activities, activities[0].network)
    last = snapshots[-1] if snapshots else None
    return in_bins([one for then in snapshots[:-1] for one in foretold(then, last.lives)] if last else [])


async def _snapshots(settings: Settings, activities: Sequence[Activity], network: str) -> list[Snapshot]:
    """As of days half a year apart, and as of the end; none where the past is too short for any."""
    zone = rules_of(settings).of_network(network).zone

    def day_of(activity: Activity) -> int:
        return local_day(activity.time.timestamp(), zone)

    known_after = DEAD_AFTER_DAYS + int(MONTHS * DAYS_A_MONTH) + 1
    # A survey is up to four weeks old, so the last day is as much earlier.
    cuts = range(day_of(activities[0]) + DAYS_TO_LEARN, day_of(activities[-1]) - known_after - 28, DAYS_BETWEEN)
    if not cuts:
        return []
    backtest, snapshots = backtest_of(settings), []
    for _, part in groupby(activities, lambda activity: bisect_right(cuts, day_of(activity))):
        async for _ in backtest.run(part):
            pass
        kept = await backtest.verdicts.profile(network)
        if kept is not None:
            lives = {
                community: msgspec.json.decode(life, type=Life)
                for community, life in (await backtest.verdicts.lives(network, [0])).items()
            }
            snapshots.append(Snapshot(kept.day, lives, msgspec.json.decode(kept.value, type=Profile).survival))
    return snapshots


def foretold(then: Snapshot, lives_now: Mapping[str, Life], months: int = MONTHS) -> list[Foretold]:
    """The chances told on a survey day and what became of them; `lives_now` are as of half a year after `months`."""
    told = []
    for community, life in sorted(then.lives.items()):
        if life.last_active_day is None:
            continue
        age, silent = then.day - life.first_day, then.day - life.last_active_day
        chance = chance_of_success(then.survival, life.size, age, silent, months)
        if chance is not None:
            last = lives_now[community].last_active_day or 0
            told.append(Foretold(chance.probability, last >= then.day + months * DAYS_A_MONTH))
    return told


def in_bins(told: Iterable[Foretold], edges: Sequence[float] = BIN_EDGES) -> list[Bin]:
    """The chances by height, lowest first; bins without any are left out."""
    ordered = sorted(told)
    bins = []
    for _, group in groupby(ordered, lambda one: bisect_right(edges[1:-1], one.probability)):
        members = list(group)
        alive = sum(one.is_alive for one in members)
        interval = binomtest(alive, len(members)).proportion_ci(CONFIDENCE, method="wilson")
        mean = sum(one.probability for one in members) / len(members)
        bins.append(Bin(len(members), mean, alive / len(members), float(interval.low), float(interval.high)))
    return bins
