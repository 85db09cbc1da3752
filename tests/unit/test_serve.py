"""What `elan serve` says of itself and of a network, whatever its Redis does."""

from __future__ import annotations

import asyncio
from unittest.mock import AsyncMock
from zoneinfo import ZoneInfo

import aiohttp
import pytest

from pipeline import serve
from pipeline.errors import RetryLater
from pipeline.publish.community_metrics import CommunityMetrics
from pipeline.serve import Board

SHARDS, DAY = 4, 20_000


def board(networks: AsyncMock, judged: dict[int, int] | None = None) -> tuple[Board, CommunityMetrics]:
    """A board over a store that answers like this."""
    verdicts = AsyncMock(
        judged=AsyncMock(return_value=judged or {}),
        readings=AsyncMock(return_value=[]),
        open_alerts=AsyncMock(return_value=[]),
    )
    metrics = CommunityMetrics(smallest_group=5, series_budget=10)
    return Board(AsyncMock(networks=networks), verdicts, SHARDS, lambda _: ZoneInfo("UTC"), metrics), metrics


def test_a_refresh_that_hangs_turns_readiness_off_in_the_metric_and_at_the_door(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    # read once, then no answer any more
    monkeypatch.setattr(serve, "REFRESH_SECONDS", 0.01)
    monkeypatch.setattr(serve, "STALE_SECONDS", 0.3)
    hanging = asyncio.Event()

    async def networks() -> list[str]:
        if store.await_count > 1:
            await hanging.wait()
        return []

    store = AsyncMock(side_effect=networks)

    async def answers() -> list[tuple[str, str]]:
        shown, metrics = board(store)
        told: asyncio.Future[str] = asyncio.get_running_loop().create_future()
        serving = asyncio.create_task(serve.serve(shown, metrics, "127.0.0.1", 0, told.set_result))
        async with aiohttp.ClientSession(await told) as client:
            found = []
            for pause_seconds in (0.0, 0.5):
                await asyncio.sleep(pause_seconds)
                exposed = await (await client.get("/metrics")).text()
                (ready,) = [line for line in exposed.splitlines() if line.startswith("elan_ready ")]
                found.append((ready, await (await client.get("/-/ready")).text()))
        serving.cancel()
        return found

    assert asyncio.run(answers()) == [
        ("elan_ready 1.0", "ready\n"),
        ("elan_ready 0.0", "nothing was read from Redis for 0 s\n"),
    ]


def test_trouble_that_is_over_is_not_the_reason_of_what_comes_later(monkeypatch: pytest.MonkeyPatch) -> None:
    shown, _ = board(AsyncMock(side_effect=[RetryLater("Redis is loading"), []]))
    asyncio.run(shown.refresh())
    assert shown.why_not_ready() == "Redis is loading"
    asyncio.run(shown.refresh())
    monkeypatch.setattr(serve, "STALE_SECONDS", -1.0)
    assert shown.why_not_ready() == "nothing was read from Redis for 60 s"


@pytest.mark.parametrize(
    ("judged", "watermark"),
    [
        ({}, []),
        ({0: DAY, 1: DAY, 2: DAY}, []),
        ({0: DAY, 1: DAY, 2: DAY, 3: DAY + 1}, [(DAY + 1) * 86_400.0]),
    ],
)
def test_a_network_has_a_watermark_once_all_of_its_shards_were_judged(
    judged: dict[int, int], watermark: list[float]
) -> None:
    shown, metrics = board(AsyncMock(return_value=["acme"]), judged)
    asyncio.run(shown.refresh())
    values = {family.name: family.samples for family in metrics.collect()}
    assert [sample.value for sample in values["elan_network_watermark_timestamp_seconds"]] == watermark
