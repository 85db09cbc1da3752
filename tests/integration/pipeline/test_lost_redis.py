"""Redis forgets what it has confirmed while workers run: said aloud, and read again as far as the log reaches."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import pytest
import redis

from tests.integration.pipeline.deployment import wait_until
from tests.integration.pipeline.test_counting_oracle import PlainCount, assert_counts_are_exact

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.pipeline.deployment import Deployment


@pytest.mark.timeout(300)
@pytest.mark.parametrize("share", [0.4, 1.0], ids=["under load", "when all was counted"])
def test_an_emptied_redis_is_noticed_and_built_anew(deployment: Deployment, data_folder: Path, share: float) -> None:
    # import ...........  done
    # w1 ====== flush ========
    # w2 ====== flush ========
    path = data_folder / "urho3d.jsonl.gz"
    deployment.start_worker()
    deployment.start_worker()
    deployment.elan("import", "jsonl", str(path), "--to-topic")
    total = sum(deployment.end_offsets().values())
    wait_until(
        lambda: sum(deployment.standings().values()) >= share * total,
        "a share of the records to be counted",
        deployment,
    )
    with redis.Redis.from_url(deployment.redis_url) as client:
        client.flushall()
    _wait_until_said(deployment, "Redis has lost")
    deployment.wait_until_counted()
    plain = PlainCount(path)
    assert asyncio.run(assert_counts_are_exact(deployment, "urho3d", plain)) == 16 * len(plain.kinds)


def _wait_until_said(deployment: Deployment, words: str) -> None:
    logs = [deployment.folder / f"worker-{place}.log" for place in range(len(deployment.workers))]
    wait_until(lambda: any(words in log.read_text() for log in logs), f"{words!r} to be said", deployment)
