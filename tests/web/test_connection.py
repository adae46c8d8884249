"""What clients can do to a connection, and the short way of scrapes."""

from __future__ import annotations

import contextlib
import logging
import re
import ssl
import threading
import time
from typing import TYPE_CHECKING, Any

import pytest

from slurm_exporter.courtesy import Answering
from slurm_exporter.web import connection as connection_module
from slurm_exporter.web.tls import Certificate
from tests.processes import until
from tests.web.clients import HEALTHY, LAST, METRICS, PATIENCE, Held, Web, ask, receive, vanish

if TYPE_CHECKING:
    import socket
    from collections.abc import Callable

    from slurm_exporter.metrics import HttpMetrics
    from slurm_exporter.web.http import Reply, Request
    from slurm_exporter.web.routes import Routes
    from tests.web.certificates import Authority

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
    monkeypatch.setattr(connection_module, "PATIENCE", 0.01)
    with serve(routes).connection() as connection:
        connection.sendall(begin)
        with contextlib.suppress(ConnectionResetError):
            assert receive(connection) == b""


def test_answer_that_takes_long_is_waited_for(
    serve: Callable[..., Web], monkeypatch: pytest.MonkeyPatch
):
    """Patience is with clients; how long a reload takes is our own affair."""
    app, expired = Held(), threading.Event()
    expire = connection_module.Connection._expire

    def noticed(connection: Any) -> None:
        expire(connection)
        expired.set()

    monkeypatch.setattr(connection_module.Connection, "_expire", noticed)
    monkeypatch.setattr(connection_module, "PATIENCE", 0.5)
    with serve(app).connection() as connection:
        connection.sendall(HEALTHY)
        assert app.asked.wait(PATIENCE)
        connection.sendall(LAST)
        assert expired.wait(PATIENCE)
        monkeypatch.undo()
        app.let_go.set()
        assert receive(connection).count(b"\r\n\r\ndone") == 2


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
    monkeypatch.setattr(connection_module, "PATIENCE", 0.01)
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


# ------------------------------------------------------------------ too many clients


def is_open(connection: socket.socket) -> bool:
    """Whether the server has not let a client go; it has sent nothing in any case."""
    connection.settimeout(0.2)
    try:
        return connection.recv(1) != b""
    except TimeoutError:
        return True
    except ConnectionResetError:
        return False


def test_one_connection_too_many_costs_the_idlest(
    serve: Callable[..., Web], routes: Routes, monkeypatch: pytest.MonkeyPatch
):
    """Not the newest, who may be Prometheus, and nobody who has just asked."""
    monkeypatch.setattr(connection_module, "MAX_CONNECTIONS", 3)
    web = serve(routes)
    with contextlib.ExitStack() as stack:
        first, second, third = (stack.enter_context(web.connection()) for _ in range(3))
        for connection in (first, second, third, first):
            connection.sendall(METRICS)
            assert connection.recv(1 << 20)
        assert web.ask("/-/healthy").status == 200
        assert [is_open(each) for each in (first, second, third)] == [True, False, True]


def test_a_burst_of_connections_costs_no_more_than_the_limit(
    serve: Callable[..., Web], routes: Routes, monkeypatch: pytest.MonkeyPatch
):
    """However many come before the first of them is gone."""
    monkeypatch.setattr(connection_module, "MAX_CONNECTIONS", 5)
    web = serve(routes)
    with contextlib.ExitStack() as stack:
        for _ in range(60):
            stack.enter_context(web.connection())
        assert web.ask("/-/healthy").status == 200
        until(lambda: len(open_connections(web)) <= 5, "the others to be let go")


def test_a_client_that_asks_on_and_takes_nothing_is_let_go(
    serve: Callable[..., Web], routes: Routes, large: int, monkeypatch: pytest.MonkeyPatch
):
    """It makes the application wait, which is not the application's own time."""
    monkeypatch.setattr(connection_module, "PATIENCE", 0.5)
    web = serve(routes)
    with web.connection(receive_buffer=4096) as connection:
        connection.sendall(METRICS + METRICS)
        assert connection.recv(1)
        until(lambda: not open_connections(web), "its end")


def test_a_client_that_takes_its_answer_stays_when_idle_ones_can_go(
    serve: Callable[..., Web], routes: Routes, large: int, monkeypatch: pytest.MonkeyPatch
):
    """It asked first, and is still at work."""
    monkeypatch.setattr(connection_module, "MAX_CONNECTIONS", 3)
    web = serve(routes)
    with contextlib.ExitStack() as stack:
        reader = stack.enter_context(web.connection(receive_buffer=4096))
        reader.sendall(METRICS)
        assert reader.recv(1)
        for _ in range(4):
            stack.enter_context(web.connection())
        assert web.ask("/-/healthy").status == 200
        received = 1
        while received < large:
            received += len(reader.recv(1 << 20))


def test_requests_without_end_in_one_piece_are_a_bad_request(web: Web):
    """Each would wait in memory for the answer before it, or hold up all other clients."""
    answer = web.say(METRICS * 1000)
    assert answer.count(b"HTTP/1.1 200 OK") == connection_module.MAX_PIPELINED
    assert answer.count(b"HTTP/1.1 400 Bad Request") == 1


