"""What a family made of records is called and means; the docs' tables are made of this."""

from __future__ import annotations

import math
from bisect import bisect_left
from collections.abc import Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import TYPE_CHECKING

from prometheus_client.utils import floatToGoString

from slurm_exporter.exposition import Family

if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from slurm_exporter.exposition import Rows

Number = int | float
Labels = tuple[str, ...]


@dataclass(frozen=True, slots=True, eq=False)
class Metric:
    """A family without its samples.

    Attributes:
        name: with its unit.
        help: a sentence.
        labels: the names of its labels.
        type: ``gauge``, ``counter`` or ``histogram``.
        unit: of the samples, where the name does not end in it.
    """

    name: str
    help: str
    labels: Labels = ()
    type: str = "gauge"
    unit: str = ""

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


@dataclass(frozen=True, slots=True)
class Histogram:
    """What a histogram has counted under one set of label values.

    Attributes:
        counts: how many values were at most as large as each bound and larger than the one before,
            then how many were larger than all of them.
        total: the sum of all values.
    """

    counts: tuple[int, ...]
    total: Number

    def plus(self, value: Number, bounds: Sequence[float]) -> Histogram:
        """Return the histogram with one value more."""
        index = bisect_left(bounds, value)
        counts = (*self.counts[:index], self.counts[index] + 1, *self.counts[index + 1 :])
        return Histogram(counts, self.total + value)


def histogram_family(
    metric: Metric, bounds: Sequence[float], samples: Mapping[Labels, Histogram]
) -> Family:
    """Return a histogram's family.

    Args:
        metric: its name, help and labels.
        bounds: the upper bounds of its buckets, without infinity.
        samples: what was counted, by the values of the labels.
    """
    names = (*map(floatToGoString, bounds), "+Inf")
    pieces = []
    # All samples with the same labels must stand together.
    for labels, one in samples.items():
        counts = map(written, accumulate(one.counts))
        buckets = [(*labels, *pair) for pair in zip(names, counts, strict=True)]
        pieces += [
            _piece(metric, "_bucket", buckets, "le"),
            _piece(metric, "_sum", [(*labels, written(one.total))]),
            _piece(metric, "_count", [(*labels, written(sum(one.counts)))]),
        ]
    return Family(metric.name, metric.type, metric.help, (), (), more=tuple(pieces))


def _piece(metric: Metric, suffix: str, rows: Rows, *more_labels: str) -> Family:
    labels = (*metric.labels, *more_labels)
    return Family(metric.name, metric.type, metric.help, labels, rows, suffix)


def written(number: Number) -> str:
    """Return a number as it stands on a page: all of its digits."""
    return "+Inf" if number == math.inf else repr(number)
