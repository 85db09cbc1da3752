"""Each fault of the proxy, before an echo server."""

from __future__ import annotations

import socket
import socketserver
import threading
import time
from typing import TYPE_CHECKING

import pytest

from tests.faults.proxy import Proxy
from tests.servers.process import HOST

if TYPE_CHECKING:
    from collections.abc import Iterator

HELD_SECONDS = 0.3
"""Long enough for an echo, if one were to come."""


class Echo(socketserver.ThreadingTCPServer):
    """Answers with what it is sent, and remembers it."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__((HOST, 0), _EchoOne)
        self.heard = bytearray()


class _EchoOne(socketserver.BaseRequestHandler):
    def handle(self) -> None:
        try:
            while piece := self.request.recv(65_536):
                self.server.heard.extend(piece)  # type: ignore[attr-defined]
                self.request.sendall(piece)
        except ConnectionError:
            return


@pytest.fixture
def echo() -> Iterator[Echo]:
    with Echo() as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        yield server
        server.shutdown()
        thread.join()


@pytest.fixture
def proxy(echo: Echo) -> Iterator[Proxy]:
    started = Proxy(echo.server_address[1]).start()
    yield started
    started.stop()


def connect(proxy: Proxy) -> socket.socket:
    return socket.create_connection((HOST, proxy.port), timeout=5)


def receive(connection: socket.socket, length: int) -> bytes:
    found = b""
    while len(found) < length and (piece := connection.recv(length - len(found))):
        found += piece
    return found


def wait_until_heard(echo: Echo, text: bytes) -> None:
    deadline = time.monotonic() + 5
    while text not in echo.heard:
        assert time.monotonic() < deadline, f"the server never heard {text!r}"
        time.sleep(0.01)


def assert_silent(connection: socket.socket) -> None:
    connection.settimeout(HELD_SECONDS)
    with pytest.raises(TimeoutError):
        connection.recv(1)
    connection.settimeout(5)


def test_without_faults_it_forwards_both_ways(proxy: Proxy) -> None:
    long = bytes(range(256)) * 4_000
    with connect(proxy) as one, connect(proxy) as other:
        other.sendall(b"other")
        threading.Thread(target=one.sendall, args=[long], daemon=True).start()
        assert receive(one, len(long)) == long
        assert receive(other, 5) == b"other"


def test_a_cut_answer_belongs_to_a_request_that_was_heard(proxy: Proxy, echo: Echo) -> None:
    # first -> first | second -> heard, cut
    proxy.cut_answers(lambda request: b"second" in request)
    with connect(proxy) as connection:
        connection.sendall(b"first")
        assert receive(connection, 5) == b"first"
        connection.sendall(b"second")
        assert receive_all(connection) == b""
    assert bytes(echo.heard) == b"firstsecond"
    assert proxy.answers_cut == 1
    proxy.cut_answers(None)
    with connect(proxy) as connection:
        connection.sendall(b"second")
        assert receive(connection, 6) == b"second"


def receive_all(connection: socket.socket) -> bytes:
    try:
        return connection.recv(100)
    except ConnectionResetError:
        return b""


def test_a_reset_is_one(proxy: Proxy) -> None:
    with connect(proxy) as connection:
        connection.sendall(b"first")
        assert receive(connection, 5) == b"first"
        proxy.reset_all()
        with pytest.raises(ConnectionResetError):
            connection.recv(1)


def test_a_black_hole_takes_requests_and_delivers_them_late(proxy: Proxy, echo: Echo) -> None:
    # hold | sent, closed | release: heard after all
    proxy.hold("requests", "answers")
    with connect(proxy) as connection:
        connection.sendall(b"late")
        assert_silent(connection)
    assert not echo.heard
    proxy.release()
    wait_until_heard(echo, b"late")


def test_a_black_hole_of_answers_lets_requests_through(proxy: Proxy, echo: Echo) -> None:
    proxy.hold("answers")
    with connect(proxy) as connection:
        connection.sendall(b"question")
        wait_until_heard(echo, b"question")
        assert_silent(connection)
        proxy.release()
        assert receive(connection, 8) == b"question"


def test_a_black_hole_may_spare_new_connections(proxy: Proxy, echo: Echo) -> None:
    # old: hold | sent ............ release: heard last
    # new:        sent, heard
    with connect(proxy) as old:
        old.sendall(b"first")
        assert receive(old, 5) == b"first"
        proxy.hold("requests", "answers", new=False)
        old.sendall(b"late")
        with connect(proxy) as new:
            new.sendall(b"new")
            assert receive(new, 3) == b"new"
        proxy.release()
        assert receive(old, 4) == b"late"
    assert bytes(echo.heard) == b"firstnewlate"


def test_a_black_hole_may_lose_what_it_held(proxy: Proxy, echo: Echo) -> None:
    proxy.hold("requests")
    with connect(proxy) as connection, connect(proxy) as kept:
        connection.sendall(b"lost")
        assert_silent(connection)
        proxy.release(lose=True)
        assert receive_all(connection) == b""
        assert receive_all(kept) == b""
    with connect(proxy) as connection:
        connection.sendall(b"new")
        assert receive(connection, 3) == b"new"
    assert bytes(echo.heard) == b"new"


def test_a_delay_keeps_the_order_and_does_not_add_up(proxy: Proxy) -> None:
    # 20 pieces, each 0.1 s late both ways, all under way together
    proxy.delay(0.1, 0.1)
    started = time.monotonic()
    with connect(proxy) as connection:
        connection.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        for number in range(20):
            connection.sendall(b"%02d" % number)
            time.sleep(0.005)
        assert receive(connection, 40) == b"".join(b"%02d" % number for number in range(20))
    assert 0.2 <= time.monotonic() - started < 1.5


def test_a_limit_takes_its_time(proxy: Proxy) -> None:
    # 40,000 bytes at 100,000 a second
    proxy.limit(100_000)
    with connect(proxy) as connection:
        started = time.monotonic()
        connection.sendall(bytes(40_000))
        assert len(receive(connection, 40_000)) == 40_000
        assert 0.4 <= time.monotonic() - started < 3


def test_new_connections_go_to_a_new_target_and_fail_where_there_is_none(proxy: Proxy, echo: Echo) -> None:
    with Echo() as other:
        thread = threading.Thread(target=other.serve_forever, kwargs={"poll_interval": 0.02}, daemon=True)
        thread.start()
        proxy.target = other.server_address[1]
        with connect(proxy) as connection:
            connection.sendall(b"other")
            assert receive(connection, 5) == b"other"
        other.shutdown()
        thread.join()
    with connect(proxy) as connection:
        assert receive_all(connection) == b""
    assert bytes(other.heard) == b"other"
    assert not echo.heard
