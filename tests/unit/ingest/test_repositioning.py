"""Start positions are asked for by rebalances and after losses: one call after the other, and the newest counts."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING, Any, cast

from faust.types import TP

from pipeline.errors import RetryLater
from pipeline.ingest.batch_app import BatchApp
from pipeline.settings import Settings

if TYPE_CHECKING:
    from collections.abc import Mapping

    from pipeline.ingest.batch_handler import BatchHandler, Partition

TOPIC = "esn.activity.v1"


class Handler:
    """Answers with offset 10 to the first that asks, 20 to the second, each when it is let go."""

    def __init__(self) -> None:
        self.asked = 0
        self.asking = 0
        self.most_at_once = 0
        self.go_on = [asyncio.Event(), asyncio.Event()]

    async def start_positions(self, partitions: set[Partition]) -> Mapping[Partition, int]:
        self.asked += 1
        place = self.asked
        self.asking += 1
        self.most_at_once = max(self.most_at_once, self.asking)
        await self.go_on[place - 1].wait()
        self.asking -= 1
        return dict.fromkeys(partitions, 10 * place)


class Consumer:
    """Knows one partition, and where it was made to seek."""

    def __init__(self) -> None:
        self.sought: list[dict[TP, int]] = []

    def assignment(self) -> set[TP]:
        return {TP(TOPIC, 0)}

    async def seek_to(self, positions: dict[TP, int], _epoch: int) -> None:
        self.sought.append(positions)


def app_of(handler: object, consumer: Consumer) -> BatchApp:
    app = BatchApp(Settings(), None, cast("BatchHandler[object]", handler))
    app._consumer = cast("Any", consumer)
    return app


def test_a_call_that_is_overtaken_ends_before_the_next_begins_and_moves_nothing() -> None:
    async def run() -> None:
        handler, consumer = Handler(), Consumer()
        app = app_of(handler, consumer)
        first = asyncio.ensure_future(app.reposition())
        await asyncio.sleep(0.01)
        second = asyncio.ensure_future(app.reposition())
        handler.go_on[1].set()
        await asyncio.sleep(0.01)
        assert (handler.asked, app.is_repositioning) == (1, True)
        handler.go_on[0].set()
        assert await first == {}
        assert await second == {TP(TOPIC, 0): 20}
        assert handler.most_at_once == 1
        assert consumer.sought == [{TP(TOPIC, 0): 20}]
        assert not app.is_repositioning
        app.lanes.close()

    asyncio.run(run())


def test_an_answer_that_does_not_come_is_waited_for_until_somebody_newer_asks() -> None:
    class Away(Handler):
        async def start_positions(self, partitions: set[Partition]) -> Mapping[Partition, int]:
            self.asked += 1
            if self.asked <= 2:
                raise RetryLater("Redis is away")
            return dict.fromkeys(partitions, 30)

    async def run() -> None:
        consumer = Consumer()
        app = app_of(Away(), consumer)
        first = asyncio.ensure_future(app.reposition())
        await asyncio.sleep(0.01)
        assert await app.reposition() == {TP(TOPIC, 0): 30}
        assert await first == {}
        assert consumer.sought == [{TP(TOPIC, 0): 30}]
        app.lanes.close()

    asyncio.run(run())
