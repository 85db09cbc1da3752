"""Windows in the memory of one process: for `backtest` and for tests, with the arithmetic of `rolling.py`."""

from __future__ import annotations

from bisect import bisect_right
from typing import TYPE_CHECKING

import numpy as np

from pipeline.history import MemberDay, Members
from pipeline.windows.columns import (
    BOT,
    PARTICIPANT_ARRIVALS,
    PARTICIPANT_STAYS,
    unpack_increment,
)
from pipeline.windows.day_columns import DayColumns, DenseColumns, NetworkColumns
from pipeline.windows.hours import hour_windows, recent
from pipeline.windows.memory_grid import Grid
from pipeline.windows.rolling import (
    DAY_WINDOWS,
    PARTICIPANT_WINDOWS,
    READ_BACK_DAYS,
    insert_active,
)
from pipeline.windows.rows import summed
from pipeline.windows.store import MEMBER_DAYS, MEMBER_SILENT_DAYS

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.history import MemberHistories
    from pipeline.windows.aggregate import Departments, NetworkDelta, ShardDelta
    from pipeline.windows.rolling import Bump
    from pipeline.windows.store import HourWindow

_FORGET_EVERY_BYTES = 4_096


class _Member:
    """One member's active days, days of participation and acts."""

    __slots__ = ("acts", "days", "participation_days")

    def __init__(self) -> None:
        self.days: list[int] = []
        self.participation_days: list[int] = []
        self.acts: dict[int, tuple[int, int]] = {}


class _Community:
    """One community: its row in the network's grid, its members and its last hours."""

    __slots__ = ("first_day", "forget_at_bytes", "hours", "line", "members", "name", "row", "shard")

    def __init__(self, row: int, shard: int) -> None:
        self.row = row
        self.shard = shard
        self.name: str | None = None
        self.line: str | None = None
        self.first_day = 1 << 30
        self.members: dict[str, _Member] = {}
        self.hours = bytearray()
        self.forget_at_bytes = _FORGET_EVERY_BYTES

    def add_hours(self, rows: str) -> None:
        """Append rows; those too old are forgotten once there are twice as many as the last time."""
        self.hours += rows.encode()
        if len(self.hours) >= self.forget_at_bytes:
            self.hours = recent(self.hours)
            self.forget_at_bytes = _FORGET_EVERY_BYTES + 2 * len(self.hours)


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
            for network, delta in networks.items():
                self._add(network, shard, delta)
            self._fences[shard, partition] = next_offset
        return straddling

    def _add(self, network: str, shard: int, delta: NetworkDelta) -> None:
        grid = self._grids.setdefault(network, Grid())
        known = self._communities.setdefault(network, {})
        for day, rows_of in delta.days.items():
            for name, rows in rows_of.items():
                community = known.get(name)
                if community is None:
                    community = known[name] = _Community(len(known), shard)
                _add_rows(grid, community, day, rows)
        for name, shown in delta.names.items():
            known[name].name = shown
        for name, line in delta.lines.items():
            known[name].line = line

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
        return hour_windows(bytes(self._communities[network][community].hours), end_hour)


def _within(days: list[int], boundary_day: int) -> list[int]:
    return days[bisect_right(days, boundary_day - MEMBER_DAYS) : bisect_right(days, boundary_day)]


def _add_rows(grid: Grid, community: _Community, day: int, rows: str) -> None:
    def bump_day(position: int, column: int, amount: int) -> None:
        grid.bump(community.row, position, column, amount)

    community.add_hours(rows)
    counts, members = summed(rows)
    community.first_day = min(community.first_day, day)
    for column, amount in counts.items():
        bump_day(day, column, amount)
    for pseudonym, acts in members.items():
        _add_acts(community.members.setdefault(pseudonym, _Member()), day, acts, bump_day)


def _add_acts(member: _Member, day: int, acts: int, bump: Bump) -> None:
    conversational, relational, participated = unpack_increment(acts)
    before = member.acts.get(day)
    if before is None:
        insert_active(member.days, day, DAY_WINDOWS, bump)
        before = (0, 0)
    member.acts[day] = (before[0] + conversational, before[1] + relational)
    if participated and day not in member.participation_days:
        insert_active(member.participation_days, day, PARTICIPANT_WINDOWS, bump)
