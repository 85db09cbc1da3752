"""What a judge must stand: a shard without communities, and communities too small to be named."""

from __future__ import annotations

import asyncio
from itertools import count
from typing import TYPE_CHECKING
from zlib import crc32

from pipeline.judging import Judge
from pipeline.model import AlertKind, AlertState, AlertTransition, Kind, trusted_activity
from pipeline.reviewing import REVIEW_DAYS
from pipeline.rules import rules_of
from pipeline.settings import load_settings
from pipeline.windows.aggregate import Aggregator
from pipeline.windows.columns import KIND_COLUMN
from pipeline.windows.memory_store import MemoryStore
from pipeline.windows.memory_verdicts import MemoryVerdicts

if TYPE_CHECKING:
    from collections.abc import Sequence

    from pipeline.history import Reading

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


def judged(posts: list[tuple[float, str, int]]) -> tuple[list[AlertTransition], list[dict[str, Reading]]]:
    """The alerts of declines, and every day's readings by community, of posts (day, community, member) day by day."""
    steps, readings = told(posts)
    return [step for step in steps if step.alert is AlertKind.MOMENTUM], readings


def told(
    posts: list[tuple[float, str, int]], closings: Sequence[tuple[float, str, int]] = ()
) -> tuple[list[AlertTransition], list[dict[str, Reading]]]:
    """The same with all that is told, notices and the network's alert as well; `closings` are communities archived."""
    found: list[dict[str, Reading]] = []

    async def run() -> list[AlertTransition]:
        store = MemoryStore()
        activities = [
            trusted_activity(
                n,
                (FIRST_DAY + day) * DAY_SECONDS,
                KIND_COLUMN[kind],
                "acme",
                community,
                f"{community:-<7}{member:04}",
            )
            for n, (day, community, member, kind) in enumerate(
                sorted([(*post, Kind.POST) for post in posts] + [(*each, Kind.COMMUNITY_ARCHIVED) for each in closings])
            )
        ]
        await store.apply("esn:0", 0, len(activities), Aggregator(SHARDS, lambda _: "UTC").add(activities))
        judge = Judge(
            store,
            MemoryVerdicts(),
            rules_of(load_settings(environ={"ELAN_MODE": "development"})),
            on_readings=lambda _, readings: found.append({reading.community: reading for reading in readings}),
        )
        last_day, steps = FIRST_DAY + int(max(posts)[0]), []
        for day in range(FIRST_DAY, last_day + 1):
            steps += await judge.judge("acme", range(SHARDS), day, day)
        return steps

    return asyncio.run(run()), found


def steady(days: int) -> list[tuple[float, str, int]]:
    """The rest of the network: in another community somebody posts every hour."""
    return [(hour / 24, "tea", hour % 30) for hour in range(days * 24)]


def posts_of(members: int, days: range) -> list[tuple[float, str, int]]:
    """These many members of "wine" post once on each of these days."""
    return [(day + 0.5, "wine", member) for day in days for member in range(members)]


def test_a_community_of_fewer_than_five_active_members_is_judged_and_never_named() -> None:
    # "wine" for 20 weeks, then nobody for 4
    first, *_ = judged(steady(24 * 7) + posts_of(5, range(20 * 7)))[0]
    assert first.state is AlertState.RAISED
    assert judged(steady(24 * 7) + posts_of(4, range(20 * 7)))[0] == []


def test_an_alert_raised_while_its_community_was_too_small_stays_unseen_when_it_grows() -> None:
    # four post for 20 weeks and stop; four weeks later, when the alert is open, a fifth looks in
    steps, readings = judged([*steady(25 * 7), *posts_of(4, range(20 * 7)), (24 * 7 + 0.5, "wine", 4)])
    last = readings[-1]["wine"]
    assert steps == []
    assert (last.active_members["365d"], last.verdict, last.alert_stage) == (5, "losing_momentum", None)


def test_an_early_recovery_is_counted_for_a_year() -> None:
    # 30 post for 17 weeks, two for four, then 30 again
    busy, low, end = range(17 * 7), range(17 * 7, 21 * 7), 80 * 7
    steps, readings = judged(steady(end) + posts_of(30, busy) + posts_of(2, low) + posts_of(30, range(21 * 7, end)))
    (recovered,) = [
        n
        for n, day in enumerate(readings)
        if day["wine"].early_recoveries and not readings[n - 1]["wine"].early_recoveries
    ]
    assert [step.reason for step in steps if step.state is AlertState.RESOLVED] == ["recovered"]
    assert [readings[recovered + later]["wine"].early_recoveries for later in (0, 364, 365)] == [1, 1, 0]


def without(posts: list[tuple[float, str, int]], stopped: range) -> list[tuple[float, str, int]]:
    """The same from a source that delivers nothing on these days."""
    return [post for post in posts if int(post[0]) not in stopped]


def reviewed_on(day: int) -> str:
    """The id of a community whose champions are looked at on this day."""
    names = (f"wine-{number}" for number in count())
    return next(name for name in names if (crc32(name.encode()) + FIRST_DAY + day) % REVIEW_DAYS == 0)


def test_no_champion_is_told_of_whose_silence_is_that_of_the_source() -> None:
    # the champion posts thrice a day, takes days 137 to 139 off, and the source delivers nothing on days 140 to 169
    wine, off, end = reviewed_on(158), range(137, 140), 200
    champion = [(day + hour, wine, 0) for day in range(end) if day not in off for hour in (0.3, 0.5, 0.7)]
    others = [(day + 0.5, wine, 1 + day % 7) for day in range(end)]
    steps, _ = told(without(steady(end) + champion + others, range(140, 170)))
    assert AlertKind.NETWORK in {step.alert for step in steps}
    assert [step for step in steps if step.alert is AlertKind.CHAMPION_SILENT] == []


def test_dormancy_is_told_of_once_the_source_is_back_and_only_of_who_stays_away() -> None:
    # "beer" until day 119, nothing from the source on days 140 to 214, then "wine" alone goes on
    end = 245
    beer = [(day + 0.4, "beer", member) for day in range(120) for member in range(10)]
    steps, _ = told(without(steady(end) + posts_of(10, range(end)) + beer, range(140, 215)))
    found = [(step.community, step.at[:10]) for step in steps if step.alert is AlertKind.DORMANCY]
    # Fourteen boundaries from that of day 215 on; FIRST_DAY is 4 October 2024.
    assert found == [("beer", "2025-05-21")]


def test_a_community_that_its_platform_has_closed_is_not_told_of_as_dormant() -> None:
    # "wine" until day 119, then nobody; told on day 188, unless it was archived on day 120
    posts = steady(200) + posts_of(10, range(120))
    left, closed = (told(posts, closings)[0] for closings in ([], [(120.5, "wine", 0)]))
    assert [step.community for step in left if step.alert is AlertKind.DORMANCY] == ["wine"]
    assert [step for step in closed if step.alert is AlertKind.DORMANCY] == []
