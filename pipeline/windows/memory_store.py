"""Windows in the memory of one process: for `backtest` and for tests, with the arithmetic of `rolling.py`."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from pipeline.history import MemberDay, Members
from pipeline.windows.aggregate import HOUR_BITS
from pipeline.windows.columns import (
    BOT,
    COLUMNS,
    HOUR_ACTIVE,
    PARTICIPANT_ARRIVALS,
    PARTICIPANT_STAYS,
    RING_HOURS,
    unpack_increment,
)
from pipeline.windows.day_columns import DayColumns, DenseColumns, NetworkColumns
from pipeline.windows.memory_grid import Grid
from pipeline.windows.rolling import (
    DAY_WINDOWS,
    HOUR_WINDOWS,
    PARTICIPANT_WINDOWS,
    READ_BACK_DAYS,
    hour_windows,
    insert_active,
)
from pipeline.windows.store import MEMBER_DAYS, MEMBER_SILENT_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.history import MemberHistories
    from pipeline.windows.aggregate import CommunityDelta, Departments, ShardDelta
    from pipeline.windows.rolling import Bump
    from pipeline.windows.store import HourWindow

_HOUR_MASK = (1 << HOUR_BITS) - 1


class _Member:
    """One member's active days, days of participation, hours and acts."""

    __slots__ = ("acts", "days", "hours", "participation_days")

    def __init__(self) -> None:
        self.days: list[int] = []
        self.participation_days: list[int] = []
        self.hours: list[int] = []
        self.acts: dict[int, tuple[int, int]] = {}


class _Community:
    """One community: its row in the network's grid, its members and its hours."""

    __slots__ = ("first_day", "hours", "line", "members", "name", "newest_hour", "row", "shard")

    def __init__(self, row: int, shard: int) -> None:
        self.row = row
        self.shard = shard
        self.name: str | None = None
        self.line: str | None = None
        self.first_day = 1 << 30
        self.newest_hour = 0
        self.members: dict[str, _Member] = {}
        self.hours: dict[int, dict[int, int]] = {}


