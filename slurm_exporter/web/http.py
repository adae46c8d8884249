"""The few shapes of HTTP that our handlers need, and their translation to ASGI."""

from __future__ import annotations

from dataclasses import dataclass, field
from functools import cached_property, lru_cache
from typing import TYPE_CHECKING, Any
from urllib.parse import parse_qs

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable

TEXT = "text/plain; charset=utf-8"


class Request:
    """What a client asks for: the parts of an ASGI scope that matter here."""

    def __init__(self, scope: dict[str, Any]) -> None:
        self.method: str = scope["method"]
        self.path: str = scope["path"]
        self._scope = scope

    @cached_property
    def query(self) -> dict[str, list[str]]:
        """The query string's parameters."""
        return parse_qs(self._scope["query_string"].decode("latin-1"), keep_blank_values=True)

    def header(self, name: bytes) -> str:
        """Return a header by its lower-case name, repeated ones joined; empty if missing."""
        values = [value for key, value in self._scope["headers"] if key == name]
        return b",".join(values).decode("latin-1")


@dataclass(frozen=True, slots=True)
class Reply:
    """An answer: status, body and headers."""

    status: int
    body: bytes
    content_type: str = TEXT
    headers: tuple[tuple[bytes, bytes], ...] = field(default=())

    async def send(self, send: Callable[[dict[str, Any]], Awaitable[None]]) -> None:
        """Send it as ASGI messages."""
        headers = [
            (b"content-type", self.content_type.encode()),
            (b"content-length", b"%d" % len(self.body)),
            *self.headers,
        ]
        await send({"type": "http.response.start", "status": self.status, "headers": headers})
        await send({"type": "http.response.body", "body": self.body})


def text(status: int, message: str, *headers: tuple[bytes, bytes]) -> Reply:
    """Answer with a sentence."""
    return Reply(status, f"{message}\n".encode(), headers=headers)


@lru_cache(maxsize=32)
def accepts_gzip(accept_encoding: str) -> bool:
    """Tell whether an ``Accept-Encoding`` header admits gzip."""
    for offer in accept_encoding.split(","):
        coding, _, quality = offer.replace(" ", "").partition(";q=")
        if coding.lower() in {"gzip", "x-gzip"}:
            return quality.strip("0.") != "" or not quality
    return False
