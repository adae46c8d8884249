"""A client's connection: uvicorn's, with limits, and with a short way for scrapes."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING, Any

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from slurm_exporter.web.http import Request

if TYPE_CHECKING:
    import asyncio

    from slurm_exporter.courtesy import Answering

MAX_HEAD = 64 * 1024
"""Bytes that a request's line and headers may have, apart from what arrives at once."""

PATIENCE = 60.0
"""Seconds that a client has to send a request, and then to take the answer."""

MAX_CONNECTIONS = 512
"""Connections at a time; for one more, the one is let go that has asked for nothing longest."""

MAX_UNSENT = 64 * 1024 * 1024
"""Bytes of answers that may wait in our memory for clients that are slow to take them."""

SLOW = 1.0
"""Seconds after which a client that does not take its answer is slow."""

MAX_PIPELINED = 16
"""Requests that may come in one piece; nobody honest sends more before the first is answered."""


class Connection(HttpToolsProtocol):
    """A connection that costs little before it is known who asks, and little for each scrape.

    Most requests are ASGI's: a task each, which may wait.  A scrape waits for nothing, so when the
    application has a method ``at_once`` that answers it, the answer is written right where the
    head of the request was read, in one piece.
    """

    _head = 0
    """Bytes received since the last whole head, or since the last piece of a body."""
    _answered = False
    """Whether the request that is being read was answered at once."""
    patient_until = 0.0
    """When the client has had its time to ask, or to take the answer."""
    unsent_since = math.inf
    """When the client began to be slow in taking its answer."""
    _pipelined = 0
    """Requests in the piece that is being read."""
    _expiry: asyncio.TimerHandle

    def __init__(self, answering: Answering, **of_uvicorn: Any) -> None:
        """Prepare.

        Args:
            answering: entered while what the client has sent is read and answered.
            of_uvicorn: what uvicorn's own connections are made of.
        """
        super().__init__(**of_uvicorn)
        self._answering = answering

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Begin to wait for a request."""
        super().connection_made(transport)
        self._at_once = getattr(self.app, "at_once", None)
        self._wait_anew()
        self._expire_later()
        if len(self._open()) > MAX_CONNECTIONS:
            self._let_the_idlest_go()

    def connection_lost(self, exc: Exception | None) -> None:
        """Wait for nothing any more."""
        self._expiry.cancel()
        super().connection_lost(exc)

    def data_received(self, data: bytes) -> None:
        """Read on, but no head without end."""
        self._head += len(data)
        self._pipelined = 0
        with self._answering:
            super().data_received(data)
        if self._head > MAX_HEAD and not self.transport.is_closing():
            self.send_400_response("The request's headers are too large.")

    # -------------------------------------------------------------- the parser's callbacks

    def on_headers_complete(self) -> None:
        """Answer at once, or leave it to the application.

        Raises:
            ValueError: too many requests come at once, which the parser makes a bad request of.
        """
        self._head = 0
        self._pipelined += 1
        if self._pipelined > MAX_PIPELINED:
            raise ValueError("too many requests at once")
        self._wait_anew()
        self._answered = self._ready() and self._answer()
        if not self._answered:
            super().on_headers_complete()

    def on_body(self, body: bytes) -> None:
        """Take a piece of a body."""
        self._head = 0
        if not self._answered:
            super().on_body(body)

    def on_message_complete(self) -> None:
        """Take the end of a request."""
        if not self._answered:
            super().on_message_complete()

    # -------------------------------------------------------------- the short way

    def _ready(self) -> bool:
        """Whether an answer would have to wait for nothing."""
        under_way = self.cycle is not None and not self.cycle.response_complete
        return not (under_way or self.flow.write_paused or self.transport.is_closing())

    def busy(self) -> bool:
        """Whether the application is at work on an answer, and does not wait for the client."""
        under_way = self.cycle is not None and not self.cycle.response_complete
        return under_way and not self.flow.write_paused

    def _answer(self) -> bool:
        """Answer at once, if that can be done."""
        plain = self.parser.should_keep_alive() and not self.parser.should_upgrade()
        if self._at_once is None or not plain or self.parser.get_http_version() != "1.1":
            return False
        method, path = self.parser.get_method().decode(), self.url.decode("latin-1")
        reply = self._at_once(Request(method, path, self.headers))
        if reply is None:
            return False
        self.transport.writelines(reply.lines(self.server_state.default_headers))
        self.on_response_complete()
        return True

    # -------------------------------------------------------------- limits

    def _wait_anew(self) -> None:
        self.patient_until = self.loop.time() + PATIENCE

    def _expire_later(self) -> None:
        self._expiry = self.loop.call_at(self.patient_until, self._expire)

    def _expire(self) -> None:
        late = self.loop.time() >= self.patient_until
        if late and not self.busy():
            self.transport.abort()
            return
        if late:
            self._wait_anew()
        self._expire_later()

    def _open(self) -> list[Connection]:
        """Return all connections of the server that are not about to close, this one included."""
        ours = (other for other in self.connections if isinstance(other, Connection))
        return [other for other in ours if not other.transport.is_closing()]

    def _let_the_idlest_go(self) -> None:
        """Let one go that waits for nothing from us, best one that has nothing left to take."""
        idle = (other for other in self._open() if not other.busy())
        min(idle, key=lambda other: (other.unsent() > 0, other.patient_until)).transport.abort()

    def on_response_complete(self) -> None:
        """Look again soon whether the client has taken its answer."""
        super().on_response_complete()
        if self.unsent():
            self._look_again_soon()

    def pause_writing(self) -> None:
        """Do the same while an answer is still being written."""
        super().pause_writing()
        self._look_again_soon()

    def _look_again_soon(self) -> None:
        self.unsent_since = min(self.unsent_since, self.loop.time())
        self.loop.call_later(SLOW, self._make_room)

    def unsent(self) -> int:
        """Return the bytes of answers that wait in our memory for the client to take them."""
        # Before Python 3.12, what TLS has encrypted waits in a transport below, uncounted.
        below = getattr(getattr(self.transport, "_ssl_protocol", None), "_transport", None)
        sizes = (each.get_write_buffer_size() for each in (self.transport, below) if each)
        return sum(sizes)

    def _make_room(self) -> None:
        """Let the slowest clients go until the answers of the others fit."""
        unsent = {other: other.unsent() for other in self._open()}
        for other in sorted(unsent, key=lambda other: other.unsent_since):
            if not unsent[other]:
                other.unsent_since = math.inf
                continue
            slow = self.loop.time() - other.unsent_since >= SLOW
            if not slow or sum(unsent.values()) <= MAX_UNSENT:
                return
            other.transport.abort()
            del unsent[other]

    def _unsupported_upgrade_warning(self) -> None:
        """Say nothing: a client that offers another protocol is answered in this one."""
