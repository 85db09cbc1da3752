"""What `elan explain` tells of a community from Redis alone."""

from __future__ import annotations

import asyncio
from io import StringIO
from typing import TYPE_CHECKING

import redis.asyncio
from rich.console import Console

from pipeline.cli.explain import show
from pipeline.judging import Judge
from pipeline.lab.live_run import read_live_run
from pipeline.rules import rules_of
from pipeline.settings import Settings
from pipeline.settings.servers import RedisSettings
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.redis_verdicts import RedisVerdicts
from tests.integration.windows.test_stores_agree import SHARDS, activity, boundaries_of, feed, numbered

if TYPE_CHECKING:
    from pipeline.lab.runs import CommunityRun


def test_only_the_present_phase_is_told_where_no_other_is_known(valkey_url: str) -> None:
    # four members a day for 100 days, whose phase Redis knows as of the last day alone
    log = numbered([activity(0, n // 4, f"m{n % 6}") for n in range(400)])

    async def run() -> CommunityRun:
        settings = Settings(redis=RedisSettings(shards=SHARDS))
        async with redis.asyncio.Redis.from_url(valkey_url) as client:
            store, verdicts = RedisStore(client, "elan", SHARDS), RedisVerdicts(client, "elan", SHARDS)
            await feed(store, log, [])
            day = boundaries_of(log)[0]
            await Judge(store, verdicts, rules_of(settings)).judge("acme", range(SHARDS), day - 10, day)
            return await read_live_run(client, settings, "a", None)

    found, console = asyncio.run(run()), Console(file=StringIO(), width=200)
    show(found, console)
    printed = console.file.getvalue()  # type: ignore[attr-defined]
    assert len(found.days) == 100
    assert found.phases == [*[None] * 99, found.phases[-1]]
    assert f"phase {found.phases[-1]}." in printed
    assert "phases:" not in printed
    assert found.phase_changes() == [], "the picture draws these"
