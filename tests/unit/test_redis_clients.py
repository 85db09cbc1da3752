"""What a worker's connection to Redis sends, without a server."""

from __future__ import annotations

import redis.asyncio
from hypothesis import given
from hypothesis import strategies as st

from pipeline.redis_clients import PackingInC

ARGUMENTS = st.lists(st.one_of(st.text(), st.binary(), st.integers(), st.floats()))


class Connection(PackingInC, redis.asyncio.Connection):
    """One connection as the pool of a worker makes them."""


@given(st.sampled_from(["MGET", "CONFIG GET"]), ARGUMENTS)
def test_commands_are_packed_as_redis_py_packs_them(name: str, arguments: list[str | bytes | int | float]) -> None:
    packed = Connection().pack_command(name, *arguments)

    assert b"".join(packed) == b"".join(redis.asyncio.Connection().pack_command(name, *arguments))
