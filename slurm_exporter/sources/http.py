"""GET with one deadline for everything, however slowly bytes drip."""

from __future__ import annotations

import http.client
import io
import ssl
from dataclasses import dataclass
from typing import TYPE_CHECKING
from urllib.parse import urlsplit

import requests
from requests.utils import get_environ_proxies
from urllib3 import Timeout
from urllib3.exceptions import (
    HTTPError,
    IncompleteRead,
    LocationValueError,
    NameResolutionError,
    ProxyError,
)

from slurm_exporter import __version__
from slurm_exporter.config import TlsConfig
from slurm_exporter.errors import ConnectError, PollError, PollTimeoutError, TooLargeError
from slurm_exporter.sources.deadline import DeadlineAdapter
from slurm_exporter.sources.tls import make_context

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


class Client:
    """Asks over HTTP; the same for all URLs of a cluster.  Safe from any thread."""

    def __init__(
        self,
        tls: TlsConfig | None = None,
        headers: tuple[tuple[str, str], ...] = (),
        *,
        proxy_from_environment: bool = False,
    ) -> None:
        """Prepare; connect to nobody.

        Args:
            tls: how servers of ``https`` URLs are trusted; None trusts the system's authorities.
            headers: pairs of (name, value) for every request; they are secrets.
            proxy_from_environment: whether ``HTTP_PROXY`` and its like are obeyed.
        """
        self._tls = tls or TlsConfig()
        self._headers = {**_HEADERS, **dict(headers)}
        self._proxied = proxy_from_environment

    def get(
        self, url: str, timeout: float, size_limit: int, headers: Mapping[str, str] | None = None
    ) -> Response:
        """Ask once, over a connection of its own that is closed afterwards.

        Redirects are not followed.

        Args:
            url: what to get.
            timeout: seconds for everything.
            size_limit: largest body in bytes; 0 means no limit.
            headers: more headers, of this request alone.

        Raises:
            PollTimeoutError: the answer was not complete in time.
            ConnectError: no connection, or it broke before the answer was complete.
            TooLargeError: the body is larger than the limit.
        """
        try:
            with (
                self._session(url) as session,
                session.get(
                    url,
                    headers=headers,
                    timeout=Timeout(total=timeout),  # type: ignore[arg-type]  # requests passes it
                    allow_redirects=False,
                    stream=True,
                ) as response,
            ):
                body = _body(response, size_limit)
                return Response(response.status_code, response.headers.get("Location", ""), body)
        except (requests.RequestException, HTTPError, OSError) as error:
            raise _explained(error, url, timeout) from error

    def _session(self, url: str) -> requests.Session:
        context = make_context(self._tls) if url.startswith("https:") else None
        session = _Session()
        # The environment may also name a .netrc and authorities, which are nobody's business here.
        session.trust_env = False
        session.proxies = get_environ_proxies(url) if self._proxied else {}
        session.verify = not self._tls.insecure_skip_verify
        session.headers.update(self._headers)
        for scheme in ("http://", "https://"):
            session.mount(scheme, DeadlineAdapter(context, self._tls.server_name))
        return session


class _Session(requests.Session):
    """requests' session, which leaves it to us what a redirect means."""

    def get_redirect_target(self, resp: requests.Response) -> None:  # noqa: ARG002
        """Say that there is none: requests would look at it, and stumble over an odd one."""
        return


def _body(response: requests.Response, size_limit: int) -> bytes:
    body = io.BytesIO()
    for chunk in response.iter_content(_CHUNK):
        body.write(chunk)
        if size_limit and body.tell() > size_limit:
            raise TooLargeError(f"the answer is larger than body_size_limit ({size_limit} bytes)")
    return body.getvalue()


# ------------------------------------------------------------------ what went wrong


def _explained(error: Exception, url: str, timeout: float) -> PollError:
    """Turn the libraries' nested exceptions into one sentence."""
    causes = list(_causes(error))
    if any(isinstance(cause, requests.Timeout | TimeoutError) for cause in causes):
        return PollTimeoutError(f"no complete answer from {url} within {timeout:.3g} s")
    words = next(filter(None, map(_words, causes)), str(causes[-1]))
    through = "the proxy for " if any(isinstance(cause, ProxyError) for cause in causes) else ""
    return ConnectError(f"{through}{urlsplit(url).netloc}: {words}")


_MEANINGS = {
    NameResolutionError: "cannot resolve the host name",
    http.client.RemoteDisconnected: (
        "closed the connection without an answer; slurmctld before 25.11 has no metrics"
    ),
    ConnectionResetError: "connection reset by peer, as of slurmctld before 25.11, without metrics",
    http.client.BadStatusLine: "does not speak HTTP; is the port right?",
    # Its own words would show the URL, with the password that may be in it.
    LocationValueError: "the URL of the environment's proxy is none",
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
