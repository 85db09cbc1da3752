"""The name of a worker in its group, where the settings give it one: one process has it at a time, the newest.

Brokers that know a member by name give it to whoever joins with it last, and the client tells the one before only that
it is unknown: both would take the name from each other for ever.
"""

from __future__ import annotations

import secrets
from typing import TYPE_CHECKING

from pipeline.errors import Stop
from pipeline.windows.redis_keys import Keys
from pipeline.windows.redis_scripts import pipelined

if TYPE_CHECKING:
    from pipeline.windows.redis_scripts import Client


class InstanceName:
    """One process's claim to a name; without one there is nothing to claim."""

    def __init__(self, client: Client, namespace: str, name: str | None) -> None:
        self._client = client
        self._name = name
        self._key = Keys(namespace).instance(name or "")
        self._mine = secrets.token_hex(8)

    async def claim(self) -> None:
        """Have the name from now on, whoever had it. Raises RetryLater."""
        if self._name is not None:
            await pipelined(self._client, [("SET", self._key, self._mine)])

    async def verify(self) -> None:
        """Look whether the name is still ours; a Redis that has forgotten is told again.

        Raises:
            Stop: another process has claimed it since.
            RetryLater: Redis is away.
        """
        if self._name is None:
            return
        (holder,) = await pipelined(self._client, [("GET", self._key)])
        if holder is None:
            await self.claim()
        elif holder.decode() != self._mine:
            raise Stop(
                f"Another worker was started as {self._name!r} and has its partitions: "
                f"give each worker a kafka.group_instance_id of its own."
            )
