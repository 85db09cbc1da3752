"""Prometheus is away while communities lose momentum: their alerts are exposed for as long as they are open."""

from __future__ import annotations

import json
import os
import re
import subprocess
import urllib.request
from contextlib import contextmanager
from pathlib import Path
from typing import TYPE_CHECKING

import orjson
import pytest

from tests.faults.load import Load
from tests.faults.oracle import last_steps, read_log
from tests.integration.pipeline.deployment import ELAN, wait_until
from tests.servers.prometheus import Prometheus

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.trial import Trial, Trials

RULES = Path(__file__).parents[2] / "deploy" / "prometheus" / "rules" / "elan-communities.yml"
OF_MOMENTUM = {"ElanCommunityLosesMomentum", "ElanCommunityMayLoseMomentum"}


@contextmanager
def serve(trial: Trial) -> Iterator[str]:
    """`elan serve` -> its host and port."""
    log = trial.deployment.folder / "serve.log"
    with log.open("wb") as output:
        process = subprocess.Popen([*ELAN, "serve"], env=os.environ | trial.deployment.environment, stderr=output)
    try:
        wait_until(lambda: re.search(r"http://[\d.]+:\d+", log.read_text()) is not None, "serve to say where it is")
        yield re.findall(r"http://([\d.]+:\d+)", log.read_text())[0]
    finally:
        process.terminate()
        process.wait(10)


def configuration(target: str) -> str:
    return json.dumps(
        {
            "global": {"scrape_interval": "1s", "evaluation_interval": "1s"},
            "rule_files": [str(RULES)],
            "scrape_configs": [{"job_name": "elan-serve", "static_configs": [{"targets": [target]}]}],
        }
    )


def firing(prometheus: Prometheus) -> set[str]:
    """The communities for which Prometheus would notify somebody now."""
    with urllib.request.urlopen(f"{prometheus.url}/api/v1/alerts", timeout=10) as answer:
        alerts = json.load(answer)["data"]["alerts"]
    return {
        alert["labels"]["community"]
        for alert in alerts
        if alert["state"] == "firing" and alert["labels"]["alertname"] in OF_MOMENTUM
    }


def open_momentum(trial: Trial) -> set[str]:
    """The communities with an open alert of momentum, as the alerts topic says."""
    records = read_log(trial.deployment.kafka, trial.deployment.environment["ELAN_KAFKA_ALERTS_TOPIC"])
    steps = last_steps((record.key.decode(), orjson.loads(record.value)) for record in records).values()
    return {step["community"] for step in steps if step["alert"] == "momentum" and step["state"] != "resolved"}


@pytest.mark.long
@pytest.mark.timeout(240)
@pytest.mark.usefixtures("prometheus_binary")
def test_what_was_raised_while_prometheus_was_away_fires_when_it_is_back(trials: Trials) -> None:
    # communities  ======== raised -------- open ------
    # Prometheus   ===|           away          |======
    trial = trials.begin()
    trial.deployment.start_worker()
    with serve(trial) as target:
        path = trial.deployment.folder / "prometheus.json"
        path.write_text(configuration(target))
        folder = trial.deployment.folder / "prometheus"
        before = Prometheus(folder, path).start()
        assert firing(before) == set()
        before.stop()
        trial.fault("Prometheus stopped")
        trial.produce(Load(trial.seed))
        trial.heal()
        trial.settle().assert_exact()
        still_open = open_momentum(trial)
        assert still_open, "nothing to be told of"
        back = Prometheus(folder, path).start()
        try:
            wait_until(lambda: firing(back) == still_open, f"Prometheus to fire for {sorted(still_open)}")
        finally:
            back.stop()
