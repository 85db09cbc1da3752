"""What one call of the judge gathers about some shards, and how it is parted among them to be kept."""

from __future__ import annotations

from collections import defaultdict
from typing import TYPE_CHECKING

import numpy as np

from pipeline.model import AlertState
from pipeline.publish.alerts import encode_transition
from pipeline.readings import encode_readings
from pipeline.windows.store import Verdicts

if TYPE_CHECKING:
    from numpy.typing import NDArray

    from pipeline.model import AlertTransition
    from pipeline.readings import ReadingColumns
    from pipeline.remembering import Remembered
    from pipeline.scoring.abaque import Abaque
    from pipeline.scoring.profile import Profile
    from pipeline.windows.day_columns import DayColumns

TELLING_SHARD = 0
"""The shard whose judge tells the steps of the network's own alert."""


class Work:
    """What one call of `judge` gathers until it is committed; lists are in the order of the communities read."""

    def __init__(
        self,
        network: str,
        shards: tuple[int, ...],
        remembered: Remembered,
        profile: Profile | None,
        abaque: Abaque | None,
    ) -> None:
        self.network = network
        self.shards = shards
        self.profile = profile
        self.abaque = abaque
        self.remembered = remembered
        self.network_steps: list[AlertTransition] = []
        self.lives: dict[str, bytes] = {}

    def take(self, source: DayColumns) -> None:
        """Take in which communities there are."""
        self._shard_of = np.array(source.shards, dtype=np.int64)
        self.remembered = self.remembered.of(source.communities)
        self.readings: ReadingColumns
        self.steps: dict[int, list[AlertTransition]] = defaultdict(list)
        """By place, of those that take any."""

    def verdicts_by_shard(self) -> dict[int, Verdicts]:
        """What is to be kept of each shard."""
        by_shard = {shard: self._verdicts(np.flatnonzero(self._shard_of == shard)) for shard in self.shards}
        for place, steps in sorted(self.steps.items()):
            by_shard[int(self._shard_of[place])].steps.extend(_outbox_row(step) for step in steps)
        if TELLING_SHARD in by_shard:
            by_shard[TELLING_SHARD].steps.extend(_outbox_row(step) for step in self.network_steps)
        return by_shard

    def _verdicts(self, rows: NDArray[np.int64]) -> Verdicts:
        readings = self.readings.take(rows)
        lives = {name: self.lives[name] for name in readings.communities if name in self.lives}
        return Verdicts(self.remembered.pack(rows), encode_readings(readings), [], lives)

    def kept_steps(self, held: set[int]) -> list[AlertTransition]:
        """The steps of all shards but the `held` ones, whose verdicts another judge has kept."""
        steps = [step for place, told in self.steps.items() if self._shard_of[place] not in held for step in told]
        return steps if TELLING_SHARD in held else steps + self.network_steps


def _outbox_row(step: AlertTransition) -> tuple[str, bool, bytes]:
    is_open = step.state in {AlertState.RAISED, AlertState.UPDATED}
    return step.id, is_open, encode_transition(step)
