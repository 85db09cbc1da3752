"""The abaque that somebody loaded into a deployment: it goes before the one the network has taught."""

from __future__ import annotations

from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

import msgspec

from pipeline.errors import RetryLater, ServerError
from pipeline.lab.lives import only_network
from pipeline.redis_clients import async_redis_client
from pipeline.scoring.abaque import Abaque
from pipeline.windows.redis_store import RedisStore
from pipeline.windows.redis_verdicts import RedisVerdicts

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from pipeline.settings import Settings


async def loaded_abaque(settings: Settings, network: str) -> Abaque | None:
    """The abaque loaded for a network, None where the learnt one is in effect.

    Raises:
        ServerError: Redis cannot be reached.
    """
    async with _stores(settings) as (_, verdicts):
        found = await verdicts.loaded_abaque(network)
    return None if found is None else msgspec.json.decode(found, type=Abaque)


async def keep_loaded_abaque(settings: Settings, network: str | None, abaque: Abaque | None) -> str:
    """Load an abaque for a network, or take it away with None; returns the name of the network.

    A network that is named need not be known yet: a loaded abaque is of most use where nothing has been learnt. From
    one that is not known only what was loaded can be taken away.

    Raises:
        ServerError: Redis cannot be reached.
        SettingsError: no network was named, and there is not exactly one; or nothing is known of the one named.
    """
    async with _stores(settings) as (store, verdicts):
        name = network
        nothing_to_take = abaque is None and name is not None and await verdicts.loaded_abaque(name) is None
        if name is None or nothing_to_take:
            name = only_network(await store.networks(), network)
        await verdicts.keep_loaded_abaque(name, None if abaque is None else msgspec.json.encode(abaque))
    return name


@asynccontextmanager
async def _stores(settings: Settings) -> AsyncIterator[tuple[RedisStore, RedisVerdicts]]:
    namespace, shards = settings.redis.namespace, settings.redis.shards
    async with async_redis_client(settings) as client:
        try:
            yield RedisStore(client, namespace, shards), RedisVerdicts(client, namespace, shards)
        except RetryLater as error:
            raise ServerError(f"{error}. Run `elan check`.") from error
