"""slurmctld's native metrics over HTTP (Slurm 25.11 and later)."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING
from urllib.parse import urljoin, urlsplit

from slurm_exporter.errors import (
    AuthError,
    ConnectError,
    EmptyError,
    HttpStatusError,
    ParseError,
    PollError,
    PollTimeoutError,
    StandbyError,
)
from slurm_exporter.exposition import Parsed, parse
from slurm_exporter.phases import Stopwatch
from slurm_exporter.sources import Answer
from slurm_exporter.sources.http import Response, get
from slurm_exporter.sources.native import ADMISSIONS, MAY_BE_EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.config import Endpoint, Slurm

_TRY_ANOTHER = (ConnectError, PollTimeoutError, StandbyError, HttpStatusError)
_SEE_OTHER = 303

_SHARE = 0.8
"""Of the time that is left, how much one controller may take while others wait for their turn."""


class OpenMetricsSource:
    """Asks the controllers for one native endpoint.

    With several URLs the one that answered last is asked first and may take most of the time.  A
    controller that cannot be reached, or that stands by, passes the turn to the next; all turns
    share the endpoint's timeout.
    """

    def __init__(
        self,
        slurm: Slurm,
        endpoint: Endpoint,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._urls = [url + endpoint.path for url in slurm.urls]
        self._size_limit = slurm.body_size_limit
        self._endpoint = endpoint
        self._admission = ADMISSIONS[endpoint.name]
        self._monotonic = monotonic

    def poll(self, known: bytes = b"", stopwatch: Stopwatch | None = None) -> Answer | None:
        """Ask once; see ``Source.poll``.

        Raises:
            PollError: there is no usable answer.
        """
        stopwatch = stopwatch or Stopwatch()
        with stopwatch.phase("fetch"):
            body = self._fetch()
            fingerprint = hashlib.blake2b(body, digest_size=16).digest()
        if fingerprint == known:
            return None
        if not body.strip():
            return self._empty(fingerprint)
        with stopwatch.phase("parse"):
            parsed = parse(body, self._admission)
        if not parsed.families:
            raise ParseError(self._not_metrics(body, parsed))
        return Answer(parsed.families, parsed.dropped, len(body), fingerprint)

    def _fetch(self) -> bytes:
        """Ask the controllers in turn until one answers."""
        end = self._monotonic() + self._endpoint.timeout
        errors: list[PollError] = []
        waiting = list(self._urls)
        while waiting:
            url = waiting.pop(0)
            left = max(0.001, end - self._monotonic())
            try:
                response = get(url, left * _SHARE if waiting else left, self._size_limit)
                return self._checked(url, response)
            except _TRY_ANOTHER as error:
                errors.append(error)
                # The next poll begins with a controller that may answer.
                self._urls.remove(url)
                self._urls.append(url)
        raise _summed_up(errors)

    def _checked(self, url: str, response: Response) -> bytes:
        """Return the body of a success; raise what any other status means."""
        status = response.status
        if status == 200:
            return response.body
        said = f"{url} answered {status}"
        if status in {401, 403}:
            raise AuthError(
                f"{said}; slurmctld wants a token here "
                "(PrivateData or MetricsAuthUsers in slurm.conf)"
            )
        if status == _SEE_OTHER:
            raise StandbyError(self._standby(url, response.location))
        if status == 404:
            raise HttpStatusError(f"{said}; is this slurmctld, and is slurm.url without a path?")
        raise HttpStatusError(said)

    def _standby(self, url: str, location: str) -> str:
        active = urlsplit(urljoin(url, location)).netloc
        known = {urlsplit(other).netloc for other in self._urls}
        hint = "" if active in known else ", which slurm.urls does not name"
        return f"{urlsplit(url).netloc} is a standby controller and points to {active}{hint}"

    def _empty(self, fingerprint: bytes) -> Answer:
        if self._endpoint.name in MAY_BE_EMPTY:
            return Answer((), {}, 0, fingerprint)
        raise EmptyError(
            "slurmctld answered with nothing; set MetricsType=metrics/openmetrics in slurm.conf"
        )

    def _not_metrics(self, body: bytes, parsed: Parsed) -> str:
        begin = body[:40].decode("utf-8", "replace").split("\n", 1)[0]
        if parsed.dropped.get("foreign"):
            return (
                f"none of the samples belongs to the endpoint {self._endpoint.name}; "
                f"is its path {self._endpoint.path} right?"
            )
        return f"the answer is not metrics; it begins with {begin!r}"


def _summed_up(errors: list[PollError]) -> PollError:
    """Make one error of several controllers' errors; a standby explains the least."""
    worst = min(errors, key=lambda error: isinstance(error, StandbyError))
    return type(worst)("; ".join(map(str, errors)))