class MemoryStore:
    """`WindowStore` in memory; nothing is forgotten, nothing is shared between processes."""

    def __init__(self) -> None:
        self._communities: dict[str, dict[str, _Community]] = {}
        self._departments: Departments = {}
        self._grids: dict[str, Grid] = {}
        self._fences: dict[tuple[int, str], int] = {}

    async def apply(
        self, partition: str, first_offset: int, next_offset: int, shards: Mapping[int, ShardDelta]
    ) -> dict[int, int]:
        """See `WindowStore.apply`."""
        straddling = {}
        for shard, networks in shards.items():
            fence = self._fences.get((shard, partition), -1)
            if fence >= next_offset:
                continue
            if fence > first_offset:
                straddling[shard] = fence
                continue
            for network, communities in networks.items():
                for name, delta in communities.items():
                    self._add(network, name, shard, delta)
            self._fences[shard, partition] = next_offset
        return straddling

    def _add(self, network: str, name: str, shard: int, delta: CommunityDelta) -> None:
        grid = self._grids.setdefault(network, Grid())
        known = self._communities.setdefault(network, {})
        community = known.get(name)
        if community is None:
            community = known[name] = _Community(len(known), shard)
        if delta.name:
            community.name = delta.name
        if delta.line:
            community.line = delta.line

        def bump_day(position: int, column: int, amount: int) -> None:
            grid.bump(community.row, position, column, amount)

        def bump_hour(position: int, column: int, amount: int) -> None:
            amounts = community.hours.setdefault(position, {})
            amounts[column] = amounts.get(column, 0) + amount

        for slot, (counts, members) in delta.slots.items():
            day, hour = slot >> HOUR_BITS, slot & _HOUR_MASK
            community.first_day = min(community.first_day, day)
            community.newest_hour = max(community.newest_hour, hour)
            for column, amount in counts.items():
                bump_day(day, column, amount)
                bump_hour(hour, column, amount)
            for pseudonym, acts in members.items():
                member = community.members.setdefault(pseudonym, _Member())
                _add_acts(member, slot, acts, bump_day, bump_hour)
        for hour in [hour for hour in community.hours if hour <= community.newest_hour - RING_HOURS]:
            del community.hours[hour]

    async def describe(self, departments: Departments) -> None:
        """See `WindowStore.describe`."""
        self._departments |= departments

    async def departments(self, network: str) -> dict[str, str]:
        """See `WindowStore.departments`."""
        return {member: found for (where, member), found in self._departments.items() if where == network}

    async def networks(self) -> list[str]:
        """See `WindowStore.networks`."""
        return sorted(self._communities)

    async def read_days(
        self,
        network: str,
        shards: Sequence[int],
        first_boundary: int,
        last_boundary: int,
        *,
        network_columns: NetworkColumns | None = None,
    ) -> DayColumns:
        """See `WindowStore.read_days`."""
        if network_columns is None:
            network_columns = await self.read_network(network, first_boundary, last_boundary)
        grid, known = self._grids[network], self._communities[network]
        wanted = {name: community for name, community in known.items() if community.shard in set(shards)}
        first_day = first_boundary - READ_BACK_DAYS + 1
        last_day = max(grid.last_day, last_boundary)
        columns = grid.read([community.row for community in wanted.values()], first_day, last_day)
        return DayColumns(
            network=network,
            communities=tuple(wanted),
            names=tuple(community.name for community in wanted.values()),
            lines=tuple(community.line for community in wanted.values()),
            shards=tuple(community.shard for community in wanted.values()),
            first_days=np.array([community.first_day for community in wanted.values()], dtype=np.int64),
            first_day=first_day,
            days=last_day - first_day + 1,
            columns=DenseColumns(columns, (len(wanted), last_day - first_day + 1)),
            network_columns=network_columns,
        )

    async def read_network(self, network: str, first_boundary: int, last_boundary: int) -> NetworkColumns:
        """See `WindowStore.read_network`."""
        grid, first_day = self._grids[network], first_boundary - READ_BACK_DAYS + 1
        last_day = max(grid.last_day, last_boundary)
        everybody = grid.read(range(len(self._communities[network])), first_day, last_day)
        nobody = np.zeros((1, last_day - first_day + 1), dtype=np.int64)
        return NetworkColumns(
            everybody.get(PARTICIPANT_ARRIVALS, nobody).sum(axis=0),
            everybody.get(PARTICIPANT_STAYS, nobody).sum(axis=0),
            sum((everybody[c].sum(axis=0) for c in everybody if c <= BOT), start=nobody[0]),
        )

    async def members(self, network: str, communities: Sequence[str], boundary_day: int) -> list[Members]:
        """See `WindowStore.members`."""
        return [Members.of(self._histories(network, community, boundary_day)) for community in communities]

    def _histories(self, network: str, community: str, boundary_day: int) -> MemberHistories:
        histories = {}
        for pseudonym, member in self._communities[network][community].members.items():
            days = _within(member.days, boundary_day)
            if days and days[-1] > boundary_day - MEMBER_SILENT_DAYS:
                participation = set(_within(member.participation_days, boundary_day))
                histories[pseudonym] = [MemberDay(day, *member.acts[day], day in participation) for day in days]
        return histories

    async def hours(self, network: str, community: str, end_hour: int) -> dict[int, HourWindow]:
        """See `WindowStore.hours`."""
        found = self._communities[network][community]
        first_hour, last_hour = end_hour - RING_HOURS, max(end_hour, found.newest_hour)
        columns = {n: np.zeros((1, last_hour - first_hour + 1), dtype=np.int64) for n in range(COLUMNS)}
        for hour, amounts in found.hours.items():
            for column, amount in amounts.items():
                if first_hour <= hour <= last_hour:
                    columns[column][0, hour - first_hour] = amount
        return hour_windows(columns, end_hour - first_hour)


def _within(days: list[int], boundary_day: int) -> list[int]:
    return days[bisect_right(days, boundary_day - MEMBER_DAYS) : bisect_right(days, boundary_day)]


def _add_acts(member: _Member, slot: int, acts: int, bump_day: Bump, bump_hour: Bump) -> None:
    day, hour = slot >> HOUR_BITS, slot & _HOUR_MASK
    conversational, relational, participated = unpack_increment(acts)
    if hour not in member.hours and not (member.hours and member.hours[-1] - hour >= RING_HOURS):
        bump_hour(hour, HOUR_ACTIVE, 1)
        insert_active(member.hours, hour, HOUR_WINDOWS, bump_hour)
        member.hours = [known for known in member.hours if member.hours[-1] - known < RING_HOURS]
    before = member.acts.get(day)
    if before is None:
        insert_active(member.days, day, DAY_WINDOWS, bump_day)
        before = (0, 0)
    member.acts[day] = (before[0] + conversational, before[1] + relational)
    if participated and day not in member.participation_days:
        insert_active(member.participation_days, day, PARTICIPANT_WINDOWS, bump_day)
