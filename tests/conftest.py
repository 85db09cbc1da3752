"""Real servers as fixtures, and the table of what was left out at the end of the run.

Each pytest process starts the servers it needs when the first test asks for them, and stops them at its end.
"""

from __future__ import annotations

import itertools
import os
import urllib.parse
from typing import TYPE_CHECKING

import hypothesis
import pytest
import redis

from tests.servers import absence
from tests.servers.apache_kafka import ApacheKafka
from tests.servers.process import ServerUnavailableError
from tests.servers.prometheus import binary
from tests.servers.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

# Shared machines stall now and then, so no example has a deadline; in CI every run tries the same examples.
hypothesis.settings.register_profile("everywhere", deadline=None)
hypothesis.settings.register_profile("ci", deadline=None, derandomize=True, print_blob=True)
hypothesis.settings.load_profile("ci" if os.environ.get("CI") == "true" else "everywhere")


@pytest.fixture(scope="session")
def kafka_bootstrap(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    """Give `host:port` of a real Apache Kafka: the one named in KAFKA_BOOTSTRAP, else one of this run."""
    if at_hand := os.environ.get("KAFKA_BOOTSTRAP"):
        yield at_hand
        return
    try:
        broker = ApacheKafka(tmp_path_factory.mktemp("kafka"))
    except ServerUnavailableError as error:
        absence.leave_out("Apache Kafka", error)
    broker.start()
    yield broker.bootstrap
    broker.stop()


@pytest.fixture(scope="session")
def valkey_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Valkey]:
    """Give the Valkey of this run, shared by its tests; who stops or kills a server makes one of its own."""
    try:
        server = Valkey(tmp_path_factory.mktemp("valkey"))
    except ServerUnavailableError as error:
        absence.leave_out("Valkey", error)
    yield server.start()
    server.stop()


@pytest.fixture
def valkey_url(valkey_server: Valkey) -> str:
    """Give the URL of a Valkey that is empty when the test begins."""
    with redis.Redis.from_url(valkey_server.url) as client:
        client.flushall()
    return valkey_server.url


@pytest.fixture(scope="session")
def prometheus_binary() -> str:
    """Give the path of the program `prometheus`."""
    return _program("prometheus")


@pytest.fixture(scope="session")
def promtool_binary() -> str:
    """Give the path of the program `promtool`; Debian's is 2.42, so tests of newer features ask its version first."""
    return _program("promtool")


def _program(name: str) -> str:
    try:
        return binary(name)
    except ServerUnavailableError as error:
        absence.leave_out(name, error)


@pytest.fixture(scope="session")
def data_folder() -> Path:
    """Give the folder of the archives of real communities, which lies beside the repository if it is there at all."""
    if not absence.DATA_FOLDER.is_dir():
        pytest.skip("the archives of real communities are not in ../shared/data")
    return absence.DATA_FOLDER.resolve()


@pytest.fixture
def fresh_topic(request: pytest.FixtureRequest) -> Callable[[str], str]:
    """Give a function that turns a word into a topic name no other test uses."""
    test = urllib.parse.quote(request.node.name, safe="").replace("%", "_")[:120]
    numbers = itertools.count(1)
    return lambda word: f"{word}.{test}.{os.getpid()}.{next(numbers)}"


def pytest_sessionfinish(session: pytest.Session) -> None:
    """Fail the run where a skip is not allowed."""
    if any(absence.is_forbidden(reason) for reason in _skip_reasons(session.config)):
        session.exitstatus = pytest.ExitCode.TESTS_FAILED


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    """Print what was left out, and which of it makes the run fail."""
    reasons = _skip_reasons(config)
    if reasons:
        terminalreporter.section("left out")
        for line in absence.table(reasons):
            terminalreporter.write_line(line)
        forbidden = sum(map(absence.is_forbidden, reasons))
        if forbidden:
            terminalreporter.write_line(f"{forbidden} of these make the run fail: ELAN_REQUIRE_SERVERS=1", red=True)


def _skip_reasons(config: pytest.Config) -> list[str]:
    reporter = config.pluginmanager.get_plugin("terminalreporter")
    return [absence.reason_of(report) for report in reporter.stats.get("skipped", [])] if reporter else []
