"""The server: where it listens, what clients can do to it, how it starts and stops."""

from __future__ import annotations

import asyncio
import contextlib
import gc
import http.client
import logging
import re
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from slurm_exporter.config import Address
from slurm_exporter.errors import ListenError
from slurm_exporter.web import server as server_module
from slurm_exporter.web.server import WebServer, listen, names
from tests.processes import until
from tests.web.clients import PATIENCE, Web, ask, receive, vanish
from tests.web.snapshots import succeed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slurm_exporter.snapshot import SnapshotStore
    from slurm_exporter.web.routes import Routes
    from tests.conftest import ManualClock

LOOPBACK = Address("127.0.0.1", 0)
HEALTHY = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
METRICS = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"
TOO_MANY_ROWS = 600_000
"""Of a page that is far larger than what the kernel takes off the hands of a server."""


class Held:
    """An application whose answers begin when they are let go."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.let_go = threading.Event()

    async def __call__(self, _scope: Any, _receive: Any, send: Any) -> None:
        self.asked.set()
        await asyncio.get_running_loop().run_in_executor(None, self.let_go.wait, PATIENCE)
        headers = [(b"content-length", b"4")]
        await send({"type": "http.response.start", "status": 200, "headers": headers})
        await send({"type": "http.response.body", "body": b"done"})


@contextlib.contextmanager
def listening(*addresses: Address) -> Iterator[list[socket.socket]]:
    """Listen for a while."""
    sockets = listen(addresses)
    try:
        yield sockets
    finally:
        for bound in sockets:
            bound.close()


def port_of(bound: socket.socket) -> int:
    """The port that was chosen for it."""
    return int(bound.getsockname()[1])


# ------------------------------------------------------------------ where it listens


def test_port_0_is_a_free_port_which_the_name_tells():
    """Otherwise nobody would find it."""
    with listening(LOOPBACK, LOOPBACK) as sockets:
        first, second = names(sockets)
        assert re.fullmatch(r"127\.0\.0\.1:[1-9]\d+", first)
        assert first != second


def test_name_of_an_ipv6_address_has_brackets():
    """As in a URL."""
    with listening(Address("::1", 0)) as sockets:
        assert names(sockets) == [f"[::1]:{port_of(sockets[0])}"]


def test_address_without_a_host_is_every_address_of_both_families():
    """One socket is enough for both."""
    with listening(Address("", 0)) as sockets:
        assert names(sockets) == [f"[::]:{port_of(sockets[0])}"]
        for host in ("127.0.0.1", "::1"):
            socket.create_connection((host, port_of(sockets[0])), PATIENCE).close()


def test_address_without_a_host_is_ipv4_on_a_machine_without_ipv6(
    monkeypatch: pytest.MonkeyPatch,
):
    """Kernels can be built or booted so."""
    monkeypatch.setattr(socket, "has_dualstack_ipv6", lambda: False)
    with listening(Address("", 0)) as sockets:
        assert names(sockets) == [f"0.0.0.0:{port_of(sockets[0])}"]


def test_ipv6_address_leaves_ipv4_alone():
    """Both of `[::]:9341` and `0.0.0.0:9341` can be asked for."""
    with listening(Address("::", 0)) as sockets:
        port = port_of(sockets[0])
        with listening(Address("0.0.0.0", port)) as others:
            assert names(others) == [f"0.0.0.0:{port}"]


def test_port_that_was_used_a_moment_ago_can_be_used_again(
    serve: Callable[..., Web], routes: Routes
):
    """A restart must not fail for a minute because of connections that the kernel remembers."""
    web = serve(routes)
    with web.connection() as connection:
        connection.sendall(HEALTHY)
        assert connection.recv(1)
        assert web.server.stop()
    with listening(Address("127.0.0.1", web.port)):
        pass


@pytest.mark.parametrize("other", ["127.0.0.1", ""])
def test_taken_port_is_an_error_in_words(other: str):
    """The address stands in it as the operator wrote it."""
    with listening(LOOPBACK) as sockets:
        address = Address(other, port_of(sockets[0]))
        with pytest.raises(ListenError) as caught:
            listen([address])
    assert str(caught.value) == f"cannot listen on {address}: address already in use"


def test_address_of_another_machine_is_an_error_in_words():
    """The kernel's words are good enough."""
    with pytest.raises(ListenError) as caught:
        listen([Address("192.0.2.1", 0)])
    assert str(caught.value) == "cannot listen on 192.0.2.1:0: cannot assign requested address"


