"""A loss is told of once, however long it takes to find out where to read on from."""

from __future__ import annotations

import asyncio
from types import SimpleNamespace
from typing import Any, cast
from unittest.mock import AsyncMock, Mock

from pipeline.errors import Rewind
from pipeline.kafka_topics import ActivityTopic
from pipeline.worker import Worker


def worker_of(app: object) -> Any:
    """A worker whose Redis has lost something, and whose topic was made anew."""
    worker = cast("Any", Worker.__new__(Worker))
    worker.app, worker.metrics, worker.instance = app, Mock(), AsyncMock()
    worker.intake = SimpleNamespace(verify=AsyncMock(side_effect=Rewind("lost")), topic=ActivityTopic("old", 1))
    worker.topic = SimpleNamespace(ask=AsyncMock(return_value=ActivityTopic("new", 1)))
    worker._settings = SimpleNamespace(kafka=SimpleNamespace(activity_topic="esn.activity.v1"))
    return worker


def test_a_loss_and_a_topic_made_anew_are_told_of_once_until_the_worker_reads_again() -> None:
    async def run() -> None:
        app = SimpleNamespace(is_repositioning=False, rewind=Mock())
        worker = worker_of(app)
        await worker.verify()
        await worker.watch()
        assert (worker.metrics.lost.call_count, app.rewind.call_count) == (1, 2)
        app.is_repositioning = True
        await worker.verify()
        await worker.watch()
        assert (worker.metrics.lost.call_count, app.rewind.call_count) == (1, 2)
        assert worker.instance.verify.await_count == 2

    asyncio.run(run())
