"""How Slurm is asked.  Each way is a ``Source``; nothing outside this room talks to Slurm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slurm_exporter.exposition import Family
    from slurm_exporter.phases import Stopwatch


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slurm said.

    Attributes:
        families: each name at most once; None when Slurm said again what is known.
        dropped: rows that were left out, counted by reason.
        body_bytes: the size of the answer as it came.
        fingerprint: a digest of it; answers that say the same have the same one.
        asked: when Slurm was asked, on the monotonic clock; None is the begin of the poll.
        took: seconds that Slurm took, if somebody else may have asked it and waited for it.
        source: who answered, in the config's words.
    """

    families: tuple[Family, ...] | None
    dropped: Mapping[str, int]
    body_bytes: int
    fingerprint: bytes
    asked: float | None = None
    took: float = 0.0
    source: str = "openmetrics"


class Source(Protocol):
    """One way to ask Slurm for one endpoint.  Used by one thread at a time."""

    def poll(self, known: bytes = b"", stopwatch: Stopwatch | None = None) -> Answer:
        """Ask once, within the endpoint's timeout.

        Args:
            known: the fingerprint of an answer that need not be parsed again.
            stopwatch: learns how long fetching and parsing took.

        Raises:
            PollError: there is no usable answer.
        """
