"""The same events give the same alerts: a live run through Kafka and Redis against `elan backtest` on the file."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import orjson
import pytest

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

    from tests.integration.pipeline.deployment import Deployment

LAST_DAY = {"urho3d": 19_318, "ncar": 20_223}


@pytest.mark.timeout(400)
@pytest.mark.parametrize("archive", ["ncar", "urho3d"])
def test_alerts_of_two_live_workers_equal_those_of_a_backtest(
    deployment: Deployment, data_folder: Path, archive: str
) -> None:
    path = data_folder / f"{archive}.jsonl.gz"
    deployment.start_worker()
    deployment.start_worker()
    deployment.elan("import", "jsonl", str(path), "--to-topic")
    deployment.elan("backtest", str(path), "--alerts", "expected.jsonl")
    expected = [orjson.loads(line) for line in (deployment.folder / "expected.jsonl").read_bytes().splitlines()]
    assert len({step["id"] for step in expected}) >= 3
    deployment.wait_until_told(archive, LAST_DAY[archive])
    records = deployment.records("ELAN_KAFKA_ALERTS_TOPIC")
    # Relayed at least once: a step may stand twice, and nothing else may.
    told = {record.value: record.key.decode() for record in records}
    assert all(orjson.loads(value)["id"] == key for value, key in told.items())
    assert by_moment(orjson.loads(value) for value in told) == by_moment(expected)


@pytest.mark.timeout(300)
def test_a_worker_that_starts_with_years_to_read_tells_the_same_alerts(
    deployment: Deployment, data_folder: Path
) -> None:
    # five years lie in the topic before anybody reads: partitions that come early must not keep the others from coming
    path = data_folder / "ncar.jsonl.gz"
    deployment.elan("import", "jsonl", str(path), "--to-topic")
    deployment.elan("backtest", str(path), "--alerts", "expected.jsonl")
    deployment.start_worker()
    deployment.wait_until_told("ncar", LAST_DAY["ncar"])
    told = {record.value for record in deployment.records("ELAN_KAFKA_ALERTS_TOPIC")}
    assert told == set((deployment.folder / "expected.jsonl").read_bytes().splitlines())


def by_moment(steps: Iterable[dict[str, Any]]) -> list[dict[str, Any]]:
    return sorted(steps, key=lambda step: (step["at"], step["id"], step["state"]))
