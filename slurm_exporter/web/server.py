"""The HTTP server: one asyncio loop in a thread of its own."""

from __future__ import annotations

import asyncio
import math
import os
import resource
import socket
import threading
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import TYPE_CHECKING, Any

import structlog
import uvicorn

from slurm_exporter.config import Address, UnixAddress
from slurm_exporter.courtesy import Answering
from slurm_exporter.errors import ListenError
from slurm_exporter.signals import leave_to_main_thread
from slurm_exporter.web.connection import Connection
from slurm_exporter.web.unix import UnixListener

if TYPE_CHECKING:
    import ssl
    from collections.abc import Callable, Iterable

_BACKLOG = 128
"""Connections that wait to be accepted, and that asyncio accepts before it looks at any other."""

_HANDSHAKE = 5.0
"""Seconds that a client has for the handshake of TLS."""

_TICK = 1.0
"""Seconds between two calls of ``tick``."""

_FILES = 8192
"""Files that may be open, if the system's hard limit allows so many."""

log = structlog.get_logger()


def listen(addresses: Iterable[Address | UnixAddress]) -> list[socket.socket]:
    """Bind all addresses, in the caller's thread, so that a taken port is an error at once.

    Raises:
        ListenError: an address is taken, not ours, or needs more rights; nothing stays bound.
    """
    sockets: list[socket.socket] = []
    for address in addresses:
        try:
            sockets.append(_bind(address))
        except OSError as error:
            for bound in sockets:
                bound.close()
            # The standard library's words go on and name the address once more.
            reason, _, _ = (error.strerror or str(error)).lower().partition(" (while ")
            raise ListenError(f"cannot listen on {address}: {reason}") from error
    return sockets


def _bind(address: Address | UnixAddress) -> socket.socket:
    if isinstance(address, UnixAddress):
        return UnixListener(address.path, _BACKLOG)
    return _undelayed(_bound(address))


def adopt(passed: Iterable[socket.socket]) -> list[socket.socket]:
    """Return sockets on which somebody else began to listen, made such as ``listen`` makes them."""
    return [_undelayed(bound) for bound in passed]


def _undelayed(bound: socket.socket) -> socket.socket:
    # Accepted connections inherit it; without it the second half of an answer waits 40 ms for
    # the client's delayed acknowledgement of the first.
    if bound.family != socket.AF_UNIX:
        bound.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
    return bound


def _bound(address: Address) -> socket.socket:
    if not address.host and socket.has_dualstack_ipv6():
        return socket.create_server(
            ("", address.port), family=socket.AF_INET6, dualstack_ipv6=True, backlog=_BACKLOG
        )
    family = socket.AF_INET6 if ":" in address.host else socket.AF_INET
    return socket.create_server((address.host, address.port), family=family, backlog=_BACKLOG)


def names(sockets: Iterable[socket.socket]) -> list[str]:
    """Return where sockets listen, as a config's ``server.listen`` names it."""
    return [str(_address(bound)) for bound in sockets]


def _address(bound: socket.socket) -> Address | UnixAddress:
    name = bound.getsockname()
    if bound.family == socket.AF_UNIX:
        # Only systemd passes abstract ones, which begin with a zero byte and are written with @.
        return UnixAddress(os.fsdecode(name).replace("\0", "@"))
    return Address(*name[:2])


