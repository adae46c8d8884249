"""GET with one deadline for everything: connect, headers and body, however slowly bytes drip.

requests and urllib3 bound each wait for the network, not their sum.  urllib3 does hand the
seconds that are left after connecting to the socket; from there on a reader of ours lowers the
socket's timeout before each receive, so that the sum holds.
"""

from __future__ import annotations

import http.client
import io
import socket
import ssl
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

import requests
from requests.adapters import HTTPAdapter
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool, Timeout
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import (
    HTTPError,
    IncompleteRead,
    NameResolutionError,
    NewConnectionError,
)

from slurm_exporter import __version__
from slurm_exporter.errors import ConnectError, PollError, PollTimeoutError, TooLargeError

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

_CHUNK = 1 << 16
_HEADERS = {
    "User-Agent": f"slurm_exporter/{__version__}",
    "Accept": "text/plain;version=0.0.4,text/plain;q=0.9,*/*;q=0.1",
}


@dataclass(frozen=True, slots=True)
class Response:
    """A complete answer.

    Attributes:
        status: the HTTP status.
        location: the ``Location`` header, empty when there is none.
        body: all bytes of the body.
    """

    status: int
    location: str
    body: bytes


def get(
    url: str, timeout: float, size_limit: int, headers: Mapping[str, str] | None = None
) -> Response:
    """Ask once, over a connection of its own that is closed afterwards.

    Redirects are not followed, proxies of the environment are not used.

    Args:
        url: what to get.
        timeout: seconds for everything.
        size_limit: largest body in bytes; 0 means no limit.
        headers: what the request says besides who asks.

    Raises:
        PollTimeoutError: the answer was not complete in time.
        ConnectError: no connection, or it broke before the answer was complete.
        TooLargeError: the body is larger than the limit.
    """
    try:
        with (
            _session() as session,
            session.get(
                url,
                headers=headers,
                timeout=Timeout(total=timeout),  # type: ignore[arg-type]  # requests passes it on
                allow_redirects=False,
                stream=True,
            ) as response,
        ):
            body = _body(response, size_limit)
            return Response(response.status_code, response.headers.get("Location", ""), body)
    except (requests.RequestException, HTTPError, OSError) as error:
        raise _explained(error, url, timeout) from error


def _session() -> requests.Session:
    session = requests.Session()
    session.trust_env = False
    session.headers.update(_HEADERS)
    session.mount("http://", _DeadlineAdapter())
    session.mount("https://", _DeadlineAdapter())
    return session


def _body(response: requests.Response, size_limit: int) -> bytes:
    body = io.BytesIO()
    for chunk in response.iter_content(_CHUNK):
        body.write(chunk)
        if size_limit and body.tell() > size_limit:
            raise TooLargeError(f"the answer is larger than body_size_limit ({size_limit} bytes)")
    return body.getvalue()


# ------------------------------------------------------------------ the deadline


class _DeadlineReader(io.RawIOBase):
    """A socket's stream that raises TimeoutError once the seconds are over."""

    def __init__(self, sock: socket.socket, stream: io.RawIOBase) -> None:
        super().__init__()
        self._sock = sock
        self._stream = stream
        self._deadline = time.monotonic() + (sock.gettimeout() or 0)

    def readable(self) -> bool:
        return True

    def readinto(self, buffer: Any) -> int | None:
        left = self._deadline - time.monotonic()
        if left <= 0:
            raise TimeoutError("timed out")
        self._sock.settimeout(left)
        return self._stream.readinto(buffer)

    def close(self) -> None:
        self._stream.close()
        super().close()


class _DeadlineResponse(http.client.HTTPResponse):
    def __init__(self, sock: socket.socket, *args: Any, **kwargs: Any) -> None:
        super().__init__(sock, *args, **kwargs)
        stream = self.fp.detach()
        self.fp = io.BufferedReader(_DeadlineReader(sock, stream))


class _Connecting(HTTPConnection):
    """Connects within one timeout, where urllib3 gives it to each address of the host anew."""

    response_class = _DeadlineResponse

    def _new_conn(self) -> socket.socket:
        try:
            return _connect(self._dns_host, self.port, self.timeout or 0.0)
        except socket.gaierror as error:
            raise NameResolutionError(self.host, self, error) from error
        except OSError as error:
            raise NewConnectionError(self, str(error)) from error


def _connect(host: str, port: int, timeout: float) -> socket.socket:
    """Try a host's addresses in turn; each may take its share of the time that is left."""
    deadline = time.monotonic() + timeout
    addresses = [info[4][0] for info in socket.getaddrinfo(host, port, type=socket.SOCK_STREAM)]
    errors: list[OSError] = []
    for left, address in zip(range(len(addresses), 0, -1), addresses, strict=True):
        share = max(0.001, deadline - time.monotonic()) / left
        try:
            return socket.create_connection((str(address), port), share)
        except OSError as error:
            errors.append(error)
    raise errors[-1]


class _Connection(_Connecting):
    """Plain HTTP."""


class _SecureConnection(_Connecting, HTTPSConnection):
    """HTTP over TLS."""


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


class _DeadlineAdapter(HTTPAdapter):
    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = {"http": _Pool, "https": _SecurePool}


# ------------------------------------------------------------------ what went wrong


def _explained(error: Exception, url: str, timeout: float) -> PollError:
    """Turn the libraries' nested exceptions into one sentence."""
    causes = list(_causes(error))
    if any(isinstance(cause, requests.Timeout | TimeoutError) for cause in causes):
        return PollTimeoutError(f"no complete answer from {url} within {timeout:.3g} s")
    words = next(filter(None, map(_words, causes)), str(causes[-1]))
    return ConnectError(f"{urlsplit(url).netloc}: {words}")


_MEANINGS = {
    NameResolutionError: "cannot resolve the host name",
    http.client.RemoteDisconnected: (
        "closed the connection without an answer; slurmctld before 25.11 has no metrics"
    ),
    http.client.BadStatusLine: "does not speak HTTP; is the port right?",
    ssl.SSLError: "does not speak TLS; slurmctld itself wants http://, not https://",
}


def _words(cause: BaseException) -> str | None:
    """Say what an exception means; None where another one of the chain may say it better."""
    if isinstance(cause, IncompleteRead):
        total = cause.partial + (cause.expected or 0)
        return f"closed the connection after {cause.partial} of {total} bytes"
    if isinstance(cause, ssl.SSLCertVerificationError):
        return f"its certificate is not trusted: {cause.verify_message}"
    for kind, meaning in _MEANINGS.items():
        if isinstance(cause, kind):
            return meaning
    return cause.strerror.lower() if isinstance(cause, OSError) and cause.strerror else None


def _causes(error: BaseException | None) -> Iterator[BaseException]:
    """Walk from an exception to the one that started it."""
    seen: set[int] = set()
    while error is not None and id(error) not in seen:
        seen.add(id(error))
        yield error
        nested = (getattr(error, "reason", None), *error.args)
        inner = (part for part in nested if isinstance(part, BaseException))
        error = next(inner, error.__cause__ or error.__context__)
