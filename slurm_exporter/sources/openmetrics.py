"""slurmctld's native metrics over HTTP (Slurm 25.11 and later)."""

from __future__ import annotations

import hashlib
from typing import TYPE_CHECKING

from slurm_exporter.errors import EmptyError, ParseError
from slurm_exporter.exposition import Family, Parsed, parse
from slurm_exporter.phases import Stopwatch
from slurm_exporter.sources import Answer
from slurm_exporter.sources.native import ADMISSIONS, MAY_BE_EMPTY

if TYPE_CHECKING:
    from slurm_exporter.config import Endpoint
    from slurm_exporter.sources.corrections import Corrections
    from slurm_exporter.sources.slurmctld import Slurmctld


class OpenMetricsSource:
    """Asks slurmctld for one native endpoint."""

    def __init__(
        self,
        slurmctld: Slurmctld,
        endpoint: Endpoint,
        corrections: Corrections | None = None,
    ) -> None:
        """Prepare; ask nothing.

        Args:
            slurmctld: who is asked.
            endpoint: what for.
            corrections: what makes numbers right that slurmctld gets wrong; None passes them on.
        """
        self._slurmctld = slurmctld
        self._endpoint = endpoint
        self._corrections = corrections
        self._admission = ADMISSIONS[endpoint.name]

    def poll(
        self,
        known: bytes = b"",
        stopwatch: Stopwatch | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Ask once; see ``Source.poll``.

        Args:
            known: the fingerprint of an answer that need not be parsed again.
            stopwatch: learns how long fetching and parsing took.
            seconds: how long it may take; None is the endpoint's timeout.

        Raises:
            PollError: there is no usable answer.
        """
        stopwatch = stopwatch or Stopwatch()
        seconds = self._endpoint.timeout if seconds is None else seconds
        with stopwatch.phase("fetch"):
            body = self._slurmctld.fetch(self._endpoint.path, seconds)
            fingerprint = self._fingerprint(body)
        if fingerprint == known:
            return Answer(None, {}, len(body), fingerprint)
        if not body or body.isspace():
            return self._empty(fingerprint)
        with stopwatch.phase("parse"):
            parsed = parse(body, self._admission)
            families = self._corrected(parsed.families)
        if not parsed.families:
            raise ParseError(self._not_metrics(body, parsed))
        return Answer(families, parsed.dropped, len(body), fingerprint)

    def _fingerprint(self, body: bytes) -> bytes:
        digest = hashlib.blake2b(body, digest_size=16)
        if self._corrections is not None:
            digest.update(self._corrections.context(self._endpoint.name))
        return digest.digest()

    def _corrected(self, families: tuple[Family, ...]) -> tuple[Family, ...]:
        if self._corrections is None:
            return families
        return self._corrections.applied(self._endpoint.name, families)

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