class WebServer:
    """Serves an ASGI application on bound sockets until stopped."""

    def __init__(
        self,
        app: Any,
        sockets: list[socket.socket],
        *,
        context: ssl.SSLContext | None = None,
        tick: Callable[[], None] | None = None,
        died: Callable[[], None] | None = None,
        answering: Answering | None = None,
        grace: float = 5.0,
    ) -> None:
        """Prepare, without starting a thread.

        Args:
            app: the ASGI application.
            sockets: bound sockets, which are closed by ``stop()``.
            context: serve TLS with it; None serves plain HTTP.
            tick: called every second, in a thread of its own, to look after files.
            died: called when the thread ends though nobody stopped it.
            answering: entered while clients are answered, for others to give way.
            grace: seconds that answers under way get when the server stops.
        """
        self._sockets = sockets
        self._tick = tick
        self._died = died
        config = uvicorn.Config(
            app,
            # uvicorn takes whatever makes a protocol, and says that it wants a class.
            http=partial(Connection, answering or Answering()),  # type: ignore[arg-type]
            loop="asyncio",
            backlog=_BACKLOG,
            lifespan="off",
            interface="asgi3",
            ws="none",
            log_config=None,
            access_log=False,
            server_header=False,
            proxy_headers=False,
            timeout_graceful_shutdown=math.ceil(grace) + 1,
        )
        config.load()
        config.ssl = context
        self._server = _Server(config, grace)
        self._thread = threading.Thread(target=self._run, name="web", daemon=True)
        self._join = grace + 2.0

    def start(self) -> None:
        """Start the thread; return when connections are answered."""
        _allow_many_files()
        self._thread.start()
        self._server.answering.wait()

    def stop(self) -> bool:
        """Accept nothing new, finish what is under way; return whether that worked in time."""
        self._server.should_exit = True
        self._thread.join(self._join)
        return not self._thread.is_alive()

    def _run(self) -> None:
        leave_to_main_thread()
        try:
            asyncio.run(self._serve())
        except (Exception, SystemExit):  # uvicorn exits when it cannot listen
            log.exception("web.crashed")
        for bound in self._sockets:
            bound.close()
        self._server.answering.set()
        if self._died is not None and not self._server.should_exit:
            self._died()

    async def _serve(self) -> None:
        if self._server.config.ssl is not None:
            # uvicorn has no setting for it, and asyncio's minute is long for whoever is silent.
            loop: Any = asyncio.get_running_loop()
            loop.create_server = partial(loop.create_server, ssl_handshake_timeout=_HANDSHAKE)
        ticking = asyncio.create_task(self._ticking())
        await self._server.serve(sockets=self._sockets)
        ticking.cancel()

    async def _ticking(self) -> None:
        # An executor of its own: the loop's would take another thread now and then, and let the
        # files wait behind passwords.
        thread = ThreadPoolExecutor(1, "web-files")
        try:
            while self._tick is not None:
                await asyncio.sleep(_TICK)
                await asyncio.get_running_loop().run_in_executor(thread, _survived, self._tick)
        finally:
            thread.shutdown(wait=False)


def _allow_many_files() -> None:
    """Raise the soft limit of open files, which exists for programs that use select().

    Clients are limited by their number, and must not use up the files before that.
    """
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    if soft != resource.RLIM_INFINITY:
        limit = _FILES if hard == resource.RLIM_INFINITY else min(hard, _FILES)
        resource.setrlimit(resource.RLIMIT_NOFILE, (max(soft, limit), hard))


def _survived(tick: Callable[[], None]) -> None:
    """Call it; the next call may work, and without a next one nobody looks after the files."""
    try:
        tick()
    except Exception:
        log.exception("tick.crashed")


class _Server(uvicorn.Server):
    """uvicorn's server, which tells when it began to answer, and ends in time."""

    def __init__(self, config: uvicorn.Config, grace: float) -> None:
        super().__init__(config)
        self.answering = threading.Event()
        self._grace = grace

    async def startup(self, sockets: list[socket.socket] | None = None) -> None:
        await super().startup(sockets)
        self.answering.set()

    async def shutdown(self, sockets: list[socket.socket] | None = None) -> None:
        hang_up = asyncio.get_running_loop().call_later(self._grace, self._hang_up)
        await super().shutdown(sockets)
        hang_up.cancel()

    def _hang_up(self) -> None:
        """Give up the clients that do not take what they asked for."""
        for connection in list(self.server_state.connections):
            connection.transport.abort()
