"""`elan serve` and `elan status` over what real workers left in Redis."""

from __future__ import annotations

import os
import re
import subprocess
import urllib.error
import urllib.request
from typing import TYPE_CHECKING

import orjson
import pytest

from tests.integration.pipeline.deployment import ELAN, wait_until
from tests.integration.pipeline.test_live_equals_backtest import LAST_DAY

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.pipeline.deployment import Deployment


@pytest.mark.timeout(300)
def test_serve_exposes_communities_and_passes_promtool(
    deployment: Deployment, data_folder: Path, promtool_binary: str
) -> None:
    worker = deployment.start_worker()
    deployment.elan("import", "jsonl", str(data_folder / "ncar.jsonl.gz"), "--to-topic")
    deployment.wait_until_told("ncar", LAST_DAY["ncar"])
    log = deployment.folder / "serve.log"
    with log.open("wb") as output:
        server = subprocess.Popen([*ELAN, "serve"], env=os.environ | deployment.environment, stderr=output)
    try:
        wait_until(lambda: b"http://" in log.read_bytes(), "serve to say where it is")
        url = re.search(r"http://[\d.]+:\d+", log.read_text()).group()  # type: ignore[union-attr]
        exposition = _get(f"{url}/metrics")
        assert _get(f"{url}/-/healthy") == "healthy\n"
        assert _get(f"{url}/-/ready") == "ready\n"
    finally:
        server.terminate()
        assert server.wait(10) == 0
    assert 'elan_communities{network="ncar"' in exposition
    named = set(re.findall(r'elan_community_active_members\{community="([^"]+)"', exposition))
    assert named
    for text in (exposition, _get(f"{deployment.url_of(worker)}/metrics")):
        lint = subprocess.run(
            [promtool_binary, "check", "metrics"], input=text, text=True, capture_output=True, check=False
        )
        assert (lint.returncode, lint.stdout + lint.stderr) == (0, "")


@pytest.mark.timeout(300)
def test_status_tells_lag_boundaries_and_open_alerts(deployment: Deployment, data_folder: Path) -> None:
    deployment.elan("import", "jsonl", str(data_folder / "ncar.jsonl.gz"), "--to-topic")
    before = orjson.loads(deployment.elan("status", "--json").stdout)
    assert sum(row["lag_records"] for row in before["partitions"]) == sum(deployment.end_offsets().values()) > 6_707
    assert before["networks"] == []
    deployment.start_worker()
    deployment.wait_until_told("ncar", LAST_DAY["ncar"])
    after = orjson.loads(deployment.elan("status", "--json").stdout)
    assert [row["lag_records"] for row in after["partitions"]] == [0] * deployment.partitions
    (network,) = after["networks"]
    assert (network["network"], network["communities"], network["shards_judged"]) == ("ncar", 32, deployment.shards)
    assert network["judged_to"] == "2025-05-15"
    explained = deployment.elan("explain", "3-general").stdout
    assert "participants in the last 7 days" in explained
    assert "members active in the last 28 days" in explained


def _get(url: str) -> str:
    with urllib.request.urlopen(url, timeout=5) as answer:
        return str(answer.read().decode())
