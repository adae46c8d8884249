"""One cluster's slurmctld, whichever controller is in charge: one object for all endpoints."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from slurm_exporter.errors import (
    AuthError,
    ConnectError,
    HttpStatusError,
    PollError,
    PollTimeoutError,
    StandbyError,
)
from slurm_exporter.sources.controllers import Controllers
from slurm_exporter.sources.credentials import Credentials, credentials
from slurm_exporter.sources.http import Client, Response

if TYPE_CHECKING:
    from collections.abc import Callable, Mapping

    from slurm_exporter.config import Slurm

_SEE_OTHER = 303

_SHARE = 0.8
"""Of the time that is left, how much one controller may take while others wait for their turn."""

_GLANCE = 1.0
"""Seconds in which a controller that is back says so; it needs no lock of slurmctld's for that."""

_READY = "/readyz"


class UnavailableError(HttpStatusError):
    """A status that says something about the controller, and nothing about what was asked."""


_TRY_ANOTHER = (ConnectError, PollTimeoutError, StandbyError, UnavailableError)


class Slurmctld:
    """The controllers of one cluster, asked in turn.

    The one that answered last is asked first and may take most of the time.  A controller that
    cannot be reached, or that stands by, passes the turn to the next; all turns share one timeout.
    Safe from any thread.
    """

    def __init__(
        self,
        slurm: Slurm,
        *,
        controllers: Controllers | None = None,
        shown: Credentials | None = None,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; ask nothing.

        Args:
            slurm: how it is reached.
            controllers: what is known of the controllers already, if anything.
            shown: what shows who asks, if it is there already.
            monotonic: the clock.
        """
        self.controllers = controllers or Controllers(slurm.urls, monotonic=monotonic)
        self.credentials = shown or credentials(slurm)
        self._slurm = slurm
        self._client = Client(
            slurm.tls_config,
            slurm.headers,
            proxy_from_environment=slurm.proxy_from_environment,
        )
        self._size_limit = slurm.body_size_limit
        self._monotonic = monotonic

    def reconfigured(self, slurm: Slurm) -> Slurmctld:
        """Return one for another config, which knows what still holds of what this one knows."""
        if slurm == self._slurm:
            return self
        return Slurmctld(
            slurm,
            controllers=self.controllers if slurm.urls == self._slurm.urls else None,
            shown=self.credentials if _login(slurm) == _login(self._slurm) else None,
            monotonic=self._monotonic,
        )

    def fetch(self, path: str, timeout: float) -> bytes:
        """Ask the controllers in turn until one answers.

        Args:
            path: what to ask for.
            timeout: seconds for everything.

        Returns:
            The body of the answer.

        Raises:
            PollError: there is none, or it is a refusal.
        """
        end = self._monotonic() + timeout
        waiting = self._turns(timeout)
        errors: list[PollError] = []
        while waiting:
            url = waiting.pop(0)
            left = self._left(end)
            try:
                return self._ask(url, path, left * _SHARE if waiting else left)
            except _TRY_ANOTHER as error:
                errors.append(error)
                if self._monotonic() >= end:
                    break
        self.controllers.none_answered()
        raise _summed_up(errors)

    def _turns(self, timeout: float) -> list[str]:
        turns = self.controllers.turns()
        first = self.controllers.missed()
        if first is not None and self._is_back(first, min(_GLANCE, timeout / 10)):
            turns.sort(key=lambda url: url != first)
        return turns

    def _is_back(self, url: str, timeout: float) -> bool:
        """Look at a controller without asking for metrics: never two work for one answer."""
        try:
            status = self._client.get(url + _READY, timeout, self._size_limit).status
        except PollError:
            return False
        # A proxy may know nothing of this path, which is no sign that its slurmctld stands by.
        return status != _SEE_OTHER and status < 500

    def _ask(self, url: str, path: str, timeout: float) -> bytes:
        """Return the body of a success; raise what any other status means."""
        response = self._shown_credentials(url + path, timeout)
        status = response.status
        if status == _SEE_OTHER:
            raise StandbyError(self._standby(url, response))
        said = f"{url}{path} answered {status}"
        if status >= 500:
            raise UnavailableError(said)
        self.controllers.answered(url)
        if status == 200:
            return response.body
        if status in {401, 403}:
            raise AuthError(f"{said}; {self.credentials.refusal(status)}")
        if status == 404:
            raise HttpStatusError(f"{said}; is this slurmctld, and is slurm.url without a path?")
        raise HttpStatusError(said)

    def _shown_credentials(self, url: str, timeout: float) -> Response:
        """Ask, and once more if other credentials are found after a 401."""
        end = self._monotonic() + timeout
        headers = self.credentials.headers(timeout)
        response = self._get(url, end, headers)
        if response.status == 401:
            renewed = self.credentials.headers(self._left(end), refused=headers)
            if renewed != headers:
                return self._get(url, end, renewed)
        return response

    def _get(self, url: str, end: float, headers: Mapping[str, str]) -> Response:
        return self._client.get(url, self._left(end), self._size_limit, headers)

    def _left(self, end: float) -> float:
        return max(0.001, end - self._monotonic())

    def _standby(self, url: str, response: Response) -> str:
        try:
            active = urlsplit(urljoin(url, response.location)).netloc
        except ValueError:
            active = "no address that can be read"
        known = {urlsplit(other).netloc for other in self.controllers.urls}
        hint = "" if active in known else ", which slurm.urls does not name"
        return f"{urlsplit(url).netloc} is a standby controller and points to {active}{hint}"


def _login(slurm: Slurm) -> tuple[object, ...]:
    return slurm.authorization, slurm.user, slurm.basic_auth


def _summed_up(errors: list[PollError]) -> PollError:
    """Make one error of several controllers' errors; a standby explains the least."""
    worst = min(errors, key=lambda error: isinstance(error, StandbyError))
    return type(worst)("; ".join(map(str, errors)))
