"""How Slurm is asked.  Each way is a ``Source``; nothing outside this room talks to Slurm."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slurm_exporter.exposition import Family


@dataclass(frozen=True, slots=True)
class Answer:
    """What Slurm said.

    Attributes:
        families: each name at most once.
        dropped: rows that were left out, counted by reason.
        body_bytes: the size of the answer as it came.
    """

    families: tuple[Family, ...]
    dropped: Mapping[str, int]
    body_bytes: int


class Source(Protocol):
    """One way to ask Slurm for one endpoint.  Used by one thread at a time."""

    def poll(self) -> Answer:
        """Ask once, within the endpoint's timeout.

        Raises:
            PollError: there is no usable answer.
        """