def test_error_without_words_of_the_system_is_told_all_the_same(monkeypatch: pytest.MonkeyPatch):
    """Not every error has a number."""

    def create_server(*_: Any, **__: Any) -> socket.socket:
        raise OSError("something else")

    monkeypatch.setattr(socket, "create_server", create_server)
    with pytest.raises(ListenError, match=r"^cannot listen on 127\.0\.0\.1:0: something else$"):
        listen([LOOPBACK])


def test_when_one_address_is_taken_none_stays_bound():
    """The operator can try again at once."""
    with listening(LOOPBACK, LOOPBACK) as (taken, free):
        port = port_of(free)
        free.close()
        with pytest.raises(ListenError):
            listen([Address("127.0.0.1", port), Address("127.0.0.1", port_of(taken))])
        with listening(Address("127.0.0.1", port)):
            pass


def test_server_answers_on_all_its_addresses(routes: Routes):
    """Of whichever family they are."""
    sockets = listen([LOOPBACK, Address("::1", 0), Address("", 0)])
    ports = [port_of(bound) for bound in sockets]
    server = WebServer(routes, sockets)
    server.start()
    for host, port in zip(("127.0.0.1", "::1", "127.0.0.1"), ports, strict=True):
        client = http.client.HTTPConnection(host, port, timeout=PATIENCE)
        assert ask(client, "/-/healthy").status == 200
        client.close()
    assert server.stop()


# ------------------------------------------------------------------ what clients send


def test_one_connection_is_good_for_many_requests(web: Web):
    """Whatever the answers were."""
    with web.client() as client:
        answers = [ask(client, path).status for path in ("/-/healthy", "/nothing", "/metrics")]
    assert answers == [200, 404, 200]


def test_requests_that_are_sent_in_one_go_are_answered_in_their_order(web: Web):
    """Proxies may do that."""
    answers = web.say(b"HEAD /metrics HTTP/1.1\r\n\r\nGET /nothing HTTP/1.1\r\n\r\n" + LAST)
    codes = re.findall(rb"HTTP/1\.1 (\d+)", answers)
    assert codes == [b"200", b"404", b"200"]


def test_old_client_that_speaks_http_1_0_is_answered(web: Web):
    """And the end of the connection ends the answer."""
    answer = web.say(b"GET /-/healthy HTTP/1.0\r\n\r\n")
    assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert answer.endswith(b"\r\n\r\nhealthy\n")


def test_server_does_not_tell_what_it_is_made_of(web: Web):
    """Who looks for known holes has to try."""
    assert "server" not in web.ask("/-/healthy").headers


@pytest.mark.parametrize(
    "nonsense",
    [
        b"X" * 2000 + b" / HTTP/1.1\r\n\r\n",
        b"BREW / HTTP/1.1\r\n\r\n",
        b"get / HTTP/1.1\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET  HTTP/1.1\r\n\r\n",
        b"GET /\xff HTTP/1.1\r\n\r\n",
        b"GET http://x HTTP/1.1\r\n\r\n",
        b"CONNECT x:443 HTTP/1.1\r\n\r\n",
        b"GET / HTTP/1.1\r\nno colon\r\n\r\n",
        b"GET / HTTP/1.1\r\nA: \0\r\n\r\n",
        b"GET / HTTP/1.1\r\nContent-Length: x\r\n\r\n",
        b"\x16\x03\x01\x00\xa5\x01\x00\x00\xa1\x03\x03",
    ],
    ids=lambda nonsense: ascii(nonsense[:20]),
)
def test_nonsense_is_a_bad_request_and_no_traceback(
    web: Web, nonsense: bytes, caplog: pytest.LogCaptureFixture
):
    """Strangers must not be able to fill the log."""
    answer = web.say(nonsense)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert web.ask("/-/healthy").status == 200
    assert not [line for line in caplog.records if line.levelno >= logging.ERROR]


