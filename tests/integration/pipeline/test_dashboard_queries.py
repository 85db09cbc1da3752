"""Each query of the dashboard has an answer on a real run, scraped by a real Prometheus."""

from __future__ import annotations

import json
import os
import re
import subprocess
import time
import urllib.parse
import urllib.request
from typing import TYPE_CHECKING

import pytest

from tests.contract.test_dashboards import SCRIPT
from tests.integration.pipeline.deployment import ELAN, wait_until
from tests.integration.pipeline.test_live_equals_backtest import LAST_DAY
from tests.servers.prometheus import Prometheus

if TYPE_CHECKING:
    from pathlib import Path

    from tests.integration.pipeline.deployment import Deployment

SCRAPE_SECONDS = 1
ENOUGH_SECONDS = 8


@pytest.mark.timeout(300)
@pytest.mark.usefixtures("prometheus_binary")
def test_every_query_of_the_dashboard_has_an_answer(deployment: Deployment, data_folder: Path) -> None:
    worker = deployment.start_worker()
    log = deployment.folder / "serve.log"
    with log.open("wb") as output:
        serve = subprocess.Popen([*ELAN, "serve"], env=os.environ | deployment.environment, stderr=output)
    try:
        wait_until(lambda: re.search(rb"http://[\d.]+:\d+", log.read_bytes()) is not None, "serve to say where it is")
        found = re.search(r"http://([\d.]+:\d+)", log.read_text())
        assert found is not None
        targets = {"elan-worker": deployment.url_of(worker).removeprefix("http://"), "elan-serve": found.group(1)}
        path = deployment.folder / "prometheus.json"
        path.write_text(configuration(targets))
        prometheus = Prometheus(deployment.folder / "prometheus", path)
        prometheus.start()
        try:
            # Scraped from before the first record on, so that rates see the counters grow.
            deployment.elan("import", "jsonl", str(data_folder / "ncar.jsonl.gz"), "--to-topic")
            deployment.wait_until_told("ncar", LAST_DAY["ncar"])
            time.sleep(ENOUGH_SECONDS)
            unanswered = [query for query in SCRIPT.queries() if not answer(prometheus.url, query)]
        finally:
            prometheus.stop()
    finally:
        serve.terminate()
        serve.wait(10)
    assert unanswered == []


def configuration(targets: dict[str, str]) -> str:
    """A configuration that scrapes each job's one target."""
    jobs = [{"job_name": job, "static_configs": [{"targets": [target]}]} for job, target in targets.items()]
    return json.dumps({"global": {"scrape_interval": f"{SCRAPE_SECONDS}s"}, "scrape_configs": jobs})


def answer(url: str, query: str) -> list[object]:
    """The samples of an instant query."""
    with urllib.request.urlopen(f"{url}/api/v1/query?{urllib.parse.urlencode({'query': query})}", timeout=10) as reply:
        result: list[object] = json.load(reply)["data"]["result"]
    return result
