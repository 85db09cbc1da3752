"""What a judge must stand: a shard without communities, alone because another judge died between two commits."""

from __future__ import annotations

import asyncio

from pipeline.judging import Judge
from pipeline.model import Kind, trusted_activity
from pipeline.rules import rules_of
from pipeline.settings import load_settings
from pipeline.windows.aggregate import Aggregator
from pipeline.windows.columns import KIND_COLUMN
from pipeline.windows.memory_store import MemoryStore
from pipeline.windows.memory_verdicts import MemoryVerdicts

SHARDS, FIRST_DAY, DAYS, DAY_SECONDS = 4, 20_000, 120, 86_400


def test_a_shard_without_communities_is_judged_alone() -> None:
    # shard of "wine"  ████   the other three hold nothing, and must come along all the same
    async def run() -> dict[int, int]:
        store, verdicts = MemoryStore(), MemoryVerdicts()
        activities = [
            trusted_activity(
                n,
                (FIRST_DAY + n / 3) * DAY_SECONDS,
                KIND_COLUMN[Kind.POST],
                "acme",
                "wine",
                f"member-{n % 5:04}",
            )
            for n in range(3 * DAYS)
        ]
        await store.apply("esn:0", 0, len(activities), Aggregator(SHARDS, lambda _: "UTC").add(activities))
        judge = Judge(store, verdicts, rules_of(load_settings(environ={"ELAN_MODE": "development"})))
        for shard in range(SHARDS):
            await judge.judge("acme", [shard], FIRST_DAY, FIRST_DAY + DAYS - 1)
        return await verdicts.judged("acme")

    assert asyncio.run(run()) == dict.fromkeys(range(SHARDS), FIRST_DAY + DAYS - 1)
