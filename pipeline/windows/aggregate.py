"""Activities of one batch -> the rows that each shard has to add, gathered by day and community."""

from __future__ import annotations

import hashlib
from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

import msgspec

from pipeline.model import NAME, Kind
from pipeline.windows.columns import BOT, KIND_COLUMN
from pipeline.windows.rows import AMOUNTS, OF_OBJECT, amount_text, joined, row_heads

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Sequence

    from pipeline.model import Details, TrustedActivity

QUARTER_SECONDS = 900.0
_SLOTS_REMEMBERED = 10_000
_UNIX_EPOCH_ORDINAL = 719_163
"""`date.toordinal()` of 1970-01-01."""
_VIEW = KIND_COLUMN[Kind.VIEW]
_ONE = amount_text(1)


class NetworkDelta(msgspec.Struct, array_like=True):
    """What one batch adds to one network, or to those communities of it that lie in one shard.

    `days`            day -> community -> rows, as `rows.py` says
    `names`, `lines`  of communities, as far as an activity carries one; a line that is no `model.NAME` counts as none
    """

    days: dict[int, dict[str, str]] = {}
    names: dict[str, str] = {}
    lines: dict[str, str] = {}


class _Gathered:
    """What the activities of a batch say of one network so far."""

    __slots__ = ("days", "lines", "names")

    def __init__(self) -> None:
        self.days: defaultdict[int, defaultdict[str, list[str]]] = defaultdict(_rows_by_community)
        self.names: dict[str, str] = {}
        self.lines: dict[str, str] = {}


def _rows_by_community() -> defaultdict[str, list[str]]:
    return defaultdict(list)


class _ShardOfCommunity(dict[str, int]):
    """Community of one network -> its shard, computed once."""

    def __init__(self, network: str, shards: int) -> None:
        super().__init__()
        self._network = network
        self._shards = shards

    def __missing__(self, community: str) -> int:
        shard = self[community] = shard_of(self._network, community, self._shards)
        return shard


ShardDelta = dict[str, NetworkDelta]
"""network -> delta."""
Departments = dict[tuple[str, str], str]
"""(network, member) -> department."""


class Slot(NamedTuple):
    """A quarter of an hour: its day since 1970 in one time zone, and what the rows of its hour begin with."""

    day: int
    heads: tuple[str, ...]


class Slots:
    """Unix seconds -> slot, in one time zone."""

    def __init__(self, time_zone: str) -> None:
        self._zone = ZoneInfo(time_zone)
        self.known: dict[float, Slot] = {}
        """Whole quarters of an hour since 1970 -> slot, as far as they were asked for; always the same object."""

    def __call__(self, seconds: float) -> Slot:
        """The slot of a moment. All zones are whole quarters of an hour away from UTC."""
        quarter = seconds // QUARTER_SECONDS
        slot = self.known.get(quarter)
        if slot is None:
            if len(self.known) >= _SLOTS_REMEMBERED:
                self.known.clear()
            slot = self.known[quarter] = self._slot(int(quarter))
        return slot

    def _slot(self, quarter: int) -> Slot:
        return Slot(local_day(quarter * QUARTER_SECONDS, self._zone), row_heads(quarter // 4))


def local_day(seconds: float, zone: ZoneInfo) -> int:
    """The day since 1970-01-01 that a moment falls into in a time zone."""
    return datetime.fromtimestamp(seconds, zone).toordinal() - _UNIX_EPOCH_ORDINAL


def shard_of(network: str, community: str, shards: int) -> int:
    """The shard of a community: independent of Kafka's partitioners, or a partition would touch few shards."""
    digest = hashlib.blake2b(f"{network}/{community}".encode(), digest_size=4).digest()
    return int.from_bytes(digest, "big") % shards


def departments_of(activities: Sequence[TrustedActivity]) -> Departments:
    """(network, member) -> department as the last of these activities that carries one has it.

    A department that is no `model.NAME` counts as none.
    """
    described = [
        (network, member, details.department)
        for _, _, _, network, _, member, details in activities
        if details is not None and details.department and member is not None and not details.bot
    ]
    # Departments are few and activities many: each spelling is looked at once.
    names = {name for name in {department for _, _, department in described} if NAME.fullmatch(name)}
    return {(network, member): department for network, member, department in described if department in names}


class Aggregator:
    """Gathers activities by shard, network, day and community. Remembers shards and time zones, nothing else."""

    def __init__(self, shards: int, time_zone_of: Callable[[str], str]) -> None:
        self._shards = shards
        self._time_zone_of = time_zone_of
        self._slots: dict[str, Slots] = {}
        self._shard_of: dict[str, _ShardOfCommunity] = {}

    def slots(self, network: str) -> Slots:
        """The clock of a network's time zone."""
        slots = self._slots.get(network)
        if slots is None:
            slots = self._slots[network] = Slots(self._time_zone_of(network))
        return slots

    def add(self, activities: Iterable[TrustedActivity]) -> dict[int, ShardDelta]:
        """-> shard -> network -> delta. Order of the activities does not matter."""
        found: defaultdict[str, _Gathered] = defaultdict(_Gathered)
        # Bound to names of this function, as far as they are the same for a run of activities of one network and day.
        present: str | None = None
        present_day: int | None = None
        known_slots: dict[float, Slot] = {}
        gathered = _Gathered()
        rows_of: defaultdict[str, list[str]] = _rows_by_community()
        for _, seconds, kind, network, community, member, details in activities:
            if network != present:
                present, present_day, known_slots, gathered = network, None, self.slots(network).known, found[network]
            day, heads = known_slots.get(seconds // QUARTER_SECONDS) or self.slots(network)(seconds)
            if day != present_day:
                present_day, rows_of = day, gathered.days[day]
            if details is not None:
                _add_detailed(gathered, rows_of[community], heads, kind, community, member, details)
            elif member is None or kind == _VIEW:
                rows_of[community].append(heads[AMOUNTS + kind] + _ONE)
            else:
                rows_of[community].append(heads[kind] + member)
        return self._by_shard(found)

    def _by_shard(self, found: dict[str, _Gathered]) -> dict[int, ShardDelta]:
        shards: dict[int, ShardDelta] = {}
        for network, gathered in found.items():
            shard_of_community = self._shard_of.setdefault(network, _ShardOfCommunity(network, self._shards))
            deltas: defaultdict[int, NetworkDelta] = defaultdict(NetworkDelta)
            for day, communities in gathered.days.items():
                for community, rows in communities.items():
                    deltas[shard_of_community[community]].days.setdefault(day, {})[community] = joined(rows)
            for community, name in gathered.names.items():
                deltas[shard_of_community[community]].names[community] = name
            for community, line in gathered.lines.items():
                deltas[shard_of_community[community]].lines[community] = line
            for shard, delta in deltas.items():
                shards.setdefault(shard, {})[network] = delta
        return shards


def _add_detailed(  # noqa: PLR0917 - called for millions, and by position
    gathered: _Gathered,
    rows: list[str],
    heads: tuple[str, ...],
    kind: int,
    community: str,
    member: str | None,
    details: Details,
) -> None:
    if details.communityname:
        gathered.names[community] = details.communityname
    # What is no name must not take away one found before: the result would depend on where batches are cut.
    if details.line and details.line != gathered.lines.get(community) and NAME.fullmatch(details.line):
        gathered.lines[community] = details.line
    column, amount = BOT if details.bot else kind, details.count
    if member is not None and kind != _VIEW and not details.bot:
        rows.append(heads[OF_OBJECT * details.of_object + kind] + member)
        amount -= 1
    if amount:
        rows.append(heads[AMOUNTS + column] + amount_text(amount))