@pytest.mark.parametrize(
    "bomb",
    [
        b"A: " + b"b" * 400_000,
        b"A: b\r\n" * 70_000,
        b"Transfer-Encoding: chunked\r\n\r\n1;" + b"x" * 400_000,
    ],
    ids=["one header", "many headers", "one chunk's extension"],
)
def test_client_that_fills_memory_is_cut_off(web: Web, bomb: bytes):
    """Before any password is looked at, everybody who reaches the port could do it."""
    with web.connection() as connection:
        connection.sendall(b"GET /-/healthy HTTP/1.1\r\n")
        with contextlib.suppress(ConnectionError):
            for begin in range(0, len(bomb), 4096):
                connection.sendall(bomb[begin : begin + 4096])
            receive(connection)
    assert web.ask("/-/healthy").status == 200


def test_headers_that_grow_too_large_are_refused_in_words(web: Web):
    """Whoever made them by mistake learns why."""
    with web.connection() as connection:
        # The last byte is one too many, so the server has read all when it refuses.
        connection.sendall(b"GET /-/healthy HTTP/1.1\r\nA: ".ljust(65_537, b"b"))
        answer = receive(connection)
    assert answer.startswith(b"HTTP/1.1 400 Bad Request\r\n")
    assert answer.endswith(b"\r\n\r\nThe request's headers are too large.")


def test_body_of_any_size_is_ignored(web: Web):
    """Whoever sends one to /-/reload or by mistake gets his answer, and the next one."""
    body = b"x" * 1_000_000
    request = b"POST /-/healthy HTTP/1.1\r\nContent-Length: %d\r\n\r\n" % len(body)
    answers = web.say(request + body + LAST)
    assert re.findall(rb"HTTP/1\.1 (\d+)", answers) == [b"405", b"200"]


@pytest.mark.parametrize("protocol", [b"websocket", b"h2c"])
def test_client_that_offers_another_protocol_is_answered_in_this_one(
    web: Web, protocol: bytes, caplog: pytest.LogCaptureFixture
):
    """It is no news for the log."""
    offer = b"\r\nUpgrade: " + protocol + b"\r\nConnection: Upgrade"
    with web.connection() as connection:
        connection.sendall(HEALTHY.replace(b"\r\nHost", offer + b"\r\nHost"))
        answer = b""
        while not answer.endswith(b"healthy\n"):
            answer += connection.recv(1 << 16)
        assert answer.startswith(b"HTTP/1.1 200 OK\r\n")
    assert caplog.records == []


# ------------------------------------------------------------------ clients that dawdle


def test_three_hundred_half_sent_requests_delay_nobody(web: Web):
    """Each costs a descriptor and no thread."""
    with contextlib.ExitStack() as stack:
        for number in range(300):
            connection = stack.enter_context(web.connection())
            connection.sendall(HEALTHY[: number % len(HEALTHY)])
        began = time.perf_counter()
        assert web.ask("/metrics").status == 200
        assert time.perf_counter() - began < 1.0


def test_request_that_comes_byte_by_byte_is_answered(web: Web):
    """Slow lines are no fault of a client."""
    with web.connection() as connection:
        for byte in LAST:
            connection.sendall(bytes([byte]))
        assert receive(connection).endswith(b"healthy\n")


@pytest.mark.parametrize("begin", [b"", HEALTHY[:20]], ids=["nothing", "half a request"])
def test_request_that_does_not_come_is_not_waited_for_for_ever(
    serve: Callable[..., Web], routes: Routes, monkeypatch: pytest.MonkeyPatch, begin: bytes
):
    """Connections are limited, and clients that vanish without a word hold theirs open."""
    monkeypatch.setattr(server_module, "_PATIENCE", 0.01)
    with serve(routes).connection() as connection:
        connection.sendall(begin)
        with contextlib.suppress(ConnectionResetError):
            assert receive(connection) == b""


def test_answer_that_takes_long_is_waited_for(
    serve: Callable[..., Web], monkeypatch: pytest.MonkeyPatch
):
    """Patience is with clients; how long a reload takes is our own affair."""
    app, expired = Held(), threading.Event()
    expire = server_module._Connection._expire

    def noticed(connection: Any) -> None:
        expire(connection)
        expired.set()

    with serve(app).connection() as connection:
        connection.sendall(HEALTHY)
        assert app.asked.wait(PATIENCE)
        monkeypatch.setattr(server_module._Connection, "_expire", noticed)
        monkeypatch.setattr(server_module, "_PATIENCE", 0.001)
        connection.sendall(LAST)
        assert expired.wait(PATIENCE)
        monkeypatch.undo()
        app.let_go.set()
        assert receive(connection).count(b"\r\n\r\ndone") == 2


