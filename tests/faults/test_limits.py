"""Limits of the process and of the disk: no descriptor, no memory, no room for Redis's append-only file."""

from __future__ import annotations

import re
import signal
import subprocess
import sys
from contextlib import contextmanager, suppress
from pathlib import Path
from typing import TYPE_CHECKING

import pytest
import redis

from tests.faults.load import Load
from tests.faults.test_brokers import QUICK
from tests.faults.test_redis_refusals import begin, refuse
from tests.faults.topic_changes import small_load
from tests.integration.pipeline.deployment import wait_until
from tests.servers import absence
from tests.servers.process import ServerUnavailableError
from tests.servers.valkey import Valkey

if TYPE_CHECKING:
    from collections.abc import Iterator

    from tests.faults.deployment import Worker
    from tests.faults.own_brokers import LinkedBroker
    from tests.faults.trial import Trials

resource = pytest.importorskip("resource")
pytestmark = [
    pytest.mark.skipif(sys.platform != "linux", reason="limits of a running process are Linux's"),
    # kafka-python leaves the sockets of connections that failed to the collector.
    pytest.mark.filterwarnings("ignore:unclosed.*socket:ResourceWarning"),
    pytest.mark.filterwarnings("ignore:.*socket.socket:pytest.PytestUnraisableExceptionWarning"),
]
FEW_DESCRIPTORS = 8
"""Fewer than a worker needs for its event loops alone."""
MEGABYTE = 1024 * 1024
PAGE_BYTES = 4096
NO_MEMORY_EXIT_CODE = 6
KILLED_BY_A_LIBRARY = {-signal.SIGSEGV, -signal.SIGABRT}
"""Now and then one written in C goes on with memory that it was not given."""
DISK_MEGABYTES = 32
IN_A_DISK_OF_ITS_OWN = ["unshare", "--user", "--map-root-user", "--mount", "sh", "-c"]


@contextmanager
def no_more_descriptors(worker: Worker) -> Iterator[None]:
    """What is open stays so; nothing else can be opened."""
    before = resource.prlimit(worker.pid, resource.RLIMIT_NOFILE)
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, (FEW_DESCRIPTORS, before[1]))
    yield
    resource.prlimit(worker.pid, resource.RLIMIT_NOFILE, before)


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_worker_without_descriptors_waits_and_says_so(
    trials: Trials, linked_broker: LinkedBroker, own_valkey: Valkey
) -> None:
    # fds   21 ====| none left, all connections reset |====
    # w1    ========.................................======
    trial = trials.begin(kafka=linked_broker.broker.bootstrap, redis_url=own_valkey.url, changes=QUICK)
    deployment = trial.deployment
    worker = deployment.start_worker(**linked_broker.by_link)
    deployment.wait_for_assignment(worker)
    trial.produce(small_load(trial), 400)
    deployment.wait_for_records(trial.random.randint(300, 900))
    with no_more_descriptors(worker):
        linked_broker.link.reset_all()
        with redis.Redis.from_url(own_valkey.url) as client:
            client.client_kill_filter(_type="normal")
        for server in ("Redis", "Kafka"):
            says = rf"WARNING pipeline.*{server} .*Too many open files.*; again in"
            wait_until(lambda s=says: re.search(s, deployment.log_of(worker)) is not None, says, deployment)  # type: ignore[misc]
        counted = deployment.counted()
        assert counted < sum(deployment.end_offsets().values())
    trial.fault("no descriptors left, all connections reset")
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=2)
    assert worker.poll() is None, "the worker has ended"


def virtual_bytes(worker: Worker) -> int:
    found = re.search(r"VmSize:\s+(\d+) kB", Path(f"/proc/{worker.pid}/status").read_text())
    assert found is not None
    return int(found.group(1)) * 1024


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_worker_whose_memory_ends_ends_soon_and_says_why(trials: Trials) -> None:
    # w1 ====x    no more memory than it has, and then 10,000 activities a second
    # w2      ===========
    trial = trials.begin(changes=QUICK)
    deployment = trial.deployment
    worker = deployment.start_worker()
    deployment.wait_for_assignment(worker)
    spare = trial.random.randint(0, 4)
    resource.prlimit(worker.pid, resource.RLIMIT_AS, (virtual_bytes(worker) + spare * MEGABYTE, -1))
    trial.produce(Load(trial.seed, communities=50, members=120, days=20, silent_after=18), 10_000)
    wait_until(lambda: worker.poll() is not None, "a worker to end")
    deployment.workers.remove(worker)
    trial.fault(f"{spare} MB of address space left, ended with {worker.returncode}")
    assert worker.returncode in {NO_MEMORY_EXIT_CODE, *KILLED_BY_A_LIBRARY}, deployment.log_of(worker)[-3000:]
    if worker.returncode == NO_MEMORY_EXIT_CODE:
        assert deployment.log_of(worker).splitlines()[-1].startswith("error: There is not enough memory")
    deployment.start_worker()
    trial.heal()
    trial.settle().assert_exact(fewest_alerts=0)


@pytest.fixture
def valkey_on_a_small_disk(tmp_path: Path) -> Iterator[Valkey]:
    """A server whose folder is a disk of its own, which nobody but it sees and which goes with it."""
    try:
        server = Valkey(tmp_path / "redis")
    except ServerUnavailableError as error:
        absence.leave_out("Valkey", error)
    mount = f'mount -t tmpfs -o size={DISK_MEGABYTES}m none "$0" && exec "$@"'
    if subprocess.run([*IN_A_DISK_OF_ITS_OWN, mount, server.folder, "true"], check=False).returncode:
        pytest.skip("a disk of its own: this user may mount nothing, also not in a namespace of his own")
    server.process.command = [*IN_A_DISK_OF_ITS_OWN, mount, str(server.folder), *server.process.command]
    yield server.start()
    server.stop()


@contextmanager
def disk_full(server: Valkey) -> Iterator[None]:
    """The disk is taken to the last page."""
    ballast = Path(f"/proc/{server.process.pid}/root{server.folder.resolve()}/ballast")
    with ballast.open("wb", buffering=0) as file, suppress(OSError):
        while file.write(bytes(PAGE_BYTES)):
            pass
    assert ballast.stat().st_size > DISK_MEGABYTES * MEGABYTE // 2
    yield
    ballast.unlink()


@pytest.mark.long
@pytest.mark.timeout(200)
def test_a_disk_that_is_full_under_the_append_only_file_is_waited_for(
    trials: Trials, valkey_on_a_small_disk: Valkey
) -> None:
    # disk   ===|full|=====
    # w1, w2 ====....======
    trial = begin(trials, valkey_on_a_small_disk)
    refuse(trial, valkey_on_a_small_disk, disk_full, "Redis takes no writes", "read_only")
    trial.heal()
    trial.settle().assert_exact()
