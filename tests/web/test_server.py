"""The server: where it listens, what clients can do to it, how it starts and stops."""

from __future__ import annotations

import contextlib
import gc
import http.client
import re
import resource
import socket
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from typing import TYPE_CHECKING, Any

import pytest

from slurm_exporter.config import Address
from slurm_exporter.errors import ListenError
from slurm_exporter.web import server as server_module
from slurm_exporter.web.server import WebServer, adopt, listen, names
from tests.processes import until
from tests.web.clients import HEALTHY, LAST, METRICS, PATIENCE, Held, Web, ask, receive

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from pathlib import Path

    from slurm_exporter.web.routes import Routes

LOOPBACK = Address("127.0.0.1", 0)


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


def test_server_answers_on_a_unix_socket_that_somebody_else_listens_on(
    routes: Routes, tmp_path: Path
):
    """As systemd passes it."""
    with socket.socket(socket.AF_UNIX) as passed:
        passed.bind(str(tmp_path / "socket"))
        passed.listen()
        server = WebServer(routes, adopt([passed]))
        server.start()
        with socket.socket(socket.AF_UNIX) as client:
            client.connect(str(tmp_path / "socket"))
            client.sendall(LAST)
            assert receive(client).startswith(b"HTTP/1.1 200 ")
        assert server.stop()


# ------------------------------------------------------------------ start and stop


def test_server_runs_in_a_thread_of_its_own_and_leaves_none_behind(routes: Routes):
    """Who starts it goes on."""
    before = threading.enumerate()
    server = WebServer(routes, listen([LOOPBACK]))
    server.start()
    assert [t.name for t in threading.enumerate() if t not in before] == ["web"]
    assert server.stop()
    assert threading.enumerate() == before


@pytest.mark.parametrize(
    ("limits", "raised"),
    [
        ((1024, resource.RLIM_INFINITY), [(8192, resource.RLIM_INFINITY)]),
        ((1024, 4096), [(4096, 4096)]),
        ((10_000, 20_000), [(10_000, 20_000)]),
        ((resource.RLIM_INFINITY, resource.RLIM_INFINITY), []),
    ],
    ids=["no hard limit", "a low hard limit", "enough", "no limit"],
)
def test_as_many_files_may_be_open_as_clients_need(
    monkeypatch: pytest.MonkeyPatch,
    routes: Routes,
    limits: tuple[int, int],
    raised: list[tuple[int, int]],
):
    """The limit that a process begins with is for programs of old."""
    limited: list[tuple[int, int]] = []
    monkeypatch.setattr(resource, "getrlimit", lambda _: limits)
    monkeypatch.setattr(resource, "setrlimit", lambda _, new: limited.append(new))
    server = WebServer(routes, listen([LOOPBACK]))
    server.start()
    assert server.stop()
    assert limited == raised


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
