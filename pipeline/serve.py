"""`elan serve`: reads what the workers left in Redis and exposes it; writes nothing, so one or two may run."""

from __future__ import annotations

import asyncio
import logging
import platform
from typing import TYPE_CHECKING
from zoneinfo import ZoneInfo

import numpy as np
import orjson

from pipeline import __version__, clock
from pipeline.endpoint import endpoint
from pipeline.errors import RetryLater
from pipeline.publish.alerts import day_start_seconds
from pipeline.publish.community_metrics import CommunityMetrics, NetworkNews
from pipeline.redis_clients import async_redis_client
from pipeline.scoring.concentration import concentration
from pipeline.telemetry import Telemetry
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.redis_verdicts import RedisVerdicts

if TYPE_CHECKING:
    from collections.abc import Callable

    from pipeline.settings import Settings

log = logging.getLogger(__name__)

REFRESH_SECONDS = 5.0
STALE_SECONDS = 60.0


class Board:
    """The latest state of all networks, read again every few seconds."""

    def __init__(
        self,
        store: RedisStore,
        verdicts: RedisVerdicts,
        shards: int,
        zone_of: Callable[[str], ZoneInfo],
        metrics: CommunityMetrics,
    ) -> None:
        self._store = store
        self._verdicts = verdicts
        self._shards = shards
        self._zone_of = zone_of
        self._metrics = metrics
        self._refreshed_seconds: float | None = None
        self._trouble = "no state was read from Redis yet"

    async def refresh(self) -> None:
        """Read the newest readings; trouble is kept for readiness and the last readings stay."""
        try:
            news = {network: await self._news_of(network) for network in await self._store.networks()}
        except RetryLater as trouble:
            self._trouble = str(trouble)
            log.warning("%s", trouble)
            return
        self._metrics.update(news)
        self._refreshed_seconds = clock.monotonic_seconds()
        self._trouble = f"nothing was read from Redis for {STALE_SECONDS:.0f} s"

    async def _news_of(self, network: str) -> NetworkNews:
        readings = await self._verdicts.readings(network)
        judged = await self._verdicts.judged(network)
        is_judged = len(judged) == self._shards
        opened = [orjson.loads(step) for step in await self._verdicts.open_alerts(network)]
        spread = concentration(np.array([reading.activities_28_days for reading in readings], dtype=np.int64))
        return NetworkNews(
            readings,
            day_start_seconds(min(judged.values()) + 1, self._zone_of(network)) if is_judged else None,
            [(step["alert"], step["stage"]) for step in opened],
            spread.top_tenth_share if spread else None,
            spread.gini if spread else None,
        )

    def why_not_ready(self) -> str | None:
        """None while the state shown is fresh."""
        if self._refreshed_seconds is None or clock.monotonic_seconds() - self._refreshed_seconds > STALE_SECONDS:
            return self._trouble
        return None


async def serve(board: Board, metrics: CommunityMetrics, host: str, port: int, on_url: Callable[[str], None]) -> None:
    """Expose until cancelled. `on_url` is told where."""
    telemetry = Telemetry("serve")
    telemetry.registry.register(metrics)
    telemetry.gauge("elan_build_info").labels(__version__, platform.python_version()).set(1)
    # Asked at each scrape: a refresh that hangs must not leave the answer of the one before.
    telemetry.gauge("elan_ready").set_function(lambda: float(board.why_not_ready() is None))
    await board.refresh()
    async with endpoint(host, port, telemetry.registry, board.why_not_ready) as url:
        on_url(url)
        while True:
            await asyncio.sleep(REFRESH_SECONDS)
            await board.refresh()


async def run_serve(settings: Settings, on_url: Callable[[str], None]) -> None:
    """`elan serve`, until cancelled.

    Raises:
        ServerError: Redis cannot be reached, or the port is taken.
    """
    namespace, shards = settings.redis.namespace, settings.redis.shards
    metrics = CommunityMetrics(settings.privacy.smallest_group, settings.serve.community_series)
    async with async_redis_client(settings) as client:
        board = Board(
            RedisStore(client, namespace, shards),
            RedisVerdicts(client, namespace, shards),
            shards,
            lambda network: ZoneInfo(settings.network(network).time_zone),
            metrics,
        )
        await serve(board, metrics, settings.serve.host, settings.serve.port, on_url)
