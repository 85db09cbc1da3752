"""What a trial writes: the days of a made-up network, some of whose communities fall silent, so that alerts must come.

The same seed gives the same activities. A day is one chunk: its clock event goes to every partition first.
"""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime, timezone
from random import Random
from typing import TYPE_CHECKING

from pipeline.model import Activity, Kind

if TYPE_CHECKING:
    from collections.abc import Iterator

NETWORK = "acme"
DAY_SECONDS = 86_400
FIRST_DAY = 19_676
"""2023-11-15."""
KINDS = (Kind.POST, Kind.COMMENT, Kind.COMMENT, Kind.REACTION, Kind.REACTION, Kind.VIEW, Kind.MENTION, Kind.SHARE)
MOST_ACTS_A_DAY = 3
CHANCE_TO_ACT = 0.4


@dataclass(frozen=True)
class Load:
    """About `communities * members * days * 0.8` activities; every fourth community falls silent after `silent_after`.

    At most 360 days: the windows remember a year, and the final read compares every day of the trial.
    """

    seed: int
    communities: int = 16
    members: int = 12
    days: int = 150
    silent_after: int = 100

    def chunks(self) -> Iterator[tuple[float, list[Activity]]]:
        """(unix seconds of the midnight that begins a day, the activities of the day in time order)."""
        random = Random(self.seed)
        for day in range(FIRST_DAY, FIRST_DAY + self.days):
            yield day * DAY_SECONDS, sorted(self._day(random, day), key=lambda activity: activity.time)

    def _day(self, random: Random, day: int) -> Iterator[Activity]:
        for community in range(self.communities):
            if community % 4 == 0 and day >= FIRST_DAY + self.silent_after:
                continue
            for member in range(self.members):
                if random.random() < CHANCE_TO_ACT:
                    for act in range(random.randint(1, MOST_ACTS_A_DAY)):
                        seconds = day * DAY_SECONDS + random.randrange(DAY_SECONDS)
                        yield Activity(
                            id=f"{day}-{community}-{member}-{act}",
                            time=datetime.fromtimestamp(seconds, timezone.utc),
                            kind=random.choice(KINDS),
                            network=NETWORK,
                            community=f"community-{community}",
                            actor=f"person-{(community * 7 + member) % (4 * self.members)}",
                            platform="faults",
                        )


@dataclass(frozen=True)
class LoadOfNow(Load):
    """Activities dated when they are written, as platforms deliver them; no day passes, so nobody waits for judges."""

    chunks_of_20: int = 40

    def chunks(self) -> Iterator[tuple[float, list[Activity]]]:
        """(a clock event long past, activities of this moment)."""
        for chunk in range(self.chunks_of_20):
            moment = datetime.now(timezone.utc)
            yield (
                moment.timestamp() - DAY_SECONDS,
                [self._activity(f"{chunk}-{n}", moment, f"community-{n}") for n in range(20)],
            )

    def _activity(self, name: str, moment: datetime, community: str) -> Activity:
        return Activity(
            id=name, time=moment, kind=Kind.POST, network=NETWORK, community=community, actor="ann", platform="faults"
        )
