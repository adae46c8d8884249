"""The one representation of a metric family between parsing and rendering."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Protocol

if TYPE_CHECKING:
    from collections.abc import Iterator


class Rows(Protocol):
    """The samples of a family; may be read again and again."""

    def __len__(self) -> int:
        """Return how many there are."""

    def __iter__(self) -> Iterator[tuple[str, ...]]:
        """Yield a tuple for each; see ``Family.rows``."""


@dataclass(frozen=True, slots=True)
class Family:
    """One metric family and all its samples.

    Attributes:
        name: the metric name, which is also the name of every sample but for the suffix.
        type: ``gauge``, ``counter``, ``histogram`` or ``unknown``.
        help: the help text, unescaped.
        labels: the label names, the same for every sample.
        rows: one tuple per sample: the unescaped label values in the order of ``labels``,
            then the number exactly as Slurm wrote it.
        suffix: what the samples' name has more than the family's.
        more: samples with other suffixes, which stand below the same header.
    """

    name: str
    type: str
    help: str
    labels: tuple[str, ...]
    rows: Rows
    suffix: str = ""
    more: tuple[Family, ...] = ()

    @property
    def samples(self) -> int:
        """How many samples there are."""
        return len(self.rows) + sum(family.samples for family in self.more)
