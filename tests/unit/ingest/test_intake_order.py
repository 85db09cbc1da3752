"""Departments are written before a batch is counted, so that a crash between the two writes them again."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast
from unittest.mock import AsyncMock, Mock

import pytest

from pipeline.errors import RetryLater
from pipeline.ingest.trust import Trust
from pipeline.intake import Intake
from pipeline.kafka_topics import ActivityTopic
from pipeline.pseudonyms import PSEUDONYM_CHARACTERS
from pipeline.windows.aggregate import Aggregator
from pipeline.windows.memory_store import MemoryStore
from tests.unit.ingest.records import DAY, HOUR, NOON, RULES, batch, changed

if TYPE_CHECKING:
    from pipeline.windows.redis_store import RedisStore


class StoreThatFailsOnce(MemoryStore):
    """Loses its connection at the first batch, before anything is counted."""

    refused = 0

    def __init__(self) -> None:
        super().__init__()
        self.known_at_apply: list[dict[str, str]] = []
        self.fences = AsyncMock(lost=AsyncMock(return_value={}))

    def forget_described(self) -> None:
        """Nothing is remembered."""

    async def apply(self, *batch: Any) -> dict[int, int]:
        self.known_at_apply.append(await self.departments("acme"))
        if len(self.known_at_apply) == 1:
            raise RetryLater("gone")
        return await super().apply(*batch)


def pseudonym(_: str, actor: str) -> str:
    return actor.ljust(PSEUDONYM_CHARACTERS, "_")


def test_a_batch_that_fails_has_its_departments_written_and_is_counted_once_when_it_comes_again() -> None:
    # describe .. apply fails | describe again .. apply
    async def run() -> StoreThatFailsOnce:
        store, trust = StoreThatFailsOnce(), Trust(RULES, pseudonym)
        intake = Intake(
            trust,
            Aggregator(1, lambda _: "UTC"),
            cast("RedisStore", store),
            AsyncMock(standings=AsyncMock(return_value={}), first_days=AsyncMock(return_value={}), go_on_from=Mock()),
            AsyncMock(),
            Mock(),
            HOUR,
            AsyncMock(return_value=ActivityTopic("", 4)),
            AsyncMock(),
        )
        await intake.start_positions({("esn", 3)})
        work = intake.take(batch([changed(data__department="Ventes", data__line="practice")]))
        assert work is not None
        with pytest.raises(RetryLater):
            await intake.apply(work)
        assert await store.networks() == [], "nothing was counted yet"
        await intake.apply(work)
        return store

    store = asyncio.run(run())
    assert store.known_at_apply == [{pseudonym("acme", "ann"): "Ventes"}] * 2
    day = int(NOON // DAY)
    found = asyncio.run(store.read_days("acme", [0], day, day))
    assert found.lines == ("practice",)
    assert found.network_columns.activities[-1] == 1


def test_a_loss_that_a_rebalance_meets_first_is_said(caplog: pytest.LogCaptureFixture) -> None:
    # counted to 10 | revoked, Redis emptied | assigned again: nothing kept, less than was seen
    async def run() -> Mock:
        store, metrics = StoreThatFailsOnce(), Mock()
        store.fences = AsyncMock(lost=AsyncMock(return_value={"esn:3": 0}))
        intake = Intake(
            Trust(RULES, pseudonym),
            Aggregator(1, lambda _: "UTC"),
            cast("RedisStore", store),
            AsyncMock(standings=AsyncMock(return_value={}), first_days=AsyncMock(return_value={}), go_on_from=Mock()),
            AsyncMock(),
            metrics,
            HOUR,
            AsyncMock(return_value=ActivityTopic("", 4)),
            AsyncMock(),
        )
        assert await intake.start_positions({("esn", 3), ("esn", 4)}) == {("esn", 3): 0, ("esn", 4): 0}
        return metrics

    metrics = asyncio.run(run())
    metrics.lost.assert_called_once_with()
    assert "Redis has lost activities of esn:3" in caplog.text
