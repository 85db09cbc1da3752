"""A TCP proxy that injects faults, for a trial to put between a worker and a server.

    proxy = Proxy(port_of_redis).start()                   # forwards; proxy.port is where to connect
    proxy.cut_answers(lambda request: b"HSET" in request)  # passes the request on, and cuts before its answer
    proxy.hold("answers")                                  # a black hole: takes bytes, passes none on
    proxy.release()                                        # ... and delivers late what it held (`lose=True`: never)
    proxy.reset_all()                                      # RST to both sides of every connection
    proxy.delay(0.02, 0.08)                                # seconds, drawn anew for every piece
    proxy.limit(200_000)                                   # bytes a second, each connection and direction by itself
    proxy.target = other_port                              # new connections go there
    proxy.stop()

Everything runs in a thread with an event loop of its own; the methods may be called from any thread.
"""

from __future__ import annotations

import asyncio
import socket
import struct
import threading
from random import Random
from typing import TYPE_CHECKING, Literal

from tests.servers.process import HOST

if TYPE_CHECKING:
    from collections.abc import Callable

    Direction = Literal["requests", "answers"]

PIECE_BYTES = 16 * 1024
PIECES_UNDER_WAY = 64
RESET = struct.pack("ii", 1, 0)
"""SO_LINGER on, zero seconds: closing sends RST."""


async def _piece(reader: asyncio.StreamReader) -> bytes:
    """What has arrived; nothing at the end, also where that is a reset: what was taken before is still passed on."""
    try:
        return await reader.read(PIECE_BYTES)
    except ConnectionError:
        return b""


def _gates() -> dict[Direction, asyncio.Event]:
    """Open gates."""
    gates: dict[Direction, asyncio.Event] = {"requests": asyncio.Event(), "answers": asyncio.Event()}
    for gate in gates.values():
        gate.set()
    return gates


class _Direction:
    """One direction of a connection: pieces are read, wait their delay, and are written in order."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self.reader = reader
        self.writer = writer
        self.under_way: asyncio.Queue[tuple[float, bytes]] = asyncio.Queue(PIECES_UNDER_WAY)


class _Connection:
    """A client's connection and the one to the server behind it."""

    def __init__(self, proxy: Proxy, requests: _Direction, answers: _Direction) -> None:
        self._proxy = proxy
        self._gates = proxy.gates[-1]
        self._directions: dict[Direction, _Direction] = {"requests": requests, "answers": answers}
        self._cut_at_answer = False

    async def run(self) -> None:
        """Pass bytes both ways until one side has ended or a fault ends both."""
        tasks = [asyncio.ensure_future(run(name)) for name in self._directions for run in (self._read, self._write)]
        try:
            await asyncio.wait(tasks, return_when=asyncio.FIRST_COMPLETED)
        finally:
            self.cut()
            for task in tasks:
                task.cancel()
            await asyncio.gather(*tasks, return_exceptions=True)

    def cut(self, *, reset: bool = False) -> None:
        """End both connections at once."""
        for direction in self._directions.values():
            if reset and (raw := direction.writer.get_extra_info("socket")) is not None:
                raw.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, RESET)
            direction.writer.transport.abort()

    async def _read(self, name: Direction) -> None:
        direction, proxy = self._directions[name], self._proxy
        while piece := await _piece(direction.reader):
            if name == "answers" and self._cut_at_answer:
                proxy.answers_cut += 1
                return
            if name == "requests" and proxy.chosen(piece):
                self._cut_at_answer = True
            await direction.under_way.put((asyncio.get_running_loop().time() + proxy.next_delay(), piece))
        await direction.under_way.put((0.0, b""))
        await asyncio.Event().wait()

    async def _write(self, name: Direction) -> None:
        direction, proxy = self._directions[name], self._proxy
        while (found := await direction.under_way.get())[1]:
            due, piece = found
            await asyncio.sleep(max(0.0, due - asyncio.get_running_loop().time()))
            if proxy.bytes_per_second is not None:
                await asyncio.sleep(len(piece) / proxy.bytes_per_second)
            await self._gates[name].wait()
            direction.writer.write(piece)
            await direction.writer.drain()
            proxy.bytes_passed[name] += len(piece)


