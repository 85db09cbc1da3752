"""A network as a whole on one boundary: its index, its concentration, its transverse communities, its members."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

import numpy as np

from pipeline.errors import InputError, RetryLater, ServerError, SettingsError
from pipeline.history import HISTORY_DAYS
from pipeline.lab.lives import only_network
from pipeline.lab.replay_file import backtest_of, read_one_network
from pipeline.redis_clients import async_redis_client
from pipeline.scoring.champions import lost_regulars, reactivated
from pipeline.scoring.concentration import (
    Concentration,
    DepartmentMix,
    concentration,
    cross_department_share,
    transverse_at_the_top,
)
from pipeline.scoring.engagement import ACTIVE_YEAR_DAYS, INDEX_WINDOW_DAYS, share_of_active
from pipeline.scoring.network_index import NetworkIndex, network_index
from pipeline.scoring.quadrants import quadrants
from pipeline.sources.report import ImportReport
from pipeline.windows.columns import RING_DAYS
from pipeline.windows.day_columns import Windows
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.redis_verdicts import RedisVerdicts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence
    from pathlib import Path

    from numpy.typing import NDArray

    from pipeline.history import History, Members, Reading
    from pipeline.model import Quadrant
    from pipeline.settings import Settings
    from pipeline.windows.store import WindowStore

LONG_WINDOW_DAYS = 91


class Transverse(NamedTuple):
    """One of the most active communities whose members come from many departments."""

    community: str
    name: str | None
    activities: int
    """of 91 days."""
    mix: DepartmentMix


class Memberships(NamedTuple):
    """(community, member) pairs of a network: who is active in three communities counts three times."""

    quadrants: dict[Quadrant, int]
    active: int
    """in the last 28 days."""
    active_in_a_year: int
    median_share_of_active: float
    """of the communities with a member active in the last 365 days."""
    lost_regulars: int
    reactivated: int


class NetworkPicture(NamedTuple):
    """What `elan network` shows; concentration is by width of the window in days, None where nothing was done."""

    network: str
    day: int
    communities: int
    engagement: NetworkIndex
    concentration: dict[int, Concentration | None]
    transverse: list[Transverse]
    departments_known: int
    """Members whose department is known."""
    memberships: Memberships
    phases: dict[str, int]


async def read_network_picture(
    settings: Settings, events: Path | None, source: str, network: str | None
) -> NetworkPicture:
    """The picture of one network as of the newest boundary judged; from Redis where `events` is None.

    Raises:
        InputError: the file cannot be used, or is of several networks.
        SettingsError: Redis has several networks and none was named, or nothing was judged yet.
        ServerError: Redis cannot be reached.
    """
    if events is not None:
        return await _replayed(settings, events, source, network)
    namespace, shards = settings.redis.namespace, settings.redis.shards
    async with async_redis_client(settings) as client:
        store, verdicts = RedisStore(client, namespace, shards), RedisVerdicts(client, namespace, shards)
        try:
            name = only_network(await store.networks(), network)
            judged = await verdicts.judged(name)
            if not judged:
                raise SettingsError(f"No day of network {name!r} was judged yet; `elan status` says how far it is.")
            readings = await verdicts.readings(name)
            return await network_picture(
                store, name, range(shards), min(judged.values()), readings=readings, settings=settings
            )
        except RetryLater as error:
            raise ServerError(f"{error}. Run `elan check`.") from error


async def _replayed(settings: Settings, events: Path, source: str, network: str | None) -> NetworkPicture:
    backtest = backtest_of(settings)
    async for _ in backtest.run(read_one_network(events, source, network, ImportReport())):
        pass
    store, verdicts = backtest.store, backtest.verdicts
    found = await store.networks()
    if not found:
        raise InputError(f"{events} holds no activities.")
    (name,) = found
    day = max((await verdicts.judged(name)).values())
    readings = await verdicts.readings(name)
    return await network_picture(store, name, [0], day, readings=readings, settings=settings)


async def network_picture(
    store: WindowStore,
    network: str,
    shards: Sequence[int],
    day: int,
    *,
    readings: Iterable[Reading],
    settings: Settings,
) -> NetworkPicture:
    """Measure a network as of a boundary; `shards` are all of its shards, `readings` those of its communities."""
    source = await store.read_days(network, shards, day - INDEX_WINDOW_DAYS, day)
    windows = Windows(source)
    history = windows.as_of(day)
    # Where intake is far ahead of judging, the rings have forgotten the first days of the year before.
    oldest_remembered = source.first_day + source.days - RING_DAYS
    year_is_whole = oldest_remembered <= day - INDEX_WINDOW_DAYS - HISTORY_DAYS + 1
    earlier = windows.as_of(day - INDEX_WINDOW_DAYS) if year_is_whole else None
    departments = await store.departments(network)
    counts, mixes = _MembershipCounts(), []
    for community in history.communities:
        (members,) = await store.members(network, [community], day)
        counts.add(members, day)
        mixes.append(_mix(members, departments, day))
    return NetworkPicture(
        network=network,
        day=day,
        communities=int((history.first_days <= day).sum()),
        engagement=network_index(history, settings.scoring.weights, earlier),
        concentration={
            days: concentration(_activities(history, days)) for days in (INDEX_WINDOW_DAYS, LONG_WINDOW_DAYS)
        },
        transverse=_transverse(history, mixes, settings.privacy.smallest_group),
        departments_known=len(departments),
        memberships=counts.sums(history),
        phases=dict(Counter(reading.phase for reading in readings).most_common()),
    )


class _MembershipCounts:
    """Sums over communities, one at a time: the members of all together need not fit into memory."""

    def __init__(self) -> None:
        self._quadrants: Counter[Quadrant] = Counter()
        self._lost = self._back = 0

    def add(self, members: Members, day: int) -> None:
        self._quadrants.update(quadrants(members, day))
        self._lost += lost_regulars(members, day)
        self._back += reactivated(members, day)

    def sums(self, history: History) -> Memberships:
        year = history.active_members[ACTIVE_YEAR_DAYS]
        shares = share_of_active(history)[year > 0]
        return Memberships(
            quadrants=dict(self._quadrants),
            active=int(history.active_members[INDEX_WINDOW_DAYS].sum()),
            active_in_a_year=int(year.sum()),
            median_share_of_active=float(np.median(shares)) if len(shares) else 0.0,
            lost_regulars=self._lost,
            reactivated=self._back,
        )


def _mix(members: Members, departments: Mapping[str, str], day: int) -> DepartmentMix:
    return cross_department_share(
        Counter(
            departments[name]
            for name, newest in zip(members.pseudonyms, members.days[members.starts[:-1]].tolist(), strict=True)
            if name in departments and newest > day - LONG_WINDOW_DAYS
        )
    )


def _transverse(history: History, mixes: Sequence[DepartmentMix], smallest_group: int) -> list[Transverse]:
    activities = _activities(history, LONG_WINDOW_DAYS)
    return [
        Transverse(history.communities[place], history.names[place], int(activities[place]), mixes[place])
        for place in transverse_at_the_top(activities, mixes)
        if history.active_members[LONG_WINDOW_DAYS][place] >= smallest_group
    ]


def _activities(history: History, days: int) -> NDArray[np.int64]:
    total = np.zeros(len(history.communities), dtype=np.int64)
    for counts in history.activities.values():
        # Rings of Redis hold counts without sign, whose own sums numpy would not add to these.
        total += counts[:, -days:].sum(axis=1, dtype=np.int64)
    return total
