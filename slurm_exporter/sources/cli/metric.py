"""What a family made of records is called and means; the docs' tables are made of this."""

from __future__ import annotations

import math
from collections.abc import Mapping
from dataclasses import dataclass
from typing import TYPE_CHECKING

from slurm_exporter.exposition import Family

if TYPE_CHECKING:
    from collections.abc import Iterable

Number = int | float
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True)
class Metric:
    """A family without its samples.

    Attributes:
        name: with its unit.
        help: a sentence.
        labels: the names of its labels.
        type: ``gauge`` or ``counter``.
    """

    name: str
    help: str
    labels: Labels = ()
    type: str = "gauge"

    def family(self, samples: Mapping[Labels, Number] | Iterable[tuple[Labels, Number]]) -> Family:
        """Return the family with these samples: the values of its labels, and the number."""
        pairs = samples.items() if isinstance(samples, Mapping) else samples
        rows = [(*labels, written(number)) for labels, number in pairs]
        return Family(self.name, self.type, self.help, self.labels, rows)

    def single(self, number: Number) -> Family:
        """Return the family with its only sample, which has no label."""
        return self.family([((), number)])


def sums(samples: Iterable[tuple[Labels, Number]]) -> dict[Labels, Number]:
    """Return one sample for each value of the labels: the sum of those that share it."""
    found: dict[Labels, Number] = {}
    for labels, number in samples:
        found[labels] = found.get(labels, 0) + number
    return found


def written(number: Number) -> str:
    """Return a number as it stands on a page: all of its digits."""
    return "+Inf" if number == math.inf else repr(number)