@pytest.mark.parametrize("context", ["plain", "tls"])
def test_answers_that_nobody_takes_do_not_fill_memory(
    serve: Callable[..., Web],
    routes: Routes,
    large: int,
    monkeypatch: pytest.MonkeyPatch,
    authority: Authority,
    context: str,
):
    """The slowest are let go; whoever takes his answer is not among them."""
    monkeypatch.setattr(connection_module, "SLOW", 0.2)
    monkeypatch.setattr(connection_module, "MAX_UNSENT", 30 << 20)
    certificate = Certificate(authority.issue(context)) if context == "tls" else None
    web = serve(routes, context=certificate and certificate.context)
    client = ssl.create_default_context(cafile=authority.file)
    with contextlib.ExitStack() as stack:
        for _ in range(4):
            dawdler = stack.enter_context(web.connection(receive_buffer=4096))
            if certificate is not None:
                dawdler = client.wrap_socket(dawdler, server_hostname="127.0.0.1")
                stack.enter_context(dawdler)
            dawdler.sendall(METRICS)
            assert dawdler.recv(1)
        until(lambda: len(open_connections(web)) == 2, "the slowest to be let go")


def open_connections(web: Web) -> set[Any]:
    """The connections that the server knows."""
    return set(web.server._server.server_state.connections)


# ------------------------------------------------------------------ the short way


class Counted:
    """The application, and how often it was asked the long way."""

    def __init__(self, routes: Routes) -> None:
        self._routes = routes
        self.long_way = 0

    def at_once(self, request: Request) -> Reply | None:
        return self._routes.at_once(request)

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        self.long_way += 1
        await self._routes(scope, receive, send)


@pytest.fixture
def counted(serve: Callable[..., Web], routes: Routes) -> tuple[Counted, Web]:
    """A server that counts so."""
    app = Counted(routes)
    return app, serve(app)


def samples(answer: bytes) -> bytes:
    """What Slurm said, of everything that came over a connection."""
    return b"\n".join(re.findall(rb"^slurm_(?!exporter).*$", answer, re.MULTILINE))


@pytest.mark.parametrize(
    ("request_", "long_way"),
    [
        (METRICS, 0),
        (METRICS.replace(b"Host", b"Accept-Encoding: gzip\r\nHost"), 0),
        (METRICS.replace(b"\r\n\r\n", b"\r\nContent-Length: 3\r\n\r\nabc"), 0),
        (METRICS.replace(b"Host", b"Connection: keep-alive\r\nHost"), 0),
        (METRICS.replace(b"/metrics", b"/metrics?collect[]=jobs"), 1),
        (METRICS.replace(b"GET", b"POST"), 1),
        (HEALTHY, 1),
    ],
    ids=["scrape", "gzip", "body", "keep-alive", "query", "POST", "healthy"],
)
def test_what_is_answered_at_once_is_the_plain_scrape(
    counted: tuple[Counted, Web], request_: bytes, long_way: int
):
    """And the next request on the connection finds everything in order."""
    app, web = counted
    answer = web.say(request_ + LAST)
    assert app.long_way == long_way + 1
    assert answer.count(b"HTTP/1.1 ") == 2
    assert answer.endswith(b"\r\n\r\nhealthy\n")


@pytest.mark.parametrize("encoding", ["identity", "gzip"])
def test_both_ways_lead_to_the_same_answer(counted: tuple[Counted, Web], encoding: str):
    """The clock of the fixture stands still, so even our own metrics but the counts are equal."""
    app, web = counted
    accept = "application/openmetrics-text; version=1.0.0"
    short = web.ask("/metrics", Accept=accept, Accept_Encoding=encoding)
    long = web.ask("/metrics", Accept=accept, Accept_Encoding=encoding, Connection="close")
    assert app.long_way == 1
    assert long.body == short.body
    different = {"connection"}
    assert [h for h in long.headers.items() if h[0] not in different] == short.headers.items()


def test_a_scrape_waits_for_the_answers_before_it(serve: Callable[..., Web], routes: Routes):
    """Answers come in the order of the requests (RFC 9112, section 9.3.2)."""
    held = Held()
    held.at_once = routes.at_once
    with serve(held).connection() as connection:
        connection.sendall(HEALTHY + METRICS + LAST)
        assert held.asked.wait(PATIENCE)
        held.let_go.set()
        assert re.findall(rb"\r\n\r\n(....)", receive(connection)) == [b"done"] * 3


def test_a_scrape_that_comes_byte_by_byte_is_answered_once(counted: tuple[Counted, Web]):
    """Whatever the pieces, the head is whole before it is looked at."""
    _, web = counted
    with web.connection() as connection:
        for byte in METRICS + LAST:
            connection.sendall(bytes([byte]))
        answer = receive(connection)
    assert answer.count(b"HTTP/1.1 200 OK") == 2


def test_a_client_that_does_not_read_gets_no_second_page_at_once(
    serve: Callable[..., Web], routes: Routes, large: int
):
    """Else each further request would put another page into our memory."""
    app = Counted(routes)
    with serve(app).connection(receive_buffer=4096) as connection:
        connection.sendall(METRICS * 3)
        until(lambda: app.long_way == 1, "the long way")
        connection.sendall(b"")
        assert connection.recv(1)
    assert app.long_way == 1


def test_scrapes_at_once_are_counted_and_timed(
    counted: tuple[Counted, Web], http_metrics: HttpMetrics
):
    """Like any other."""
    _, web = counted
    web.ask("/metrics")
    web.ask("/metrics")
    name, labels = "slurm_exporter_http_request", {"handler": "/metrics"}
    value = http_metrics.registry.get_sample_value
    assert value(f"{name}s_total", labels | {"code": "200"}) == 2.0
    assert value(f"{name}_duration_seconds_count", labels) == 2.0


def test_who_can_wait_learns_that_a_scrape_is_being_answered(
    serve: Callable[..., Web], routes: Routes
):
    """And that it no longer is."""
    answering, seen = Answering(), []

    class Watched(Counted):
        def at_once(self, request: Request) -> Reply | None:
            seen.append(answering.under_way())
            return super().at_once(request)

    web = serve(Watched(routes), answering=answering)
    assert web.ask("/metrics").status == 200

    assert seen == [True]
    until(lambda: not answering.under_way(), "the end of the answer")
