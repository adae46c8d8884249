"""What we show to be let in: nothing, a token for slurmctld, or a password for a proxy.

One object serves all endpoints, so that they share one token.
"""

from __future__ import annotations

import base64
import threading
import time
from pathlib import Path
from typing import TYPE_CHECKING, Protocol

from slurm_exporter.errors import AuthError
from slurm_exporter.sources.tokens import LONGEST, expiry, read_token, run

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from slurm_exporter.config import Login, Slurm

_SHARE = 0.5
"""Of the time of a poll, how much the token may take; the rest is for asking slurmctld."""

_EARLY = 0.8
"""After this part of a token's life the next one is fetched."""

_RETRY = 30.0
"""Seconds to wait after a failure to renew a token that is still good."""


class Credentials:
    """Nothing to show, for a slurmctld whose metrics are open to all.  Safe from any thread.

    Attributes:
        expires: when what was shown last expires (unix s); None when that is unknown.
    """

    expires: float | None = None

    def headers(
        self,
        seconds: float,  # noqa: ARG002  # nothing is waited for
        refused: Mapping[str, str] | None = None,  # noqa: ARG002  # and nothing else to be found
    ) -> dict[str, str]:
        """Return the headers of the next request.

        Args:
            seconds: how long the whole poll may take.
            refused: headers that slurmctld has just refused; others are found if there are any.

        Raises:
            AuthError: there is nothing to show; the message says why, and never what.
        """
        return {}

    def refusal(self, status: int) -> str:  # noqa: ARG002  # both mean the same
        """Return what a 401 or 403 most likely means."""
        return (
            "slurmctld wants a token here (PrivateData or MetricsAuthUsers in slurm.conf);"
            " slurm.authorization gives it one"
        )


class LoginCredentials(Credentials):
    """A user and password for a proxy in front of slurmctld."""

    def __init__(self, login: Login) -> None:
        self._login = login

    def headers(
        self,
        seconds: float,  # noqa: ARG002  # nothing is waited for
        refused: Mapping[str, str] | None = None,  # noqa: ARG002  # the file has the newest
    ) -> dict[str, str]:
        """Return the headers of the next request; see ``Credentials.headers``."""
        pair = f"{self._login.username}:{self._password()}"
        return {"Authorization": f"Basic {base64.b64encode(pair.encode()).decode()}"}

    def _password(self) -> str:
        file = self._login.password_file
        if file is None:
            return self._login.password
        try:
            password = _read_secret(file).decode().strip()
        except ValueError as error:
            words = "is not UTF-8 text" if isinstance(error, UnicodeDecodeError) else error
            raise AuthError(f"{file} {words}") from None
        if not password:
            raise AuthError(f"{file} is empty")
        return password

    def refusal(self, status: int) -> str:
        """Return what a 401 or 403 most likely means."""
        if status == 403:
            return "the user of slurm.basic_auth may not ask for this"
        return "the user or the password of slurm.basic_auth is wrong"


class TokenCredentials(Credentials):
    """A token for slurmctld."""

    def __init__(self, origin: _Origin, user: str | None = None) -> None:
        self._origin = origin
        self._named = {} if user is None else {"X-SLURM-USER-NAME": user}
        self._lock = threading.Lock()

    def headers(self, seconds: float, refused: Mapping[str, str] | None = None) -> dict[str, str]:
        """Return the headers of the next request; see ``Credentials.headers``."""
        token = self._token(seconds * _SHARE, (refused or {}).get("Authorization", ""))
        return {"Authorization": f"Bearer {token}", **self._named}

    def _token(self, seconds: float, refused: str) -> str:
        end = time.monotonic() + seconds
        # Whoever waits here is glad of the token that another endpoint fetches.
        if not self._lock.acquire(timeout=seconds):
            raise AuthError(f"{self._origin} took longer than {seconds:.3g} s")
        try:
            left = max(0.0, end - time.monotonic())
            token = self._origin.token(left, refused.removeprefix("Bearer "))
            self.expires = expiry(token)
        except ValueError as error:
            self.expires = None
            raise AuthError(f"{self._origin} {error}") from None
        finally:
            self._lock.release()
        return token

    def refusal(self, status: int) -> str:
        """Return what a 401 or 403 most likely means."""
        if status == 403:
            return "slurmctld knows the token's user, whom MetricsAuthUsers does not name"
        if self.expires is not None and self.expires <= time.time():
            return f"the token from {self._origin} has expired"
        return (
            f"slurmctld refuses the token from {self._origin};"
            " SlurmctldHttpAuthParameters in slurm.conf must have the jwt_key that signed it"
        )


class _Origin(Protocol):
    """Where tokens come from; its text names it in messages.  Used by one thread at a time."""

    def token(self, seconds: float, refused: str) -> str:
        """Return the token to show, another one than ``refused`` if there is one.

        Raises:
            ValueError: there is none.
        """


class TokenFile:
    """A file that somebody else keeps fresh: read for each poll, which costs nothing."""

    def __init__(self, path: str) -> None:
        self._path = path

    def __str__(self) -> str:
        return self._path

    def token(self, seconds: float, refused: str) -> str:  # noqa: ARG002  # the file is all
        """Return what the file holds now."""
        return read_token(_read_secret(self._path))


class TokenCommand:
    """A command that makes tokens: run again ahead of the expiry, and after a refusal."""

    def __init__(self, command: tuple[str, ...], *, wall: Callable[[], float] = time.time) -> None:
        self._command = command
        self._wall = wall
        self._token = ""
        self._renew = 0.0

    def __str__(self) -> str:
        return "slurm.authorization.token_command"

    def token(self, seconds: float, refused: str) -> str:
        """Return the token of the last run, or of a new one."""
        if self._token in {"", refused} or self._wall() >= self._renew:
            try:
                self._take(read_token(run(self._command, seconds)))
            except ValueError:
                if self._token in {"", refused} or self._expired():
                    raise
                self._renew = self._wall() + _RETRY
        return self._token

    def _take(self, token: str) -> None:
        now, expires = self._wall(), expiry(token)
        self._token = token
        self._renew = float("inf") if expires is None else now + (expires - now) * _EARLY

    def _expired(self) -> bool:
        expires = expiry(self._token)
        return expires is not None and expires <= self._wall()


def _read_secret(path: str) -> bytes:
    """Return the begin of a file, more than any secret of ours is long.

    Raises:
        ValueError: it cannot be read.
    """
    try:
        with Path(path).open("rb") as file:
            return file.read(LONGEST + 1)
    except OSError as error:
        raise ValueError(f"cannot be read: {error.strerror}") from None


def credentials(slurm: Slurm) -> Credentials:
    """Return what a config says to show."""
    authorization = slurm.authorization
    if slurm.basic_auth is not None:
        return LoginCredentials(slurm.basic_auth)
    if authorization is None:
        return Credentials()
    if authorization.credentials_file is not None:
        return TokenCredentials(TokenFile(authorization.credentials_file), slurm.user)
    return TokenCredentials(TokenCommand(authorization.token_command), slurm.user)
