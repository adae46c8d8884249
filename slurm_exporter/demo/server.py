"""The simulated slurmctld as an HTTP server, which behaves towards GET as the real one does."""

from __future__ import annotations

import socket
import time
from contextlib import suppress
from http.server import BaseHTTPRequestHandler
from socketserver import ThreadingTCPServer
from threading import Lock, Thread
from typing import TYPE_CHECKING

from slurm_exporter.demo.cluster import Cluster
from slurm_exporter.demo.endpoints import ENDPOINTS, answer

if TYPE_CHECKING:
    from collections.abc import Callable
    from types import TracebackType
    from typing import Any

    from typing_extensions import Self

HOST = "127.0.0.1"

SEED = 73
"""A story that begins with something of everything: jobs and nodes in all kinds of states."""

MAX_CATCH_UP = 300.0
"""Seconds that the cluster lives through for one request at most, so that a laptop that has slept
is answered at once."""

CLIENT_SECONDS = 10.0
"""How long a client may take to send its request."""

INDEX = """\
This is a simulated slurmctld. It answers with metrics at

  /metrics/jobs              how many jobs are in which state, and what they have allocated
  /metrics/nodes             the size and use of each node, and how many are in which state
  /metrics/partitions        the same of jobs and nodes for each partition
  /metrics/jobs-users-accts  the same of jobs for each user and each account
  /metrics/scheduler         what the scheduler has done and how long it took
"""


class DemoSlurmctld:
    """A living cluster of some hundred nodes behind the metric endpoints of slurmctld 26.05.

    It is a context manager. ``start`` and ``stop`` are called by one thread; while it is stopped
    connections are refused, and after a new start the same cluster goes on.

    Args:
        port: where to listen on loopback; 0 takes any free port at each start.
        seed: which story the cluster lives.
        monotonic: the clock that the cluster lives by, in seconds.
        wall: the clock of its time stamps, in unix seconds.
    """

    def __init__(
        self,
        *,
        port: int = 0,
        seed: int = SEED,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
    ) -> None:
        self._port = port
        self._monotonic = monotonic
        self._wall = wall
        self._cluster = Cluster(seed, wall())
        self._seen = monotonic()
        self._lock = Lock()
        self._server: _Server | None = None

    @property
    def url(self) -> str:
        """Where it answers, as in ``http://127.0.0.1:6817``; RuntimeError when it is stopped."""
        if self._server is None:
            raise RuntimeError("the simulated slurmctld is not running")
        return f"http://{HOST}:{self._server.server_address[1]}"

    def start(self) -> None:
        """Listen, and answer from now on; OSError if the port is taken."""
        self._server = _Server(self._port, self._answer)
        self._server.begin()

    def stop(self) -> None:
        """Stop answering, hang up on everybody, and leave no thread and no socket."""
        server, self._server = self._server, None
        if server is not None:
            server.end()

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        traceback: TracebackType | None,
    ) -> None:
        self.stop()

    def _answer(self, path: str) -> str | None:
        """Give the text at ``path``, or None if there is nothing."""
        if path == "/metrics":
            return INDEX
        endpoint = path.removeprefix("/metrics/")
        if endpoint == path or endpoint not in ENDPOINTS:
            return None
        with self._lock:
            self._catch_up()
            return answer(endpoint, self._cluster)

    def _catch_up(self) -> None:
        now = self._monotonic()
        self._cluster.advance(min(now - self._seen, MAX_CATCH_UP))
        self._seen = now
        # The two clocks part when the machine sleeps or is set right. Small differences are left
        # alone: a time stamp that flickers by a second looks like a restart.
        lag = self._wall() - (self._cluster.epoch + self._cluster.now)
        if abs(lag) > 1:
            self._cluster.epoch += lag


# Not http.server's own server, which asks the resolver for the name of its address.
class _Server(ThreadingTCPServer):
    """One thread that accepts, and one for each connection; ``end`` ends them all."""

    allow_reuse_address = True
    daemon_threads = True
    request_queue_size = 128

    def __init__(self, port: int, respond: Callable[[str], str | None]) -> None:
        super().__init__((HOST, port), _Handler)
        self.respond = respond
        self._connections: dict[Thread, socket.socket] = {}
        self._acceptor = Thread(
            target=self.serve_forever, args=(0.05,), name="demo-slurmctld", daemon=True
        )

    def begin(self) -> None:
        self._acceptor.start()

    def end(self) -> None:
        self.shutdown()
        self._acceptor.join()
        self.server_close()
        for thread, connection in self._connections.items():
            # It may have been closed already.
            with suppress(OSError):
                connection.shutdown(socket.SHUT_RDWR)
            thread.join()

    def process_request(self, request: Any, client_address: tuple[str, int]) -> None:
        thread = Thread(
            target=self.process_request_thread,
            args=(request, client_address),
            name=f"demo-connection-{client_address[1]}",
            daemon=True,
        )
        self._connections = {t: c for t, c in self._connections.items() if t.is_alive()}
        self._connections[thread] = request
        thread.start()


class _Handler(BaseHTTPRequestHandler):
    """Answers one request and closes the connection."""

    server: _Server
    protocol_version = "HTTP/1.1"
    timeout = CLIENT_SECONDS

    def handle(self) -> None:
        # A client that goes away or does not read is no error of ours.
        with suppress(OSError):
            super().handle()

    def do_GET(self) -> None:
        text = self.server.respond(self.path.partition("?")[0])
        if text is None:
            self._refuse()
        else:
            self._send(200, text)

    def _refuse(self) -> None:
        self._send(404, f"The simulated slurmctld has no answer to {self.command} {self.path}\n")

    # The names are http.server's.
    do_HEAD = do_POST = do_PUT = do_PATCH = do_DELETE = do_OPTIONS = _refuse  # noqa: N815

    def _send(self, status: int, text: str) -> None:
        body = text.encode()
        # Only these headers, and no Date or Server, as slurmctld.
        self.send_response_only(status)
        self.send_header("Connection", "Close")
        self.send_header("Content-Length", str(len(body)))
        self.send_header("Content-Type", "text/plain")
        self.end_headers()
        self.wfile.write(body)

    def log_message(self, *_: object) -> None:
        """Keep quiet."""