@pytest.fixture
def large(store: SnapshotStore, clock: ManualClock) -> int:
    """Makes the page so large that no buffer holds it; how large its part of Slurm's is."""
    succeed(store, "jobs", clock(), TOO_MANY_ROWS)
    return TOO_MANY_ROWS


def test_client_that_reads_slowly_delays_nobody_and_gets_everything(web: Web, large: int):
    """Nobody has to hurry."""
    with web.connection(receive_buffer=4096) as slow:
        slow.sendall(METRICS.replace(b"Host", b"Connection: close\r\nHost"))
        assert slow.recv(1)
        began = time.perf_counter()
        assert web.ask("/-/healthy").status == 200
        assert web.ask("/metrics", "HEAD").status == 200
        assert time.perf_counter() - began < 2.0
        assert receive(slow).count(b"\nslurm_jobs{") == large


def test_client_that_never_reads_is_not_waited_for_for_ever(
    serve: Callable[..., Web], routes: Routes, large: int, monkeypatch: pytest.MonkeyPatch
):
    """Its page is in memory all the time."""
    monkeypatch.setattr(server_module, "_PATIENCE", 0.01)
    web = serve(routes)
    with web.connection(receive_buffer=4096) as connection:
        connection.sendall(METRICS)
        assert connection.recv(1)
        until(lambda: not web.server._server.server_state.connections, "all connections to end")
        assert 0 < receive(connection).count(b"\nslurm_jobs{") < large, "what the kernel had"


@pytest.mark.usefixtures("large")
def test_client_that_vanishes_within_an_answer_is_no_news(
    web: Web, caplog: pytest.LogCaptureFixture
):
    """It happens at every scrape timeout."""
    for _ in range(3):
        with web.connection(receive_buffer=4096) as connection:
            connection.sendall(METRICS * 10)
            assert connection.recv(1)
            vanish(connection)
    assert web.ask("/-/healthy").status == 200
    assert caplog.records == []


# ------------------------------------------------------------------ start and stop


def test_server_runs_in_a_thread_of_its_own_and_leaves_none_behind(routes: Routes):
    """Who starts it goes on."""
    before = threading.enumerate()
    server = WebServer(routes, listen([LOOPBACK]))
    server.start()
    assert [t.name for t in threading.enumerate() if t not in before] == ["web"]
    assert server.stop()
    assert threading.enumerate() == before


def test_after_stop_nobody_is_answered(serve: Callable[..., Web], routes: Routes):
    """The port is free for the next one."""
    web = serve(routes)
    assert web.server.stop()
    with pytest.raises(ConnectionRefusedError):
        web.ask("/-/healthy")


def test_stop_closes_connections_that_wait_for_a_request_at_once(
    serve: Callable[..., Web], routes: Routes
):
    """Also those that sent a part of one."""
    web = serve(routes)
    with web.client() as idle, web.connection() as half, web.connection() as silent:
        assert ask(idle, "/-/healthy").status == 200
        half.sendall(HEALTHY[:10])
        began = time.perf_counter()
        assert web.server.stop()
        assert time.perf_counter() - began < 2.0, "less than the grace"
        assert idle.sock.recv(1) == b""
        assert receive(half) == receive(silent) == b""


def test_stop_lets_an_answer_that_is_under_way_be_finished(serve: Callable[..., Web]):
    """But accepts nobody new meanwhile."""
    app = Held()
    web = serve(app)
    with ThreadPoolExecutor() as threads:
        answer = threads.submit(web.ask, "/")
        assert app.asked.wait(PATIENCE)
        stopped = threads.submit(web.server.stop)
        until(lambda: refuses(web), "the server to accept nobody")
        assert not answer.done()
        app.let_go.set()
        assert answer.result(PATIENCE).text == "done"
        assert stopped.result(PATIENCE) is True


