"""A slurmctld on a real socket that can be slow, cut, lie, redirect, and counts what it is asked.

It behaves like slurmctld 26.05 where that matters: one request a connection, ``Connection:
Close``, ``Content-Length``, ``text/plain`` without a version, nothing at all in an empty answer.
"""

from __future__ import annotations

import contextlib
import socket
import struct
import threading
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    import ssl
    from collections.abc import Iterator

FIXTURES = Path(__file__).parent.parent / "fixtures"
RECORDED = FIXTURES / "openmetrics" / "26.05.5"
NAMES = ("jobs", "nodes", "partitions", "jobs-users-accts", "scheduler")

Behaviour = "Callable[[socket.socket, threading.Event], None]"


def recorded(name: str) -> bytes:
    """What a real slurmctld 26.05.5 answered."""
    return (RECORDED / f"{name}.txt").read_bytes()


def answer(
    body: bytes, status: str = "200 OK", *, length: int | None = None, headers: str = ""
) -> Behaviour:
    """Answer with a body; ``length`` can announce more than is sent."""
    announced = len(body) if length is None else length
    head = (
        f"HTTP/1.1 {status}\r\nConnection: Close\r\n{headers}"
        f"Content-Length: {announced}\r\nContent-Type: text/plain\r\n\r\n"
    )

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(head.encode() + body)

    return behave


def nothing(status: str = "200 OK", headers: str = "") -> Behaviour:
    """Answer as slurmctld does when it has nothing to say: no body, no length, no type."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.sendall(f"HTTP/1.1 {status}\r\nConnection: Close\r\n{headers}\r\n".encode())

    return behave


def hang() -> Behaviour:
    """Accept, and never say a byte."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        stop.wait()

    return behave


def drip(data: bytes, seconds: float) -> Behaviour:
    """Send one byte at a time, each just in time for a timeout per read."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        for i in range(len(data)):
            connection.sendall(data[i : i + 1])
            if stop.wait(seconds):
                return

    return behave


def close() -> Behaviour:
    """Close without a byte, as slurmctld before 25.11 does."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        """Say nothing."""

    return behave


def reset() -> Behaviour:
    """Reset the connection."""

    def behave(connection: socket.socket, stop: threading.Event) -> None:
        connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))

    return behave


class FakeSlurmctld:
    """A server on a free port of the loopback.

    Attributes:
        behaviours: what to do for each path; unknown paths get 404.
        requests: how often each path was asked.
        headers: the header lines of the last request.
        tls: what to speak TLS with; None speaks plain HTTP.
        accepted: the values of ``Authorization`` that are let in; None lets in everybody.
    """

    def __init__(self) -> None:
        self.behaviours: dict[str, Behaviour] = {
            f"/metrics/{name}": answer(recorded(name)) for name in NAMES
        }
        self.requests: Counter[str] = Counter()
        self.headers: list[str] = []
        self.tls: ssl.SSLContext | None = None
        self.accepted: set[str] | None = None
        self.open = 0
        self.most_open = 0
        self._port = 0
        self._lock = threading.Lock()
        self._stop = threading.Event()
        self._threads: list[threading.Thread] = []

    @property
    def url(self) -> str:
        """The base URL."""
        return f"{'https' if self.tls else 'http'}://127.0.0.1:{self._port}"

    def start(self) -> FakeSlurmctld:
        """Listen, on the same port as before if it was started before."""
        self._stop = threading.Event()
        self._listener = socket.create_server(("127.0.0.1", self._port))
        self._port = self._listener.getsockname()[1]
        self._listener.settimeout(0.05)
        thread = threading.Thread(target=self._accept, name="fake-slurmctld", daemon=True)
        self._threads = [thread]
        thread.start()
        return self

    def stop(self) -> None:
        """Refuse connections from now on, and end what is under way."""
        self._stop.set()
        for thread in self._threads:
            thread.join(5)
        self._listener.close()

    @contextlib.contextmanager
    def running(self) -> Iterator[FakeSlurmctld]:
        """Run for the length of a with block."""
        self.start()
        try:
            yield self
        finally:
            self.stop()

    def _accept(self) -> None:
        while not self._stop.is_set():
            try:
                connection, _ = self._listener.accept()
            except TimeoutError:
                continue
            thread = threading.Thread(target=self._serve, args=(connection,), daemon=True)
            self._threads.append(thread)
            thread.start()

    def _serve(self, connection: socket.socket) -> None:
        with self._lock:
            self.open += 1
            self.most_open = max(self.most_open, self.open)
        try:
            with connection, contextlib.suppress(OSError):
                if self.tls is None:
                    self._answer(connection)
                    return
                with self.tls.wrap_socket(connection, server_side=True) as secured:
                    self._answer(secured)
        finally:
            with self._lock:
                self.open -= 1

    def _answer(self, connection: socket.socket) -> None:
        connection.settimeout(5)
        request = b""
        while b"\r\n\r\n" not in request:
            data = connection.recv(65536)
            if not data:
                return
            request += data
        first, *headers = request.decode("latin-1").split("\r\n\r\n")[0].split("\r\n")
        path = first.split(" ")[1]
        with self._lock:
            self.requests[path] += 1
            self.headers = headers
        if self.accepted is not None and _shown(headers) not in self.accepted:
            refusal = b"Failed: Invalid authentication credential\n"
            answer(refusal, "401 Unauthorized")(connection, self._stop)
            return
        missing = answer(b"Failed: Invalid or unknown URL path\n", "404 Not Found")
        self.behaviours.get(path, missing)(connection, self._stop)


def _shown(headers: list[str]) -> str | None:
    """The value of ``Authorization``."""
    pairs = (line.split(": ", 1) for line in headers)
    return next((value for name, value in pairs if name.lower() == "authorization"), None)
