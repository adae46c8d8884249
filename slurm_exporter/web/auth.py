"""Who may read our pages: HTTP basic authentication."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import hmac
import secrets
import threading
import time
from collections import Counter
from ipaddress import IPv6Address, ip_address
from typing import TYPE_CHECKING

import bcrypt
from cachetools import TTLCache

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.config import BasicAuth

CHALLENGE = 'Basic realm="slurm_exporter", charset="UTF-8"'
"""The ``WWW-Authenticate`` header of a 401."""

_GOOD, _GOOD_SECONDS = 256, 3600.0
_BAD, _BAD_SECONDS = 1024, 60.0
_BCRYPT_MAX = 72

_PENDING = 4
"""Passwords of one address, or one IPv6 network of 64 bits, that may wait to be checked."""

_ALL_PENDING = 32
"""Passwords that may wait at all."""


class Authenticator:
    """Tells whether an ``Authorization`` header is good.  Safe from any thread.

    A bcrypt check is slow on purpose, so verdicts are remembered, good ones for an hour since
    they were last asked for and bad ones for a minute, under a keyed digest: neither passwords nor
    anything that could be reversed into one is kept.  However many wrong passwords come, they push
    no good one out.
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
        self._verdicts: dict[bool, TTLCache[bytes, None]] = {
            True: TTLCache(_GOOD, _GOOD_SECONDS, monotonic),
            False: TTLCache(_BAD, _BAD_SECONDS, monotonic),
        }

    def remembered(self, header: str) -> bool | None:
        """Return the verdict on a header that was checked lately; None if it was not."""
        if _credentials(header) is None:
            return False
        digest = self._digest(header)
        with self._lock:
            if digest in self._verdicts[True]:
                # Whoever comes again in time need not stand in one queue with those who guess.
                self._verdicts[True][digest] = None
                return True
            return False if digest in self._verdicts[False] else None

    def check(self, header: str) -> bool:
        """Return whether a header carries a known user's password.  May take 0.1 s or more."""
        good = self._check(header)
        with self._lock:
            self._verdicts[good][self._digest(header)] = None
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


class Queue:
    """Has unknown passwords checked one at a time, and few of each address.

    So whoever guesses waits for his own guesses, and all guessing together costs one core.  Of one
    event loop.
    """

    def __init__(self) -> None:
        self._turn = asyncio.Semaphore(1)
        self._pending: Counter[tuple[str, str]] = Counter()

    async def check(self, authenticator: Authenticator, header: str, address: str) -> bool | None:
        """Return whether a header carries a known user's password.

        Args:
            authenticator: who knows.
            header: the ``Authorization`` header.
            address: where it comes from.

        Returns:
            None when too many wait already, of the address or at all.
        """
        password = _network(address), header
        # A password that waits already may wait once more: it will be checked once for all.
        if password not in self._pending and self._full(password[0]):
            return None
        self._pending[password] += 1
        try:
            async with self._turn:
                known = authenticator.remembered(header)  # it may have waited for its own like
                if known is not None:
                    return known
                loop = asyncio.get_running_loop()
                return await loop.run_in_executor(None, authenticator.check, header)
        finally:
            self._pending[password] -= 1
            self._pending += Counter()  # drops those at zero

    def _full(self, network: str) -> bool:
        of_network = [other for other, _ in self._pending if other == network]
        return len(of_network) >= _PENDING or len(self._pending) >= _ALL_PENDING


def _network(address: str) -> str:
    """Return what one client can hold of addresses: of IPv6, the first 64 bits."""
    try:
        known = ip_address(address)
    except ValueError:  # a unix socket has none
        return address
    if known.version == 4:
        return address
    return str(IPv6Address(known).ipv4_mapped or known.exploded[:19])


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
