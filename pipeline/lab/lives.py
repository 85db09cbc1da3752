"""The lives of a network's communities, and what they have taught: from Redis, or from a file replayed in memory."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

import msgspec

from pipeline.errors import InputError, RetryLater, ServerError, SettingsError
from pipeline.lab.replay_file import backtest_of, read_one_network
from pipeline.redis_clients import async_redis_client
from pipeline.scoring.life import Life
from pipeline.scoring.profile import Profile
from pipeline.sources.report import ImportReport
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.redis_verdicts import RedisVerdicts

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from pipeline.history import Reading
    from pipeline.settings import Settings
    from pipeline.windows.store import VerdictStore


class NetworkLives(NamedTuple):
    """All communities of one network as of its last survey; `readings` are of the newest boundary."""

    network: str
    day: int
    communities: tuple[str, ...]
    names: tuple[str | None, ...]
    lives: tuple[Life, ...]
    readings: tuple[Reading, ...]
    profile: Profile


async def read_lives(settings: Settings, events: Path | None, source: str, network: str | None) -> NetworkLives:
    """What is known of one network; from Redis where `events` is None.

    Raises:
        InputError: the file cannot be used, or is of several networks.
        SettingsError: Redis has several networks and none was named, or nothing was surveyed yet.
        ServerError: Redis cannot be reached.
    """
    if events is not None:
        return await _replayed(settings, events, source, network)
    namespace, shards = settings.redis.namespace, settings.redis.shards
    async with async_redis_client(settings) as client:
        store, verdicts = RedisStore(client, namespace, shards), RedisVerdicts(client, namespace, shards)
        try:
            name = only_network(await store.networks(), network)
            return await _read(verdicts, name, range(shards))
        except RetryLater as error:
            raise ServerError(f"{error}. Run `elan check`.") from error


def only_network(networks: list[str], wanted: str | None) -> str:
    """The network that is meant.

    Raises:
        SettingsError: there is none of that name, or several and none was named.
    """
    if wanted is not None and wanted in networks:
        return wanted
    if wanted is None and len(networks) == 1:
        return networks[0]
    if not networks:
        raise SettingsError("No network is known yet: import something first.")
    raise SettingsError(f"Name one of the networks {', '.join(networks)} with --network.")


async def _replayed(settings: Settings, events: Path, source: str, network: str | None) -> NetworkLives:
    backtest = backtest_of(settings)
    async for _ in backtest.run(read_one_network(events, source, network, ImportReport())):
        pass
    found = await backtest.store.networks()
    if not found:
        raise InputError(f"{events} holds no activities.")
    (name,) = found
    return await _read(backtest.verdicts, name, [0])


async def _read(verdicts: VerdictStore, network: str, shards: Iterable[int]) -> NetworkLives:
    kept = await verdicts.profile(network)
    if kept is None:
        raise SettingsError(
            f"Network {network!r} was not surveyed yet: that takes 28 days of activity that was judged."
        )
    lives = {
        name: msgspec.json.decode(life, type=Life)
        for name, life in sorted((await verdicts.lives(network, list(shards))).items())
    }
    newest = {reading.community: reading for reading in await verdicts.readings(network)}
    return NetworkLives(
        network,
        kept.day,
        tuple(lives),
        tuple(newest[name].name if name in newest else None for name in lives),
        tuple(lives.values()),
        tuple(newest.values()),
        msgspec.json.decode(kept.value, type=Profile),
    )
