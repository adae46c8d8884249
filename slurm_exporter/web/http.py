"""The few shapes of HTTP that our handlers need, and their translation to ASGI and to bytes."""

from __future__ import annotations

from dataclasses import dataclass, field, replace
from functools import cached_property, lru_cache
from http import HTTPStatus
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterable, Iterator

Header = tuple[bytes, bytes]
"""A header's name in lower case, and its value."""

TEXT = "text/plain; charset=utf-8"


class Request:
    """What a client asks for.

    Attributes:
        method: in upper case.
        path: what was asked for, without the query.
        client: the address that it came from; empty for a unix socket.
    """

    def __init__(
        self,
        method: str,
        path: str,
        headers: Iterable[Header],
        query: bytes = b"",
        client: str = "",
    ) -> None:
        self.method = method
        self.path = path
        self.client = client
        self._headers = headers
        self._query = query

    @classmethod
    def of(cls, scope: dict[str, Any]) -> Request:
        """Return the request of an ASGI scope."""
        method, path, client = scope["method"], scope["path"], scope["client"]
        host = client[0] if client else ""
        return cls(method, path, scope["headers"], scope["query_string"], host)

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query string's parameters."""
        return parse_qs(self._query.decode("latin-1"), keep_blank_values=True)

    def header(self, name: bytes) -> str:
        """Return a header by its lower-case name, repeated ones joined; empty if missing."""
        values = [value for key, value in self._headers if key == name]
        return b",".join(values).decode("latin-1")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer.

    Attributes:
        status: the HTTP status.
        pieces: the body, in as many pieces as it was made in.
        content_type: what the body is.
        headers: more of them.
    """

    status: int
    pieces: tuple[bytes, ...]
    content_type: str = TEXT
    headers: tuple[Header, ...] = field(default=())

    def with_headers(self, more: tuple[Header, ...]) -> Reply:
        """Return the same answer with those headers besides that it has not itself."""
        if not more:
            return self
        own = {name for name, _ in self.headers}
        return replace(self, headers=(*self.headers, *(h for h in more if h[0] not in own)))

    async def send(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        """Send it as ASGI messages."""
        headers = [*self._all_headers()]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": b"".join(self.pieces)})

    def lines(self, more: Iterable[Header] = ()) -> tuple[bytes, ...]:
        """Return the head, with more headers, and the body, as HTTP/1.1 has them (RFC 9112)."""
        status = HTTPStatus(self.status)
        head = [b"HTTP/1.1 %d %b" % (status, status.phrase.encode())]
        head += [b"%b: %b" % header for header in (*more, *self._all_headers())]
        return b"\r\n".join((*head, b"", b"")), *self.pieces

    def _all_headers(self) -> Iterator[Header]:
        yield b"content-type", self.content_type.encode()
        yield b"content-length", b"%d" % sum(map(len, self.pieces))
        yield from self.headers


def text(status: int, message: str, *headers: tuple[bytes, bytes]) -> Reply:
    """Answer with a sentence."""
    return Reply(status, (f"{message}\n".encode(),), headers=headers)


@lru_cache(maxsize=32)
def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an ``Accept-Encoding`` header admits gzip."""
    for offer in accept_encoding.split(","):
        coding, _, quality = offer.replace(" ", "").partition(";q=")
        if coding.lower() in {"gzip", "x-gzip"}:
            return quality.strip("0.") != "" or not quality
    return False
