"""Fixtures for the web room: a store that the test fills, and servers on real sockets."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import pytest
from structlog.testing import capture_logs

from slurm_exporter.config import Address, Endpoint
from slurm_exporter.metrics import HttpMetrics
from slurm_exporter.page import Page
from slurm_exporter.snapshot import SnapshotStore
from slurm_exporter.web.routes import HANDLERS, Routes, Site
from slurm_exporter.web.server import WebServer, listen
from tests.web.certificates import Authority
from tests.web.clients import Web
from tests.web.snapshots import POLLED, succeed

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slurm_exporter.web.http import Reply, Request
    from tests.conftest import ManualClock


TOO_MANY_ROWS = 600_000
"""Of a page that is far larger than what the kernel takes off the hands of a server."""


@pytest.fixture
def store(clock: ManualClock) -> SnapshotStore:
    """The endpoints ``jobs`` and ``nodes``, both polled just now."""
    jobs = Endpoint("jobs", "/metrics/jobs", interval=30.0, timeout=10.0)
    nodes = Endpoint("nodes", "/metrics/nodes", interval=60.0, timeout=10.0)
    store = SnapshotStore([jobs, nodes])
    for name in ("jobs", "nodes"):
        succeed(store, name, clock())
    return store


@pytest.fixture
def large(store: SnapshotStore, clock: ManualClock) -> int:
    """Makes the page so large that no buffer holds it; how large its part of Slurm's is."""
    succeed(store, "jobs", clock(), TOO_MANY_ROWS)
    return TOO_MANY_ROWS


@pytest.fixture
def site(store: SnapshotStore, http_metrics: HttpMetrics, clock: ManualClock) -> Site:
    """All of it open to everybody and in good health; no reload."""
    return Site(
        store=store,
        page=Page(store, collectors=(http_metrics.registry,), monotonic=clock),
        telemetry_path="/metrics",
        authenticator=None,
        open_paths=frozenset(),
        headers=(),
        problems=list,
        reload=None,
    )


@pytest.fixture
def http_metrics() -> HttpMetrics:
    """The counters of requests, which the page shows."""
    return HttpMetrics(HANDLERS)


@pytest.fixture
def routes(site: Site, http_metrics: HttpMetrics, clock: ManualClock) -> Routes:
    """The application; its wall clock stands still, five seconds after the polls."""
    return Routes(site, http_metrics, monotonic=clock, wall=lambda: POLLED + 5)


@pytest.fixture
def quiet(caplog: pytest.LogCaptureFixture) -> Iterator[None]:
    """In the end no library has logged an error."""
    yield
    lines = [*caplog.get_records("call"), *caplog.get_records("teardown")]
    assert [line.message for line in lines if line.levelname == "ERROR"] == []


@pytest.fixture
def serve(quiet: None) -> Iterator[Callable[..., Web]]:
    """Starts servers on loopback, which stop in the end."""
    running: list[WebServer] = []

    def start(app: Any, **options: Any) -> Web:
        sockets = listen([Address("127.0.0.1", 0)])
        web = Web(WebServer(app, sockets, **options), sockets[0].getsockname()[1])
        web.server.start()
        running.append(web.server)
        return web

    yield start
    assert [server.stop() for server in running] == [True] * len(running)


class Stage:
    """An application that is another one in each test, so that one server is enough."""

    routes: Routes

    async def __call__(self, scope: Any, receive: Any, send: Any) -> None:
        await self.routes(scope, receive, send)

    def at_once(self, request: Request) -> Reply | None:
        """Answer a scrape the short way."""
        return self.routes.at_once(request)


@pytest.fixture(scope="module")
def stage() -> Iterator[tuple[Stage, Web]]:
    """A server that runs as long as the module has tests."""
    stage, sockets = Stage(), listen([Address("127.0.0.1", 0)])
    web = Web(WebServer(stage, sockets), sockets[0].getsockname()[1])
    web.server.start()
    yield stage, web
    assert web.server.stop()


@pytest.fixture
def web(stage: tuple[Stage, Web], routes: Routes, quiet: None) -> Web:
    """A server that runs the fixture ``routes``."""
    stage[0].routes = routes
    return stage[1]


@pytest.fixture
def logged() -> Iterator[list[Any]]:
    """Our own log lines, as they are written."""
    with capture_logs() as lines:
        yield lines


@pytest.fixture(scope="module")
def authority(tmp_path_factory: pytest.TempPathFactory) -> Authority:
    """An authority that servers and clients can trust."""
    return Authority(tmp_path_factory.mktemp("authority"), "authority")
