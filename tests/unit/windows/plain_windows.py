"""The windows as somebody would count them by hand: slow, plain, and the oracle of the tests."""

from __future__ import annotations

from collections import defaultdict
from datetime import datetime
from typing import TYPE_CHECKING, NamedTuple
from zoneinfo import ZoneInfo

from pipeline.model import CONVERSATIONAL, NAME, PARTICIPATION, RELATIONAL, Details, Kind
from pipeline.windows.columns import KINDS

if TYPE_CHECKING:
    from collections.abc import Iterable

    from pipeline.model import TrustedActivity

EPOCH = 719_163


def day_of(seconds: float, zone: str) -> int:
    return datetime.fromtimestamp(seconds, ZoneInfo(zone)).toordinal() - EPOCH


class Act(NamedTuple):
    """A trusted activity with its parts by name."""

    seconds: float
    kind: int
    community: str
    member: str | None
    bot: bool
    count: int  # type: ignore[assignment]  # hides a method of tuples
    of_object: bool
    name: str | None
    line: str | None
    department: str | None


def act_of(activity: TrustedActivity) -> Act:
    _, seconds, kind, _, community, member, details = activity
    bot, count, of_object, name, line, department = details or Details()
    return Act(seconds, kind, community, member, bot, count, of_object, name, line, department)


class PlainWindows:
    """Counts by scanning every activity again for every question."""

    def __init__(self, activities: Iterable[TrustedActivity], zone: str = "UTC") -> None:
        acts = [act_of(activity) for activity in activities]
        self.rows = [(a, day_of(a.seconds, zone), int(a.seconds // 3600)) for a in acts]

    def _human(self, community: str) -> list[tuple[Act, int, int]]:
        return [(a, day, hour) for a, day, hour in self.rows if a.community == community and not a.bot]

    def activities(self, community: str, boundary_day: int, days: int) -> dict[Kind, int]:
        counts: dict[Kind, int] = defaultdict(int)
        for a, day, _ in self._human(community):
            if boundary_day - days < day <= boundary_day:
                counts[KINDS[a.kind]] += a.count
        return dict(counts)

    def bots(self, community: str, boundary_day: int, days: int) -> int:
        rows = [r for r in self.rows if r[0].community == community and r[0].bot]
        return sum(a.count for a, day, _ in rows if boundary_day - days < day <= boundary_day)

    def network_activities(self, boundary_day: int, days: int) -> list[int]:
        totals: dict[int, int] = defaultdict(int)
        for a, day, _ in self.rows:
            totals[day] += a.count
        return [totals[day] for day in range(boundary_day - days + 1, boundary_day + 1)]

    def name(self, community: str) -> str | None:
        said = [a.name for a, _, _ in self.rows if a.community == community and a.name]
        return said[-1] if said else None

    def line(self, community: str) -> str | None:
        said = [a.line for a, _, _ in self.rows if a.community == community and a.line and NAME.fullmatch(a.line)]
        return said[-1] if said else None

    def departments(self) -> dict[str, str]:
        return {
            a.member: a.department
            for a, _, _ in self.rows
            if a.member and not a.bot and a.department and NAME.fullmatch(a.department)
        }

    def active(self, community: str, boundary_day: int, days: int) -> int:
        rows = self._human(community)
        return len(
            {
                a.member
                for a, day, _ in rows
                if boundary_day - days < day <= boundary_day and a.member and KINDS[a.kind] is not Kind.VIEW
            }
        )

    def participants(self, community: str, boundary_day: int, days: int = 7) -> int:
        rows = self._human(community)
        return len(
            {
                a.member
                for a, day, _ in rows
                if boundary_day - days < day <= boundary_day
                and a.member
                and KINDS[a.kind] in PARTICIPATION
                and not a.of_object
            }
        )

    def hours(self, community: str, end_hour: int, width: int) -> tuple[dict[str, int], int]:
        counts: dict[str, int] = defaultdict(int)
        members = set()
        for a, _, hour in self._human(community):
            if end_hour - width <= hour < end_hour:
                counts[KINDS[a.kind].value] += a.count
                if a.member and KINDS[a.kind] is not Kind.VIEW:
                    members.add(a.member)
        return dict(counts), len(members)

    def members(self, community: str, boundary_day: int, days: int) -> dict[str, list[tuple[int, int, int, bool]]]:
        found: dict[str, dict[int, list[int]]] = defaultdict(dict)
        for a, day, _ in self._human(community):
            kind = KINDS[a.kind]
            if not boundary_day - days < day <= boundary_day or a.member is None or kind is Kind.VIEW:
                continue
            acts = found[a.member].setdefault(day, [0, 0, 0])
            acts[0] += kind in CONVERSATIONAL
            acts[1] += kind in RELATIONAL
            acts[2] += kind in PARTICIPATION and not a.of_object
        return {
            member: [(day, talk, bond, bool(part)) for day, (talk, bond, part) in sorted(days.items())]
            for member, days in found.items()
        }
