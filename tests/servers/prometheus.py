"""Prometheus and promtool: from PATH, else from Debian's package, else built with Go on request.

`python -m tests.servers.prometheus` builds the current version with Go into the cache, once, in about eight minutes;
that is too long for a fixture, so the tests do by themselves only what takes seconds.
"""

from __future__ import annotations

import http
import os
import shutil
import subprocess
import sys
import time
import urllib.request
from typing import TYPE_CHECKING

from tests.servers.process import HOST, ServerProcess, ServerUnavailableError, free_ports
from tests.servers.store import cache_folder, fetched_once

if TYPE_CHECKING:
    from pathlib import Path

VERSION = "v0.316.0"  # the module's number of Prometheus 3.16.0
_MODULE = "github.com/prometheus/prometheus/cmd"
_BUILT = f"prometheus-{VERSION}"
_PACKAGED = "prometheus-debian"
_DOWNLOAD_SECONDS = 120
_READY_SECONDS = 30


def binary(name: str) -> str:
    """Return the path of `prometheus` or `promtool`; raises ServerUnavailableError when there is no quick way to it."""
    if path := shutil.which(name):
        return path
    built = cache_folder() / _BUILT / name
    if built.is_file():
        return str(built)
    return str(fetched_once(_PACKAGED, _unpack_debian_package) / "usr" / "bin" / name)


class Prometheus:
    """One server that scrapes and evaluates as its configuration says, its data in a folder.

    `configuration` is the path of a prometheus.yml. Raises ServerUnavailableError when Prometheus cannot be had.
    """

    def __init__(self, folder: Path, configuration: Path) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (port,) = free_ports(1)
        self.url = f"http://{HOST}:{port}"
        command = [
            binary("prometheus"),
            f"--config.file={configuration.resolve()}",
            f"--storage.tsdb.path={folder.resolve() / 'data'}",
            f"--web.listen-address={HOST}:{port}",
            "--web.enable-lifecycle",
        ]
        self.process = ServerProcess("Prometheus", command, port, folder / "output.log")

    def start(self) -> Prometheus:
        """Start the server and return it once it takes queries, which is later than its port opens."""
        self.process.start()
        deadline = time.monotonic() + _READY_SECONDS
        while not self._is_ready():
            if time.monotonic() > deadline:
                self.process.kill()
                message = f"Prometheus was not ready within {_READY_SECONDS} s"
                raise RuntimeError(message)
            time.sleep(0.05)
        return self

    def stop(self) -> None:
        """Shut the server down in order."""
        self.process.stop()

    def _is_ready(self) -> bool:
        try:
            with urllib.request.urlopen(f"{self.url}/-/ready", timeout=1) as answer:
                return int(answer.status) == http.HTTPStatus.OK
        except OSError:
            return False


def build_with_go() -> Path:
    """Build both programs into the cache unless they are there; raises ServerUnavailableError without Go."""
    return fetched_once(_BUILT, _build)


def _build(folder: Path) -> None:
    if shutil.which("go") is None:
        message = "the program go is not on PATH"
        raise ServerUnavailableError(message)
    environment = {**os.environ, "CGO_ENABLED": "0", "GOBIN": str(folder)}
    for name in ("promtool", "prometheus"):
        subprocess.run(["go", "install", f"{_MODULE}/{name}@{VERSION}"], env=environment, check=True)


def _unpack_debian_package(folder: Path) -> None:
    # Downloaded and unpacked instead of installed: that needs no root and starts no service.
    if shutil.which("apt-get") is None or shutil.which("dpkg-deb") is None:
        message = "neither on PATH nor to be had from Debian; with Go: python -m tests.servers.prometheus"
        raise ServerUnavailableError(message)
    try:
        subprocess.run(
            ["apt-get", "download", "prometheus"],
            cwd=folder,
            check=True,
            capture_output=True,
            timeout=_DOWNLOAD_SECONDS,
        )
        (package,) = folder.glob("prometheus_*.deb")
        subprocess.run(["dpkg-deb", "--extract", str(package), str(folder)], check=True, capture_output=True)
    except (subprocess.SubprocessError, ValueError) as error:
        message = f"Debian's package could not be fetched ({error}); apt-get update may help"
        raise ServerUnavailableError(message) from error
    package.unlink()


if __name__ == "__main__":
    sys.stdout.write(f"{build_with_go()}\n")
