"""Trials of the fault suite: their seed, which of them run, and the table at the end.

The short part always runs; tests marked `long` run with FAULTS=all (`make faults`). Each run prints its seed, and
FAULT_SEED=<n> replays it. With pytest-xdist trials run in processes side by side, and the table is that of all.
"""

from __future__ import annotations

import gc
import hashlib
import logging
import os
import re
import warnings
from dataclasses import asdict
from typing import TYPE_CHECKING, Any, cast

import pytest

from tests.faults.deployment import FaultyDeployment
from tests.faults.own_brokers import _broker, _linked, broker_cluster, linked_broker, own_broker  # noqa: F401 - fixtures
from tests.faults.proxy import Proxy
from tests.faults.trial import Outcome, Trials, chosen_seed, table
from tests.servers import absence
from tests.servers.process import ServerUnavailableError
from tests.servers.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

SEED = pytest.StashKey[int]()
OUTCOME = "outcome of a trial"
LONGEST_NAME = 30


class TableOfRuns:
    """Plugin: gathers the rows from the reports of the tests, which come from their processes, and prints them."""

    def __init__(self) -> None:
        self.rows: list[Outcome] = []

    def pytest_runtest_logreport(self, report: pytest.TestReport) -> None:
        """Take the rows from the last report of a test."""
        if report.when == "teardown":
            found = cast("list[tuple[str, Any]]", report.user_properties)
            self.rows += [Outcome(**content) for name, content in found if name == OUTCOME]

    def pytest_terminal_summary(self, terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
        """Print the table."""
        if self.rows:
            terminalreporter.section(f"faults, FAULT_SEED={config.stash[SEED]}")
            for line in table(self.rows):
                terminalreporter.write_line(line)


def pytest_configure(config: pytest.Config) -> None:
    """Choose the seed of the run."""
    config.addinivalue_line("markers", "long: the long part of the fault suite; runs with FAULTS=all")
    config.addinivalue_line("markers", "alone: measures seconds; `make faults` runs nothing beside it")
    config.stash[SEED] = chosen_seed()
    # Processes that pytest-xdist starts take the same.
    os.environ["FAULT_SEED"] = str(config.stash[SEED])
    config.pluginmanager.register(TableOfRuns())


@pytest.hookimpl(trylast=True)
def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    """Leave the long part to `make faults`."""
    if os.environ.get("FAULTS") == "all":
        return
    long = [item for item in items if item.get_closest_marker("long") is not None]
    config.hook.pytest_deselected(items=long)
    items[:] = [item for item in items if item not in long]


@pytest.fixture
def trials(request: pytest.FixtureRequest, kafka_bootstrap: str, valkey_url: str, tmp_path: Path) -> Iterator[Trials]:
    """Give the maker of trials of one test, on real Apache Kafka and real Valkey."""

    def make_deployment(name: str, partitions: int) -> FaultyDeployment:
        digest = hashlib.blake2b(name.encode(), digest_size=4).hexdigest()
        readable = re.sub(r"[^a-z0-9]+", "-", name.lower())[:LONGEST_NAME]
        folder = tmp_path / digest
        folder.mkdir()
        return FaultyDeployment(
            kafka_bootstrap, valkey_url, f"{readable}-{digest}-{os.getpid()}", folder, partitions=partitions
        )

    test = request.node.name.removeprefix("test_").replace("_", " ")
    found = Trials(test, request.config.stash[SEED], make_deployment)
    print(f"FAULT_SEED={found.seed}")  # noqa: T201 - pytest shows it where the test fails
    yield found
    request.node.user_properties += [(OUTCOME, asdict(trial.outcome)) for trial in found.begun]
    found.stop()
    found.begun.clear()
    _collect_sockets()


@pytest.fixture(autouse=True)
def _no_tracebacks_of_the_producer() -> Iterator[None]:
    """kafka-python logs each failed connection with its traceback, and what keeps that keeps the socket open."""
    logger = logging.getLogger("kafka")
    before = logger.level
    logger.setLevel(logging.CRITICAL)
    yield
    logger.setLevel(before)


def _collect_sockets() -> None:
    """kafka-python leaves the sockets of connections that failed to the collector, which warns of them."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", ResourceWarning)
        gc.collect()


@pytest.fixture
def own_valkey(tmp_path: Path) -> Iterator[Valkey]:
    """Give a server of the trial's own, its data in `tmp_path / "redis"`, which it may break."""
    try:
        server = Valkey(tmp_path / "redis")
    except ServerUnavailableError as error:
        absence.leave_out("Valkey", error)
    server.start()
    yield server
    server.stop()


@pytest.fixture
def proxy(own_valkey: Valkey, request: pytest.FixtureRequest) -> Iterator[Proxy]:
    """Give a proxy before that server."""
    started = Proxy(own_valkey.process.port, request.config.stash[SEED]).start()
    yield started
    started.stop()
