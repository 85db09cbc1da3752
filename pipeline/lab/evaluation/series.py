"""Who took part in which community on which day: the series that labels and simple rules are made from."""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

import numpy as np

from pipeline.errors import InputError
from pipeline.history import WEEK_DAYS
from pipeline.model import PARTICIPATION, TimePrecision
from pipeline.windows.aggregate import local_day

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator
    from zoneinfo import ZoneInfo

    from numpy.typing import NDArray

    from pipeline.model import Activity

MEMBER_BITS = 32
MOST_BOT_SHARE = 0.5
"""A member more of whose activities than this are marked as a bot's is taken for a bot throughout."""
MONDAY_OFFSET = 3
"""Days from the Monday before 1970-01-01 to that day, a Thursday."""


@dataclass(frozen=True, slots=True)
class Series:
    """One network's past, day by day; day 0 is a Monday, the newest day that of the last activity."""

    archive: str
    network: str
    zone: ZoneInfo
    first_day: int
    """Day 0 as days since 1970-01-01 in the network's time zone."""
    communities: tuple[str, ...]
    daily: NDArray[np.int64]
    """Distinct members who took part on each day, (communities, days)."""
    weekly: NDArray[np.int64]
    """Distinct members who took part in the seven days up to and with each day, (communities, days)."""

    @property
    def days(self) -> int:
        """Length of the past."""
        return int(self.daily.shape[1])


class SeriesCollector:
    """Looks at activities on their way to somewhere else; memory is one number a member, community and day."""

    def __init__(self, archive: str, zone_of: Callable[[str], ZoneInfo]) -> None:
        self._archive = archive
        self._zone_of = zone_of
        self._network: str | None = None
        self._members: dict[str, int] = {}
        self._acts: Counter[str] = Counter()
        self._bot_acts: Counter[str] = Counter()
        self._participations: defaultdict[str, set[int]] = defaultdict(set)
        self._span: list[int] = []

    def watch(self, activities: Iterable[Activity]) -> Iterator[Activity]:
        """The same activities, in whatever order they come.

        Raises:
            InputError: they are of more than one network.
        """
        zone = None
        for activity in activities:
            if zone is None:
                self._network, zone = activity.network, self._zone_of(activity.network)
            elif activity.network != self._network:
                raise InputError(
                    f"{self._archive} holds the networks {self._network!r} and {activity.network!r}; "
                    "evaluate them one by one, each from a file of its own."
                )
            self._take(activity, zone)
            yield activity

    def _take(self, activity: Activity, zone: ZoneInfo) -> None:
        actor = activity.actor
        if actor is not None:
            self._acts[actor] += 1
            self._bot_acts[actor] += activity.bot
        # A reaction dated by its message says nothing about when somebody was there.
        if activity.kind not in PARTICIPATION or activity.timeprecision is TimePrecision.OF_OBJECT:
            return
        day = local_day(activity.time.timestamp(), zone)
        self._span = [min(day, *self._span), max(day, *self._span)] if self._span else [day, day]
        if actor is not None:
            member = self._members.setdefault(actor, len(self._members))
            self._participations[activity.community].add(member << MEMBER_BITS | day)

    def series(self) -> Series:
        """What the activities that were watched add up to.

        Raises:
            InputError: nobody took part in anything.
        """
        human = np.array([self._bot_acts[a] <= MOST_BOT_SHARE * self._acts[a] for a in self._members], dtype=bool)
        pairs: dict[str, tuple[NDArray[np.int64], NDArray[np.int64]]] = {}
        for community, packed in sorted(self._participations.items()):
            members, days = np.divmod(np.array(sorted(packed), dtype=np.int64), 1 << MEMBER_BITS)
            if human[members].any():
                pairs[community] = members[human[members]], days[human[members]]
        if not pairs or self._network is None:
            raise InputError(f"{self._archive} holds no dated activity of a member; there is nothing to evaluate.")
        first = self._span[0] - (self._span[0] + MONDAY_OFFSET) % WEEK_DAYS
        length = self._span[1] - first + 1
        return Series(
            self._archive,
            self._network,
            self._zone_of(self._network),
            first,
            tuple(pairs),
            np.array([np.bincount(days - first, minlength=length) for _, days in pairs.values()]),
            np.array([_weekly(members, days - first, length) for members, days in pairs.values()]),
        )


def _weekly(members: NDArray[np.int64], days: NDArray[np.int64], length: int) -> NDArray[np.int64]:
    """Distinct members of trailing weeks; `days` ascend within each member, and members lie together."""
    again = np.r_[np.where(members[1:] == members[:-1], days[1:], length), length]
    # A member counts from a day on, until the week is over or the same member's next day takes over.
    ends = np.minimum(np.minimum(days + WEEK_DAYS, again), length)
    edges = np.bincount(days, minlength=length + 1) - np.bincount(ends, minlength=length + 1)
    return np.cumsum(edges)[:length]
