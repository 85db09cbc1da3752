"""What a store of windows promises, and what one of verdicts does.

Redis (`redis_store.py`, `redis_verdicts.py`) and memory (`memory_store.py`, `memory_verdicts.py`) keep both promises.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping, Sequence

    from pipeline.history import Members, Reading
    from pipeline.windows.aggregate import Departments, ShardDelta
    from pipeline.windows.day_columns import DayColumns, NetworkColumns


MEMBER_DAYS = 365
"""Days of a member that are read. Both stores remember more, and not the same: nobody must see the difference."""
MEMBER_SILENT_DAYS = 182
"""Members without a day within so many are left out: no measure of members looks at them."""


class OutboxEntry(NamedTuple):
    """One alert step on its way to the alerts topic."""

    shard: int
    entry_id: str
    alert_id: str
    value: bytes


class Verdicts(NamedTuple):
    """What judging one shard up to a boundary leaves behind."""

    states: bytes
    """What is remembered of its communities: `remembering.py` knows the form."""
    readings: bytes
    """See `readings.py`."""
    steps: list[tuple[str, bool, bytes]]
    """(alert id, still open, alert transition as JSON), in order."""
    lives: dict[str, bytes]
    """The life of each community as JSON; on a survey day only."""


class KeptProfile(NamedTuple):
    """What a network's communities have taught, as JSON, and the survey day it was learnt on."""

    day: int
    value: bytes


class HourWindow(NamedTuple):
    """Rolling hours of one community: activities by kind and distinct active members."""

    activities: dict[str, int]
    active_members: int


class WindowStore(Protocol):
    """Rolling windows, added to by batches and read as of boundaries."""

    async def apply(
        self, partition: str, first_offset: int, next_offset: int, shards: Mapping[int, ShardDelta]
    ) -> dict[int, int]:
        """Add a batch, each shard in one atomic step with its fence.

        A shard that has counted the batch before changes nothing. One whose fence lies inside of it changes nothing
        either and is returned with its fence: trim the batch to offsets at or after it and apply that.
        """

    async def describe(self, departments: Departments) -> None:
        """Keep the department of each member, the last one said; the same twice changes nothing.

        Call it before the batch is applied, so that a crash repeats it.
        """

    async def departments(self, network: str) -> dict[str, str]:
        """Member -> department, of those whose department is known."""

    async def networks(self) -> list[str]:
        """Networks with at least one community, sorted."""

    async def read_days(
        self,
        network: str,
        shards: Sequence[int],
        first_boundary: int,
        last_boundary: int,
        *,
        network_columns: NetworkColumns | None = None,
    ) -> DayColumns:
        """Days of all communities of these shards: what these boundaries need, and all that is newer.

        `network_columns` are those of the same boundaries, where they have been read before.
        """

    async def read_network(self, network: str, first_boundary: int, last_boundary: int) -> NetworkColumns:
        """The same of the network as a whole."""

    async def members(self, network: str, communities: Sequence[str], boundary_day: int) -> list[Members]:
        """Active days within `MEMBER_DAYS` up to and with the boundary day, of every member of each community.

        Members without any within the last `MEMBER_SILENT_DAYS` are left out.
        """

    async def hours(self, network: str, community: str, end_hour: int) -> dict[int, HourWindow]:
        """Windows of 1 and 24 hours before `end_hour` (hours since 1970, UTC)."""


class VerdictStore(Protocol):
    """What judging remembers, fenced by the boundary."""

    async def judged(self, network: str) -> dict[int, int]:
        """Newest day judged of each shard; shards never judged are absent."""

    async def states(self, network: str, shards: Sequence[int]) -> list[bytes | None]:
        """What the last verdicts of each of these shards say of states, None where there were none."""

    async def readings(self, network: str) -> list[Reading]:
        """The newest reading of every community of a network."""

    async def commit(self, network: str, shard: int, first_day: int, last_day: int, verdicts: Verdicts) -> bool:
        """Keep the verdicts of boundaries `first_day` … `last_day` in one step; False if another judge was first."""

    async def lives(self, network: str, shards: Sequence[int]) -> dict[str, bytes]:
        """The life of each community of these shards as of the last survey, as JSON."""

    async def profile(self, network: str) -> KeptProfile | None:
        """The newest profile of a network."""

    async def keep_profile(self, network: str, profile: KeptProfile) -> None:
        """Keep a profile in the place of the one before; whoever learns that of a day learns the same."""

    async def loaded_abaque(self, network: str) -> bytes | None:
        """The abaque that somebody loaded from a file, as JSON; it goes before the learnt one."""

    async def keep_loaded_abaque(self, network: str, abaque: bytes | None) -> None:
        """Keep a loaded abaque, or take it away with None."""
