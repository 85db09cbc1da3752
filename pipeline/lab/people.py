"""Who works in a simulated company and who takes part in a community of it. People are numbers with a department."""

from __future__ import annotations

import math
from dataclasses import dataclass
from typing import TYPE_CHECKING

from pipeline.lab.dice import Weighted

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.lab.dice import Dice

DEPARTMENTS = ("stores", "logistics", "purchasing", "finance", "human resources", "information systems", "marketing")
REGULARS_PER_WEEKLY_MEMBER = 2.1
FEWEST_REGULARS = 5
CONTRIBUTION_EXPONENT = 0.85
"""The regular of rank r visits in proportion to r to the power of minus this."""
CHAMPIONS = 3
"""The busiest regulars, who make half of the contributions."""
PASSERS_BY = 0.06
"""Share of visits by somebody who is no regular."""
MOST_VISITS_PER_MEMBER = 50.0
_PERCENT = 100


@dataclass(frozen=True, slots=True)
class Person:
    """One employee, by number."""

    id: str
    department: str


def hire(dice: Dice, members: int) -> list[Person]:
    """The employees."""
    return [Person(f"m{number:05d}", dice.one_of(DEPARTMENTS)) for number in range(1, members + 1)]


class Regulars:
    """The regulars of one community, the busiest first; those that stay at a share of its level are always the same.

    People leave, rather than all doing less: with the level at a third, two thirds of the regulars are gone. `places`
    spreads who leaves over busy and quiet ones; `champions_go` makes the busiest the first to go.
    """

    def __init__(self, dice: Dice, people: Sequence[Person], weekly_members: float, *, champions_go: bool) -> None:
        count = min(len(people), FEWEST_REGULARS + math.ceil(REGULARS_PER_WEEKLY_MEMBER * weekly_members))
        self.people = dice.shuffled(people)[:count]
        self._weights = [1 / (rank + 1) ** CONTRIBUTION_EXPONENT for rank in range(count)]
        offset = dice.uniform()
        # Multiples of the golden ratio fill the unit interval evenly, from whatever rank one starts.
        self._places = [(offset + rank * (math.sqrt(5) - 1) / 2) % 1 for rank in range(count)]
        if champions_go:
            self._places[:CHAMPIONS] = [1.0] * CHAMPIONS
        self.champions = frozenset(person.id for person in self.people[:CHAMPIONS])
        self.visits_a_week = _visits_for(weekly_members, self._weights)
        self._present: dict[int, Weighted[Person]] = {}

    def present(self, share: float) -> Weighted[Person]:
        """Those who come while the community is at this share of its level."""
        percent = round(min(share, 1.0) * _PERCENT)
        if percent not in self._present:
            full = percent == _PERCENT
            stay = [rank for rank, place in enumerate(self._places) if full or place < percent / _PERCENT]
            self._present[percent] = Weighted([self.people[r] for r in stay], [self._weights[r] for r in stay])
        return self._present[percent]

    def visits(self, share: float) -> float:
        """Expected visits a week at a share of the level."""
        return self.visits_a_week * self.present(share).total / self.present(1.0).total


def _visits_for(weekly_members: float, weights: Sequence[float]) -> float:
    """Visits a week that give this many distinct visitors, by bisection."""
    total = sum(weights)
    low, high = 0.0, MOST_VISITS_PER_MEMBER * weekly_members
    for _ in range(60):
        visits = (low + high) / 2
        regular = visits * (1 - PASSERS_BY)
        distinct = sum(1 - math.exp(-regular * weight / total) for weight in weights) + visits * PASSERS_BY
        low, high = (visits, high) if distinct < weekly_members else (low, visits)
    return high