def test_stop_lets_a_slow_client_take_the_rest_of_its_answer(
    serve: Callable[..., Web], routes: Routes, large: int
):
    """Up to the end of the grace."""
    web = serve(routes)
    with web.connection(receive_buffer=4096) as slow, ThreadPoolExecutor() as threads:
        slow.sendall(METRICS)
        assert slow.recv(1)
        stopped = threads.submit(web.server.stop)
        assert receive(slow).count(b"\nslurm_jobs{") == large
        assert stopped.result(PATIENCE) is True


@pytest.mark.usefixtures("large")
def test_stop_does_not_wait_for_a_client_that_never_reads(
    serve: Callable[..., Web], routes: Routes
):
    """The grace is over, and nothing is left behind of the connection."""
    web = serve(routes, grace=0.2)
    with web.connection(receive_buffer=4096) as connection:
        connection.sendall(METRICS)
        assert connection.recv(1)
        began = time.perf_counter()
        assert web.server.stop()
        assert time.perf_counter() - began < 1.5
    gc.collect()


def test_stop_says_when_an_answer_outlasts_it(
    serve: Callable[..., Web], monkeypatch: pytest.MonkeyPatch
):
    """So that somebody can log it."""
    app = Held()
    web = serve(app, grace=0.0)
    with web.connection() as connection:
        connection.sendall(LAST)
        assert app.asked.wait(PATIENCE)
        monkeypatch.setattr(web.server, "_join", 0.0)
        assert web.server.stop() is False
        monkeypatch.undo()
        app.let_go.set()
        assert web.server.stop() is True


def refuses(web: Web) -> bool:
    """Whether nobody listens on the port."""
    try:
        with web.connection():
            return False
    except ConnectionRefusedError:
        return True


# ------------------------------------------------------------------ ticks


def test_tick_is_called_again_and_again_in_a_thread_that_answers_nobody(
    serve: Callable[..., Web], routes: Routes, monkeypatch: pytest.MonkeyPatch
):
    """It looks at files, which may be on a slow disk."""
    monkeypatch.setattr(server_module, "_TICK", 0.001)
    threads: list[str] = []
    third = threading.Event()

    def tick() -> None:
        threads.append(threading.current_thread().name)
        if len(threads) == 3:
            third.set()

    web = serve(routes, tick=tick)
    assert third.wait(PATIENCE)
    assert web.server.stop()
    assert "web" not in threads


def test_tick_that_fails_is_logged_and_called_again(
    serve: Callable[..., Web],
    routes: Routes,
    monkeypatch: pytest.MonkeyPatch,
    logged: list[Any],
):
    """The file that was bad may be good later."""
    monkeypatch.setattr(server_module, "_TICK", 0.001)
    ticks = 0
    second = threading.Event()

    def tick() -> None:
        nonlocal ticks
        ticks += 1
        if ticks == 1:
            raise RuntimeError("boom")
        second.set()

    serve(routes, tick=tick)
    assert second.wait(PATIENCE)
    assert logged == [{"event": "tick.crashed", "log_level": "error", "exc_info": True}]


def test_tick_is_not_waited_for_when_the_server_stops(serve: Callable[..., Web], routes: Routes):
    """The next one is ten seconds away."""
    web = serve(routes, tick=lambda: None)
    began = time.perf_counter()
    assert web.server.stop()
    assert time.perf_counter() - began < 2.0


@pytest.mark.parametrize("end", [RuntimeError("boom"), SystemExit(1)], ids=type)
def test_server_that_dies_tells_and_does_not_leave_its_starter_waiting(
    end: BaseException,
    serve: Callable[..., Web],
    routes: Routes,
    monkeypatch: pytest.MonkeyPatch,
    logged: list[Any],
):
    """Without it the process would poll on and answer nobody."""

    async def startup(self: object, sockets: object = None) -> None:
        raise end

    monkeypatch.setattr(server_module._Server, "startup", startup)
    died = threading.Event()

    serve(routes, died=died.set)

    assert died.wait(PATIENCE)
    assert logged == [{"event": "web.crashed", "log_level": "error", "exc_info": True}]


def test_server_that_is_stopped_has_not_died(serve: Callable[..., Web], routes: Routes):
    """The end of the process is no news to it."""
    died = threading.Event()
    web = serve(routes, died=died.set)

    assert web.server.stop()
    assert not died.is_set()