class Proxy:
    """Forwards to `target`, a port of the loopback, and does to the connections what it is told."""

    def __init__(self, target: int, seed: int = 0) -> None:
        self.target = target
        self.port = 0
        self.bytes_per_second: float | None = None
        self.answers_cut = 0
        self.bytes_passed: dict[Direction, int] = {"requests": 0, "answers": 0}
        self._random = Random(seed)
        self._delay_seconds = (0.0, 0.0)
        self._choose: Callable[[bytes], bool] | None = None
        self._loop = asyncio.new_event_loop()
        self._ending = asyncio.Event()
        self.gates = [_gates()]
        """The last are those of new connections."""
        self._connections: set[_Connection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self._started = threading.Event()
        self._thread = threading.Thread(target=self._run, name="proxy", daemon=True)

    @property
    def url(self) -> str:
        """Of the Redis behind it."""
        return f"redis://{HOST}:{self.port}/0"

    def start(self) -> Proxy:
        """Start to listen."""
        self._thread.start()
        assert self._started.wait(10), "the proxy did not start"
        return self

    def stop(self) -> None:
        """Cut everything and end."""
        self._loop.call_soon_threadsafe(self._ending.set)
        self._thread.join(10)

    def cut_answers(self, choose: Callable[[bytes], bool] | None) -> None:
        """Pass on the requests of which `choose` says so, and cut where their answer would come; None: cut no more.

        It is asked about every piece of at most 16 KiB of what clients send. The server has worked the request off, or
        one sent with it, when the connection is cut.
        """
        self._choose = choose

    def hold(self, *directions: Direction, new: bool = True) -> None:
        """Take bytes and pass none on, in these directions, on all connections and (unless not `new`) on new ones."""

        def close() -> None:
            for gates in self.gates:
                for name in directions:
                    gates[name].clear()
            if not new:
                self.gates.append(_gates())

        self._tell(close)

    def release(self, *, lose: bool = False) -> None:
        """Pass everything on again. What was held arrives late, or (`lose`) never: its connections are cut."""

        def open_again() -> None:
            if lose:
                self._cut_all(reset=False)
            for gates in self.gates:
                for gate in gates.values():
                    gate.set()
            del self.gates[:-1]

        self._tell(open_again)

    def reset_all(self) -> None:
        """End all connections with RST."""
        self._tell(lambda: self._cut_all(reset=True))

    def delay(self, least_seconds: float, most_seconds: float) -> None:
        """Let every piece wait, without overtaking."""
        self._delay_seconds = (least_seconds, most_seconds)

    def limit(self, bytes_per_second: float | None) -> None:
        """Pass on no more than that in each direction of each connection."""
        self.bytes_per_second = bytes_per_second

    def chosen(self, request: bytes) -> bool:
        """Whether the answer to what this piece is of must not arrive."""
        return self._choose is not None and self._choose(request)

    def next_delay(self) -> float:
        """Seconds that the next piece waits."""
        return self._random.uniform(*self._delay_seconds)

    def _tell(self, what: Callable[[], object]) -> None:
        """Do something in the proxy's thread and wait until it is done."""
        done = threading.Event()

        def do() -> None:
            what()
            done.set()

        self._loop.call_soon_threadsafe(do)
        assert done.wait(10), "the proxy does not listen"

    def _cut_all(self, *, reset: bool) -> None:
        for connection in self._connections:
            connection.cut(reset=reset)

    def _run(self) -> None:
        try:
            self._loop.run_until_complete(self._serve())
        finally:
            self._loop.close()

    async def _serve(self) -> None:
        server = await asyncio.start_server(self._accept, HOST, 0)
        self.port = server.sockets[0].getsockname()[1]
        self._started.set()
        await self._ending.wait()
        server.close()
        self._cut_all(reset=False)
        for task in self._tasks:
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    def _accept(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = self._loop.create_task(self._connect(reader, writer))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _connect(self, client_reader: asyncio.StreamReader, client_writer: asyncio.StreamWriter) -> None:
        try:
            reader, writer = await asyncio.open_connection(HOST, self.target)
        except OSError:
            # As a server that is not there: the client is refused, if a little late.
            client_writer.transport.abort()
            return
        connection = _Connection(self, _Direction(client_reader, writer), _Direction(reader, client_writer))
        self._connections.add(connection)
        try:
            await connection.run()
        finally:
            self._connections.discard(connection)
