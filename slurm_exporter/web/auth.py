"""Who may read our pages: HTTP basic authentication."""

from __future__ import annotations

import base64
import hashlib
import hmac
import secrets
import threading
import time
from typing import TYPE_CHECKING

import bcrypt
from cachetools import TTLCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.config import BasicAuth

CHALLENGE = 'Basic realm="slurm_exporter", charset="UTF-8"'
"""The ``WWW-Authenticate`` header of a 401."""

_REMEMBERED = 1024
_SECONDS = 60.0
_BCRYPT_MAX = 72


class Authenticator:
    """Tells whether an ``Authorization`` header is good.  Safe from any thread.

    A bcrypt check is slow on purpose, so verdicts are remembered for a minute, under a keyed
    digest: neither passwords nor anything that could be reversed into one is kept.  Wrong
    passwords are remembered too, so that repeating one costs no CPU.
    """

    def __init__(
        self, config: BasicAuth, *, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._users = {name: password.encode() for name, password in config.users}
        self._hashed = config.hashed
        # Compared against for unknown names, so that they take as long as known ones: of bcrypt
        # hashes the one with the highest cost.
        self._anybody = max(self._users.values(), key=lambda hashed: hashed[4:6])
        self._key = secrets.token_bytes(32)
        self._lock = threading.Lock()
        self._verdicts: TTLCache[bytes, bool] = TTLCache(_REMEMBERED, _SECONDS, monotonic)

    def remembered(self, header: str) -> bool | None:
        """Return the verdict on a header that was checked lately; None if it was not."""
        with self._lock:
            return self._verdicts.get(self._digest(header))

    def check(self, header: str) -> bool:
        """Return whether a header carries a known user's password.  May take 0.1 s or more."""
        good = self._check(header)
        with self._lock:
            self._verdicts[self._digest(header)] = good
        return good

    def _digest(self, header: str) -> bytes:
        return hmac.digest(self._key, header.encode("utf-8", "surrogateescape"), hashlib.sha256)

    def _check(self, header: str) -> bool:
        credentials = _credentials(header)
        if credentials is None:
            return False
        name, password = credentials
        expected = self._users.get(name, self._anybody)
        if self._hashed:
            matches = bcrypt.checkpw(password[:_BCRYPT_MAX], expected)
        else:
            matches = hmac.compare_digest(password, expected)
        return matches and name in self._users


def _credentials(header: str) -> tuple[str, bytes] | None:
    """Read (user name, password) from a header; None when it has none."""
    scheme, _, token = header.partition(" ")
    if scheme.lower() != "basic":
        return None
    try:
        name, colon, password = base64.b64decode(token, validate=True).partition(b":")
        return (name.decode(), password) if colon else None
    except ValueError:  # no base64, no ASCII or no UTF-8
        return None
