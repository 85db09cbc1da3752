"""Which keys of a Cluster lie on one node."""

from __future__ import annotations

import pytest
from redis.crc import key_slot

from pipeline.windows.redis_keys import Keys


@pytest.mark.parametrize("namespace", ["elan", "elan-eu", "a"])
def test_what_was_confirmed_goes_back_together_with_the_standings(namespace: str) -> None:
    # On another node it could go back alone, together with a shard: then nobody would know what the shard has lost.
    keys = Keys(namespace)
    assert key_slot(keys.confirmed().encode()) == key_slot(keys.partitions().encode())


def test_all_keys_of_a_shard_lie_together_and_shards_do_not() -> None:
    keys = Keys("elan")
    assert len({key_slot(f"{keys.shard(3)}{name}".encode()) for name in ("fences", "networks", "d:acme/wine")}) == 1
    assert len({key_slot(keys.shard(shard).encode()) for shard in range(64)}) > 32
