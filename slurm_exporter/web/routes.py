"""What is answered on which path."""

from __future__ import annotations

import asyncio
import json
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

import structlog

from slurm_exporter.errors import ConfigError
from slurm_exporter.exposition import negotiate
from slurm_exporter.snapshot import State
from slurm_exporter.web.auth import CHALLENGE, Authenticator, Queue
from slurm_exporter.web.facts import Moment, facts
from slurm_exporter.web.http import Header, Reply, Request, accepts_gzip, text
from slurm_exporter.web.status import CONTENT_SECURITY_POLICY, render_status

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Collection

    from slurm_exporter.metrics import HttpMetrics
    from slurm_exporter.page import Page
    from slurm_exporter.snapshot import SnapshotStore

STATUS, HEALTHY, READY, RELOAD, API = (
    "/",
    "/-/healthy",
    "/-/ready",
    "/-/reload",
    "/api/v1/endpoints",
)
METRICS = "/metrics"
"""The handler label of the metrics page, wherever the page is."""

HANDLERS = (METRICS, STATUS, HEALTHY, READY, RELOAD, API, "other")
"""Every value of the label ``handler``."""

_CRASHED = text(500, "internal error, see the log")
_PLAIN = ((b"vary", b"Accept, Accept-Encoding"),)
_GZIPPED = (*_PLAIN, (b"content-encoding", b"gzip"))
_READ = ("GET", "HEAD")
_WRITE = ("POST", "PUT")

log = structlog.get_logger()


@dataclass(frozen=True, slots=True)
class Site:
    """What is served; a reload puts a new one in its place.

    Attributes:
        store: the snapshots.
        page: makes the metrics page.
        telemetry_path: where that page is.
        authenticator: who may read; None lets everybody in.
        open_paths: paths that everybody may read nevertheless.
        headers: what every answer gets, unless it has a header of that name itself.
        problems: says in words which threads are dead or hang; empty when all is well.
        reload: loads the config again, raising ConfigError; None when that is not allowed.
    """

    store: SnapshotStore
    page: Page
    telemetry_path: str
    authenticator: Authenticator | None
    open_paths: frozenset[str]
    headers: tuple[Header, ...]
    problems: Callable[[], list[str]]
    reload: Callable[[], None] | None


