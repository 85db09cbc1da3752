"""What the workers left in Redis of one community: the curve of its last year, where it stands, its open alert."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import RetryLater, ServerError, SettingsError
from pipeline.lab.explained import add_surroundings
from pipeline.lab.runs import CommunityRun
from pipeline.model import AlertTransition
from pipeline.scoring.champions import champions
from pipeline.scoring.quadrants import quadrants
from pipeline.windows.aggregate import shard_of
from pipeline.windows.day_columns import Windows
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.redis_verdicts import RedisVerdicts

if TYPE_CHECKING:
    from pipeline.history import Reading
    from pipeline.settings import Settings
    from pipeline.windows.redis_scripts import Client


async def read_live_run(client: Client, settings: Settings, community: str, network: str | None) -> CommunityRun:
    """The curve day by day; baseline, momentum and phase are kept for the newest boundary alone.

    Raises:
        SettingsError: no such community, or several networks have one and none was named.
        ServerError: Redis went away.
    """
    namespace, shards = settings.redis.namespace, settings.redis.shards
    store, verdicts = RedisStore(client, namespace, shards), RedisVerdicts(client, namespace, shards)
    try:
        networks = [network] if network else await store.networks()
        found = [(name, r) for name in networks for r in await verdicts.readings(name) if r.community == community]
        if len(found) != 1:
            what = "is in several networks: name one with --network" if found else "was never judged; see `elan status`"
            raise SettingsError(f"Community {community!r} {what}.")
        ((name, reading),) = found
        run = await _read(store, verdicts, name, reading, shards)
        await add_surroundings(run, verdicts, settings)
    except RetryLater as error:
        raise ServerError(f"{error}. Run `elan check`.") from error
    return run


async def _read(
    store: RedisStore, verdicts: RedisVerdicts, network: str, reading: Reading, shards: int
) -> CommunityRun:
    boundary, community = reading.boundary_day, reading.community
    days = await store.read_days(network, [shard_of(network, community, shards)], boundary, boundary)
    history = Windows(days).as_of(boundary)
    row = history.communities.index(community)
    series = history.participants_7_days[row]
    first = max(boundary - len(series) + 1, int(history.first_days[row]))
    run = CommunityRun(network, community, reading.name)
    run.days = list(range(first, boundary + 1))
    run.weekly_participants = [int(value) for value in series[-len(run.days) :]]
    unknown = [None] * (len(run.days) - 1)
    run.baselines = [*unknown, reading.baseline_weekly_participants]
    run.momentum_ratios = [*unknown, reading.momentum_ratio]
    run.phases = [*unknown, reading.phase]
    run.first_day, run.line = int(history.first_days[row]), reading.line
    run.engagement_percentile = reading.engagement_percentile
    steps = [msgspec.json.decode(value, type=AlertTransition) for value in await verdicts.open_alerts(network)]
    run.alerts = [step for step in steps if step.community == community]
    (members,) = await store.members(network, [community], boundary)
    run.champions, run.quadrants = champions(members, boundary), quadrants(members, boundary)
    return run
