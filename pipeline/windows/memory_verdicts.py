"""Verdicts in the memory of one process: the `VerdictStore` of `backtest` and of tests."""

from __future__ import annotations

from typing import TYPE_CHECKING

from pipeline.readings import decode_readings

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.history import Reading
    from pipeline.windows.store import KeptProfile, Verdicts


class MemoryVerdicts:
    """`VerdictStore` in memory; nothing is forgotten, nothing is shared between processes."""

    def __init__(self) -> None:
        self._judged: dict[tuple[str, int], int] = {}
        self._verdicts: dict[tuple[str, int], Verdicts] = {}
        self._lives: dict[tuple[str, int], dict[str, bytes]] = {}
        self._profiles: dict[str, KeptProfile] = {}
        self._loaded_abaques: dict[str, bytes] = {}
        self.steps: list[bytes] = []
        """Alert transitions as JSON, in the order in which they were kept."""

    async def judged(self, network: str) -> dict[int, int]:
        """See `VerdictStore.judged`."""
        return {shard: day for (name, shard), day in self._judged.items() if name == network}

    async def states(self, network: str, shards: Sequence[int]) -> list[bytes | None]:
        """See `VerdictStore.states`."""
        kept = [self._verdicts.get((network, shard)) for shard in shards]
        return [None if verdicts is None else verdicts.states for verdicts in kept]

    async def readings(self, network: str) -> list[Reading]:
        """See `VerdictStore.readings`."""
        kept = [verdicts.readings for (name, _), verdicts in self._verdicts.items() if name == network]
        return [reading for value in kept for reading in decode_readings(value).readings()]

    async def commit(self, network: str, shard: int, first_day: int, last_day: int, verdicts: Verdicts) -> bool:
        """See `VerdictStore.commit`."""
        judged = self._judged.get((network, shard))
        if judged is not None and judged != first_day - 1:
            return False
        self._judged[network, shard] = last_day
        self._verdicts[network, shard] = verdicts
        self.steps.extend(step for _, _, step in verdicts.steps)
        self._lives.setdefault((network, shard), {}).update(verdicts.lives)
        return True

    async def lives(self, network: str, shards: Sequence[int]) -> dict[str, bytes]:
        """See `VerdictStore.lives`."""
        kept = [self._lives.get((network, shard), {}) for shard in shards]
        return {name: life for lives in kept for name, life in lives.items()}

    async def profile(self, network: str) -> KeptProfile | None:
        """See `VerdictStore.profile`."""
        return self._profiles.get(network)

    async def keep_profile(self, network: str, profile: KeptProfile) -> None:
        """See `VerdictStore.keep_profile`."""
        self._profiles[network] = profile

    async def loaded_abaque(self, network: str) -> bytes | None:
        """See `VerdictStore.loaded_abaque`."""
        return self._loaded_abaques.get(network)

    async def keep_loaded_abaque(self, network: str, abaque: bytes | None) -> None:
        """See `VerdictStore.keep_loaded_abaque`."""
        if abaque is None:
            self._loaded_abaques.pop(network, None)
        else:
            self._loaded_abaques[network] = abaque
