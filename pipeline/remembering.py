"""What judging remembers of many communities between two boundaries, and how it is kept: one packed value a shard."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import msgspec
import numpy as np

from pipeline.history import DetectorState  # noqa: TC001 - msgspec reads it at run time
from pipeline.packing import Unpacker, pack
from pipeline.scoring.phase import PhaseStates

if TYPE_CHECKING:
    from collections.abc import Sequence

    from numpy.typing import NDArray


class Remembered(msgspec.Struct, eq=False):
    """Of C communities of one network. What few of them have stands under their place in `communities`.

    `alerts[place]` holds JSON values: `detector` (its state), `stage`, `raised` and `untold` of an open alert, `early`
    (days of early recoveries); communities with nothing of it are left out. `champions[place]` is the packed state of
    `champion_notices.review`, which only a review unpacks.
    """

    network: DetectorState
    communities: list[str]
    phases: PhaseStates
    alerts: dict[int, dict[str, Any]]
    champions: dict[int, msgspec.Raw]

    def of(self, communities: Sequence[str]) -> Remembered:
        """The same for these communities, in their order; those not known yet are as at first."""
        wanted = list(communities)
        if wanted == self.communities:
            return self
        place_before = {name: place for place, name in enumerate(self.communities)}
        before = np.array([place_before.get(name, -1) for name in wanted], dtype=np.int64)
        at_first = PhaseStates.at_first(1)
        phases = PhaseStates(
            *(
                # Place -1, the last one, is that of a community not known yet.
                np.append(getattr(self.phases, name), getattr(at_first, name))[before]
                for name in PhaseStates.__struct_fields__
            )
        )
        alerts, champions = (_moved(found, before) for found in (self.alerts, self.champions))
        return Remembered(self.network, wanted, phases, alerts, champions)

    def detector_states(self) -> list[DetectorState]:
        """The detector's state of each community."""
        states: list[DetectorState] = [{}] * len(self.communities)
        for place, alert in self.alerts.items():
            states[place] = alert["detector"]
        return states

    def pack(self, rows: NDArray[np.int64]) -> bytes:
        """What is to be kept of some communities, in their order."""
        return pack(self if len(rows) == len(self.communities) else self._take(rows))

    def _take(self, rows: NDArray[np.int64]) -> Remembered:
        phases = PhaseStates(*(getattr(self.phases, name)[rows] for name in PhaseStates.__struct_fields__))
        alerts, champions = (_moved(found, rows) for found in (self.alerts, self.champions))
        return Remembered(self.network, [self.communities[row] for row in rows.tolist()], phases, alerts, champions)


def unpack(values: Sequence[bytes | None]) -> Remembered:
    """What was kept of several shards, together; None for one that was never judged."""
    kept = [_unpack(value) for value in values if value is not None]
    together = Remembered({}, [], PhaseStates.at_first(0), {}, {})
    for shard in kept:
        offset = len(together.communities)
        together.network = shard.network
        together.communities += shard.communities
        together.alerts |= {offset + place: found for place, found in shard.alerts.items()}
        together.champions |= {offset + place: found for place, found in shard.champions.items()}
    if kept:
        together.phases = PhaseStates(
            *(np.concatenate([getattr(shard.phases, name) for shard in kept]) for name in PhaseStates.__struct_fields__)
        )
    return together


def _moved(found: dict[int, Any], places_before: NDArray[np.int64]) -> dict[int, Any]:
    """By the new place of each community instead of its place before."""
    now = np.flatnonzero(np.isin(places_before, list(found)))
    return {place: found[before] for place, before in zip(now.tolist(), places_before[now].tolist(), strict=True)}


_unpack = Unpacker(Remembered)
