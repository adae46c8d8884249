"""slurmctld's native metrics over HTTP (Slurm 25.11 and later)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from slurm_exporter.errors import EmptyError, ParseError
from slurm_exporter.exposition import Parsed, parse
from slurm_exporter.phases import Stopwatch
from slurm_exporter.sources import Answer
from slurm_exporter.sources.native import ADMISSIONS, MAY_BE_EMPTY

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.config import Endpoint
    from slurm_exporter.sources.slurmctld import Slurmctld


class OpenMetricsSource:
    """Asks slurmctld for one native endpoint."""

    def __init__(
        self,
        slurmctld: Slurmctld,
        endpoint: Endpoint,
        pause: Callable[[], None] = lambda: None,
    ) -> None:
        """Prepare; ask nothing.

        Args:
            slurmctld: who is asked.
            endpoint: what for.
            pause: called again and again while an answer is parsed and its rows are read.
        """
        self._slurmctld = slurmctld
        self._endpoint = endpoint
        self._pause = pause
        self._admission = ADMISSIONS[endpoint.name]

    def poll(self, known: bytes = b"", stopwatch: Stopwatch | None = None) -> Answer | None:
        """Ask once; see ``Source.poll``.

        Raises:
            PollError: there is no usable answer.
        """
        stopwatch = stopwatch or Stopwatch()
        with stopwatch.phase("fetch"):
            body = self._slurmctld.fetch(self._endpoint.path, self._endpoint.timeout)
            fingerprint = hashlib.blake2b(body, digest_size=16).digest()
        if fingerprint == known:
            return None
        if not body or body.isspace():
            return self._empty(fingerprint)
        with stopwatch.phase("parse"):
            parsed = parse(body, self._admission, self._pause)
        if not parsed.families:
            raise ParseError(self._not_metrics(body, parsed))
        return Answer(parsed.families, parsed.dropped, len(body), fingerprint)

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