class Routes:
    """The ASGI application."""

    def __init__(
        self,
        site: Site,
        http_metrics: HttpMetrics,
        *,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self.site = site
        self._http_metrics = http_metrics
        self._monotonic = monotonic
        self._wall = wall
        self._queue = Queue()

    async def __call__(
        self,
        scope: dict[str, Any],
        _receive: Callable[[], Awaitable[dict[str, Any]]],
        send: Callable[[dict[str, Any]], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        began = time.perf_counter()
        request, site = Request.of(scope), self.site
        handler, allowed, answer = self._route(site, request.path)
        try:
            reply = await self._reply(site, request, allowed, answer)
        except Exception:
            # One answer fails, not the connection, and somebody can read why.
            log.exception("http.crashed", handler=handler)
            reply = _CRASHED
        reply = reply.with_headers(site.headers)
        await reply.send(send)
        self._http_metrics.answered(handler, reply.status, time.perf_counter() - began)

    def at_once(self, request: Request) -> Reply | None:
        """Answer a scrape of the whole page, which has to wait for nothing.

        Returns:
            None for all else; it takes the long way.
        """
        began = time.perf_counter()
        site = self.site
        if request.method != "GET" or request.path != site.telemetry_path:
            return None
        if not _known(site, request):
            return None
        try:
            reply = _scraped(site, request)
        except Exception:
            log.exception("http.crashed", handler=METRICS)
            reply = _CRASHED
        self._http_metrics.answered(METRICS, reply.status, time.perf_counter() - began)
        return reply.with_headers(site.headers)

    async def _reply(
        self,
        site: Site,
        request: Request,
        allowed: tuple[str, ...],
        answer: Callable[[Site, Request], Awaitable[Reply]],
    ) -> Reply:
        admitted = _known(site, request)
        if admitted is None and site.authenticator is not None:
            header = request.header(b"authorization")
            admitted = await self._queue.check(site.authenticator, header, request.client)
        if admitted is None:
            return text(429, "too many passwords at once", (b"retry-after", b"1"))
        if not admitted:
            return text(401, "unauthorized", (b"www-authenticate", CHALLENGE.encode()))
        if request.method not in allowed:
            allow = ", ".join(allowed)
            return text(405, f"method not allowed; use {allow}", (b"allow", allow.encode()))
        return await answer(site, request)

    def _route(
        self, site: Site, path: str
    ) -> tuple[str, tuple[str, ...], Callable[[Site, Request], Awaitable[Reply]]]:
        if path == site.telemetry_path:
            return METRICS, _READ, self._metrics
        if path == RELOAD:
            return RELOAD, _WRITE, self._reload
        pages = {
            STATUS: self._status,
            HEALTHY: self._healthy,
            READY: self._ready,
            API: self._api,
        }
        if path in pages:
            return path, _READ, pages[path]
        return "other", _READ, self._not_found

    async def _metrics(self, site: Site, request: Request) -> Reply:
        only = request.query.get("collect[]")
        known = [view.endpoint.name for view in site.store.view()]
        unknown = sorted(set(only or ()).difference(known))
        if unknown:
            no, yes = ", ".join(unknown), ", ".join(known)
            return text(400, f"collect[]: no such endpoint: {no}; there are {yes}")
        return _scraped(site, request, only)

    async def _status(self, site: Site, _: Request) -> Reply:
        body = render_status(self._facts(site)).encode()
        headers = (
            (b"content-security-policy", CONTENT_SECURITY_POLICY.encode()),
            (b"cache-control", b"no-store"),
            (b"x-content-type-options", b"nosniff"),
        )
        return Reply(200, (body,), "text/html; charset=utf-8", headers)

    async def _api(self, site: Site, _: Request) -> Reply:
        body = json.dumps(self._facts(site), indent=2).encode() + b"\n"
        return Reply(200, (body,), "application/json", ((b"cache-control", b"no-store"),))

    def _facts(self, site: Site) -> dict[str, Any]:
        moment = Moment(self._monotonic(), self._wall())
        return facts(site.store.view(), moment, site.telemetry_path)

    async def _healthy(self, site: Site, _: Request) -> Reply:
        problems = site.problems()
        return text(503, "\n".join(problems)) if problems else text(200, "healthy")

    async def _ready(self, site: Site, _: Request) -> Reply:
        now = self._monotonic()
        missing = [
            f"{view.endpoint.name}: {state.value}"
            for view in site.store.view()
            if (state := view.state(now)) in {State.NEVER, State.EXPIRED}
        ]
        return text(503, "\n".join(missing)) if missing else text(200, "ready")

    async def _reload(self, site: Site, _: Request) -> Reply:
        if site.reload is None:
            return text(
                403,
                "reloading is not enabled; set server.enable_lifecycle or --web.enable-lifecycle",
            )
        try:
            await asyncio.get_running_loop().run_in_executor(None, site.reload)
        except ConfigError as error:
            return text(500, f"the config was not reloaded:\n{error}")
        return text(200, "reloaded")

    async def _not_found(self, _: Site, __: Request) -> Reply:
        return text(404, "not found")


def _scraped(site: Site, request: Request, only: Collection[str] | None = None) -> Reply:
    """Answer with a page of metrics in the best format that the client reads."""
    media = negotiate(request.header(b"accept"))
    gzip = accepts_gzip(request.header(b"accept-encoding"))
    pieces = site.page.make(media.format, gzip=gzip, only=only)
    return Reply(200, pieces, media.content_type, _GZIPPED if gzip else _PLAIN)


def _known(site: Site, request: Request) -> bool | None:
    """Tell without delay whether a client may read; None if that takes a look at his password."""
    if site.authenticator is None or request.path in site.open_paths:
        return True
    return site.authenticator.remembered(request.header(b"authorization"))
