"""What a judge must stand: a shard without communities, and communities too small to be named."""

from __future__ import annotations

import asyncio

from pipeline.judging import Judge
from pipeline.model import AlertKind, AlertState, AlertTransition, Kind, trusted_activity
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


def steps_of(members: int) -> list[AlertTransition]:
    """What is told of a community whose `members` post every day for 20 weeks and never again, 24 weeks long.

    The network goes on: in another community somebody posts every hour.
    """

    async def run() -> list[AlertTransition]:
        store = MemoryStore()
        posts = [(day + 0.5, "wine", member) for day in range(20 * 7) for member in range(members)]
        posts += [(hour / 24, "tea", hour % 30) for hour in range(24 * 7 * 24)]
        activities = [
            trusted_activity(
                n,
                (FIRST_DAY + day) * DAY_SECONDS,
                KIND_COLUMN[Kind.POST],
                "acme",
                community,
                f"{community:-<7}{member:04}",
            )
            for n, (day, community, member) in enumerate(sorted(posts))
        ]
        await store.apply("esn:0", 0, len(activities), Aggregator(SHARDS, lambda _: "UTC").add(activities))
        judge = Judge(store, MemoryVerdicts(), rules_of(load_settings(environ={"ELAN_MODE": "development"})))
        return await judge.judge("acme", range(SHARDS), FIRST_DAY, FIRST_DAY + 24 * 7 - 1)

    return [step for step in asyncio.run(run()) if step.alert is AlertKind.MOMENTUM]


def test_a_community_of_fewer_than_five_active_members_is_judged_and_never_named() -> None:
    assert [step.state for step in steps_of(5)][:1] == [AlertState.RAISED]
    assert steps_of(4) == []
