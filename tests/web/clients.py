"""Clients of a running server: over http.client, or byte by byte."""

from __future__ import annotations

import asyncio
import http.client
import socket
import struct
import threading
from contextlib import contextmanager
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slurm_exporter.web.server import WebServer

PATIENCE = 20.0
"""Seconds after which something that does not come is a failure."""

HEALTHY = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\n\r\n"
LAST = b"GET /-/healthy HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n"
METRICS = b"GET /metrics HTTP/1.1\r\nHost: x\r\n\r\n"


class Answer(NamedTuple):
    """What a server answered."""

    status: int
    headers: http.client.HTTPMessage
    body: bytes

    @property
    def text(self) -> str:
        """The body."""
        return self.body.decode()


def ask(
    client: http.client.HTTPConnection, path: str, method: str = "GET", **headers: str
) -> Answer:
    """Make one request; in the names of headers ``_`` stands for ``-``."""
    client.request(method, path, headers={k.replace("_", "-"): v for k, v in headers.items()})
    response = client.getresponse()
    return Answer(response.status, response.headers, response.read())


def receive(connection: socket.socket) -> bytes:
    """Return all that comes until the other side closes the connection."""
    return b"".join(iter(lambda: connection.recv(1 << 16), b""))


def vanish(connection: socket.socket) -> None:
    """End as a client does that is killed: at once, and refusing what was not read."""
    connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
    connection.close()


@dataclass(frozen=True)
class Web:
    """A running server, and how to talk to it."""

    server: WebServer
    port: int

    def ask(self, path: str, method: str = "GET", **headers: str) -> Answer:
        """Make one request on a connection of its own."""
        with self.client() as client:
            return ask(client, path, method, **headers)

    @contextmanager
    def client(self) -> Iterator[http.client.HTTPConnection]:
        """Keep one connection for several requests."""
        client = http.client.HTTPConnection("127.0.0.1", self.port, timeout=PATIENCE)
        try:
            yield client
        finally:
            client.close()

    @contextmanager
    def connection(self, receive_buffer: int = 1 << 16) -> Iterator[socket.socket]:
        """Keep one connection to speak bytes on."""
        with socket.socket() as connection:
            connection.settimeout(PATIENCE)
            connection.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, receive_buffer)
            connection.connect(("127.0.0.1", self.port))
            yield connection

    def say(self, data: bytes) -> bytes:
        """Send bytes; return all that comes until the server closes the connection."""
        with self.connection() as connection:
            connection.sendall(data)
            return receive(connection)


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
