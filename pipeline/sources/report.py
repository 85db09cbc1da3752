"""What an import did: counts by kind, what was left out and why, what could not be used and where it stands."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from pipeline.model import Activity, Kind

PLACES_KEPT = 3
"""Places kept for each reason of a reject; the others are counted."""
REASONS_KEPT = 100
"""Reasons kept apart, of rejects and of what is left out; later ones are counted together."""
OTHER_REASONS = "other reasons"


@dataclass(slots=True)
class ImportReport:
    """Filled while a source is read; complete once its iterator is exhausted.

    `left_out` is what Élan does not count on purpose (private channels, renamed topics, likes without a member), in
    units that the reason names. `rejected` is what it would have counted had it been usable. Memory: one string
    per community and per member.
    """

    kinds: Counter[Kind] = field(default_factory=Counter)
    communities: set[tuple[str, str]] = field(default_factory=set)
    """(network, community)."""
    members: set[tuple[str, str]] = field(default_factory=set)
    """(network, actor), without bots."""
    bots: set[tuple[str, str]] = field(default_factory=set)
    """(network, actor)."""
    bot_activities: int = 0
    left_out: Counter[str] = field(default_factory=Counter)
    rejected: Counter[str] = field(default_factory=Counter)
    places: dict[str, list[str]] = field(default_factory=dict)
    """reason of a reject -> its first places, `file:line` or `file:record`."""
    file: str = ""
    line: int = 0

    def reading(self, file: str, line: int) -> None:
        """Say where the reader stands, so that a reject knows its place. `line` counts from 1."""
        self.file = file
        self.line = line

    def count(self, activity: Activity) -> None:
        """One activity was read."""
        self.kinds[activity.kind] += 1
        self.communities.add((activity.network, activity.community))
        if activity.bot:
            self.bot_activities += 1
        if activity.actor is not None:
            (self.bots if activity.bot else self.members).add((activity.network, activity.actor))

    def leave_out(self, reason: str, number: int = 1) -> None:
        """`number` records are not activities, or not Élan's to see."""
        if number > 0:
            self.left_out[_kept(self.left_out, reason)] += number

    def reject(self, reason: str) -> None:
        """The record at the present place cannot be used."""
        reason = _kept(self.rejected, reason)
        self.rejected[reason] += 1
        places = self.places.setdefault(reason, [])
        if len(places) < PLACES_KEPT:
            places.append(f"{self.file}:{self.line}")

    @property
    def activities(self) -> int:
        """Activities read."""
        return sum(self.kinds.values())

    @property
    def rejects(self) -> int:
        """Records that cannot be used."""
        return sum(self.rejected.values())


def _kept(reasons: Counter[str], reason: str) -> str:
    return reason if reason in reasons or len(reasons) < REASONS_KEPT else OTHER_REASONS
