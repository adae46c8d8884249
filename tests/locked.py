"""Exporters that want a certificate or a password, and clients that have them."""

from __future__ import annotations

import base64
import http.client
import json
import ssl
from typing import TYPE_CHECKING, Any

import bcrypt

if TYPE_CHECKING:
    from pathlib import Path

    from tests.web.certificates import Authority

USER = "prometheus"
PASSWORD = "correct-horse-battery"


def hashed(password: str, cost: int = 4) -> str:
    """A password's bcrypt hash, of the least cost unless that matters."""
    return bcrypt.hashpw(password.encode(), bcrypt.gensalt(cost)).decode()


def authorization(password: str = PASSWORD, user: str = USER) -> dict[str, str]:
    """The header of HTTP basic authentication."""
    token = base64.b64encode(f"{user}:{password}".encode()).decode()
    return {"Authorization": f"Basic {token}"}


def put(file: Path, content: str) -> None:
    """Put a file in a place all at once."""
    new = file.with_name(f"{file.name}.new")
    new.write_text(content, encoding="utf-8")
    new.replace(file)


def put_web_config(file: Path, **sections: Any) -> str:
    """Write a web configuration file; return the flag that names it."""
    # Every JSON document is a YAML document.
    put(file, json.dumps(sections))
    return f"--web.config.file={file}"


def trusting(authority: Authority) -> ssl.SSLContext:
    """The TLS context of a client that trusts an authority and no other."""
    return ssl.create_default_context(cafile=authority.file)


def secure(port: int, context: ssl.SSLContext) -> http.client.HTTPSConnection:
    """A connection that is made at the first request, and not made again when it is lost."""
    connection = http.client.HTTPSConnection("127.0.0.1", port, timeout=20, context=context)
    connection.connect()
    connection.auto_open = 0
    return connection


def status(connection: http.client.HTTPConnection, **headers: str) -> int:
    """Scrape over a connection; return the code of the answer."""
    connection.request("GET", "/metrics", headers=headers)
    answer = connection.getresponse()
    answer.read()
    return answer.status
