"""Connections that keep one deadline for everything: connect, headers and body.

requests and urllib3 bound each wait for the network, not their sum.  urllib3 does hand the
seconds that are left after connecting to the socket; from there on a reader of ours lowers the
socket's timeout before each receive, so that the sum holds.
"""

from __future__ import annotations

import http.client
import io
import socket
import time
from typing import TYPE_CHECKING, Any

from requests.adapters import HTTPAdapter
from requests.exceptions import InvalidSchema
from urllib3 import HTTPConnectionPool, HTTPSConnectionPool
from urllib3.connection import HTTPConnection, HTTPSConnection
from urllib3.exceptions import NameResolutionError, NewConnectionError

if TYPE_CHECKING:
    import ssl


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
        except UnicodeError as error:  # a name that cannot be written as one
            raise NameResolutionError(self.host, self, socket.gaierror(str(error))) from error
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
            sock = socket.create_connection((str(address), port), share)
        except OSError as error:
            errors.append(error)
            continue
        # What comes before the answer, TLS or a proxy's tunnel, has the time that is left.
        sock.settimeout(max(0.001, deadline - time.monotonic()))
        return sock
    raise errors[-1]


class _Connection(_Connecting):
    """Plain HTTP."""


class _SecureConnection(_Connecting, HTTPSConnection):
    """HTTP over TLS."""

    def connect(self) -> None:
        super().connect()
        # urllib3 warns of each server that was not verified; here that is what was asked for.
        self.is_verified = True


class _Pool(HTTPConnectionPool):
    ConnectionCls = _Connection


class _SecurePool(HTTPSConnectionPool):
    ConnectionCls = _SecureConnection


_POOLS = {"http": _Pool, "https": _SecurePool}


class DeadlineAdapter(HTTPAdapter):
    """Makes requests' connections keep one deadline, with or without a proxy."""

    def __init__(self, context: ssl.SSLContext | None, server_name: str | None) -> None:
        """Prepare.

        Args:
            context: TLS with everything it needs; None when there will be none.
            server_name: the name that a server's certificate must have; None is the URL's host.
        """
        self._tls: dict[str, Any] = {"ssl_context": context, "server_hostname": server_name}
        super().__init__()

    def init_poolmanager(self, *args: Any, **kwargs: Any) -> None:
        """Called by requests, for connections straight to the server."""
        kwargs |= self._tls
        super().init_poolmanager(*args, **kwargs)
        self.poolmanager.pool_classes_by_scheme = _POOLS

    def proxy_manager_for(self, proxy: str, **kwargs: Any) -> Any:
        """Called by requests, for connections through a proxy."""
        if not proxy.lower().startswith("http"):
            raise InvalidSchema("the environment's proxy is no http:// or https:// one")
        manager = super().proxy_manager_for(proxy, **kwargs, **self._tls)
        manager.pool_classes_by_scheme = _POOLS
        return manager

    def cert_verify(self, *_: Any) -> None:
        """Leave trust to the context: requests would add authorities of its own to it."""
