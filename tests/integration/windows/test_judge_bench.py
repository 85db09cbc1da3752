"""What a community and a membership take up in Redis, held on a network like the one of `elan bench judge`."""

from __future__ import annotations

import asyncio

import redis

from pipeline.lab.judge_bench import BOUNDARIES, bench_settings, run_judge_bench

BYTES_A_COMMUNITY = 8_000
BYTES_A_MEMBERSHIP = 100


def test_communities_and_memberships_take_up_no_more_than_was_promised(valkey_url: str) -> None:
    told: list[str] = []
    with bench_settings(valkey_url) as settings:
        found = asyncio.run(run_judge_bench(settings, 600, 50, told.append))
    # Sizes are rounded, so that the memberships are not quite fifty each.
    assert abs(found.memberships - 30_000) < 600
    assert 1_000 < found.bytes_per_community <= BYTES_A_COMMUNITY
    assert 20 < found.bytes_per_membership <= BYTES_A_MEMBERSHIP
    assert 0 < found.seconds < 10
    assert len(told) == BOUNDARIES + 2
    with redis.Redis.from_url(valkey_url) as client:
        assert client.dbsize() == 0, "the bench leaves nothing behind"
