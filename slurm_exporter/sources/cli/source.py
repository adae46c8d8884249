"""One endpoint, answered by Slurm's commands."""

from __future__ import annotations

import hashlib
import time
from typing import TYPE_CHECKING, Any

from slurm_exporter.courtesy import Paced
from slurm_exporter.phases import Stopwatch
from slurm_exporter.sources import Answer
from slurm_exporter.sources.cli.catalogue import CATALOGUE

if TYPE_CHECKING:
    from collections.abc import Sequence

    from slurm_exporter.config import Endpoint
    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.outputs import Output, Outputs

_YOUNG = 0.9
"""Of an endpoint's interval, how old an output may be that another endpoint has asked for."""


class CliSource:
    """Asks Slurm's commands for one endpoint."""

    def __init__(self, outputs: Outputs, endpoint: Endpoint) -> None:
        self._outputs = outputs
        self._endpoint = endpoint
        self._question = CATALOGUE[endpoint.name]
        memory = self._question.memory
        self._memory = () if memory is None else (memory(),)

    def poll(
        self,
        known: bytes = b"",
        stopwatch: Stopwatch | None = None,
        seconds: float | None = None,
    ) -> Answer:
        """Ask once; see ``Source.poll``.

        Args:
            known: the fingerprint of an answer that need not be made into families again.
            stopwatch: learns how long fetching and parsing took.
            seconds: how long it may take; None is the endpoint's timeout.

        Raises:
            PollError: there is no usable answer.
        """
        stopwatch = stopwatch or Stopwatch()
        interval = self._endpoint.cli_interval
        end = time.monotonic() + (self._endpoint.timeout if seconds is None else seconds)
        outputs = [
            self._outputs.get(
                command, _YOUNG * interval, max(0.0, end - time.monotonic()), stopwatch
            )
            for command in self._question.commands
        ]
        fingerprint = hashlib.blake2b(b"".join(one.digest for one in outputs)).digest()
        families = None
        if fingerprint != known:
            with stopwatch.phase("parse"):
                families = self._families(outputs)
        malformed = sum(one.table.malformed for one in outputs)
        return Answer(
            families=families,
            dropped={"malformed": malformed} if malformed else {},
            body_bytes=sum(one.size for one in outputs),
            fingerprint=fingerprint,
            asked=min(one.asked for one in outputs),
            took=max(one.took for one in outputs),
            source="cli",
        )

    def _families(self, outputs: Sequence[Output[Any]]) -> tuple[Family, ...]:
        records = (Paced(one.table.records) for one in outputs)
        families = self._question.families(*self._memory, *records)
        return tuple(family for family in families if family.samples)
