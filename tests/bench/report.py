"""What the benchmarks found: rows, the table, and the page of the docs that shows it."""

from __future__ import annotations

import statistics
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable


@dataclass(frozen=True, slots=True)
class Reach:
    """What a row should come to: ``sign`` is ``<=`` or ``>=``, ``unit`` empty for a ratio."""

    sign: str
    limit: float
    unit: str = ""

    def met(self, value: float) -> bool:
        """Tell whether a value is as good as this."""
        return value <= self.limit if self.sign == "<=" else value >= self.limit

    def __str__(self) -> str:
        return f"{'at most' if self.sign == '<=' else 'at least'} {self.limit:g}{self.unit}"


REACHES = {
    "large page, scrapes/s: ours / nginx, sendfile off": Reach(">=", 2),
    "large page, scrapes/s: ours / nginx, sendfile on": Reach(">=", 2),
    "small page, scrapes/s: ours / nginx, sendfile off": Reach(">=", 0.3),
    "small page, scrapes/s: ours / nginx, sendfile on": Reach(">=", 0.3),
    "small page, scrapes/s: ours / prometheus_client": Reach(">=", 5),
    "poll, 100,000 samples, CPU: ours / prometheus_client": Reach("<=", 0.25),
    "poll, CPU per sample: 400,000 / 10,000 samples": Reach("<=", 1.3),
    "poll, CPU: identical answer / its download and digest": Reach("<=", 1.25),
    "poll, CPU: identical answer / another answer": Reach("<=", 0.25),
    "scrape, 99th percentile: 400,000 samples polled / not": Reach("<=", 2),
    "scrape, 99th percentile: 400,000 samples polled - not": Reach("<=", 50, " ms"),
    "scrape, CPU: 100,000 / 1,000 samples": Reach("<=", 1.3),
    "memory, 100,000 samples: after an hour of polls - idle": Reach("<=", 60, " MB"),
    "memory: after an hour of polls / after a tenth of it": Reach("<=", 1.05),
    "commands, CPU per job: 100,000 / 10,000 jobs": Reach("<=", 1.3),
    "commands, CPU per node: 20,000 / 2,000 nodes": Reach("<=", 1.3),
    "scrape, 99th percentile: 100,000 jobs polled - not": Reach("<=", 50, " ms"),
    "commands, memory, 100,000 jobs: highest - idle": Reach("<=", 256, " MB"),
}
"""What each row should come to, by its name."""


@dataclass(frozen=True, slots=True)
class Row:
    """One comparison.

    Attributes:
        name: a key of ``REACHES``.
        value: the ratio or the difference.
        ours: the first thing that was compared, in ``unit``.
        other: the second.
        unit: of both.
        note: what else one should know.
    """

    name: str
    value: float
    ours: float
    other: float
    unit: str
    note: str = ""

    @property
    def met(self) -> bool:
        """Whether the row came to what it should."""
        return REACHES[self.name].met(self.value)


def ratio(name: str, pairs: Iterable[tuple[float, float]], unit: str, note: str = "") -> Row:
    """Compare two things that were measured in turn, by the ratio of their medians."""
    ours, other = (statistics.median(values) for values in zip(*pairs, strict=True))
    return Row(name, ours / other, ours, other, unit, note)


def in_turn(
    rounds: int, ours: Callable[[], float], other: Callable[[], float]
) -> list[tuple[float, float]]:
    """Measure two things in turn, so that what the machine does meanwhile meets both."""
    return [(ours(), other()) for _ in range(rounds)]


def table(rows: Iterable[Row]) -> str:
    """Write rows as a table in Markdown, which is also readable as it is."""
    head = ("what", "measured", "reach", "met", "from")
    lines = [head, *map(_cells, rows)]
    widths = [max(map(len, column)) for column in zip(*lines, strict=True)]
    lines.insert(1, tuple("-" * width for width in widths))
    return "".join("| " + " | ".join(map(str.ljust, line, widths)) + " |\n" for line in lines)


def _cells(row: Row) -> tuple[str, ...]:
    reach = REACHES[row.name]
    source = f"{_number(row.ours)} / {_number(row.other)} {row.unit}"
    return (
        row.name,
        f"{row.value:.3g}{reach.unit}",
        str(reach),
        "yes" if row.met else "no",
        f"{source}; {row.note}" if row.note else source,
    )


def _number(value: float) -> str:
    return f"{value:,.0f}" if value >= 1000 else f"{value:.3g}"


def put(page: str, name: str, content: str) -> str:
    """Put content between the two marks of a page that have a name.

    Raises:
        ValueError: the page has no such marks.
    """
    begin, end = f"<!-- {name} -->\n", f"<!-- end of {name} -->\n"
    head, found, rest = page.partition(begin)
    _, found_end, tail = rest.partition(end)
    if not (found and found_end):
        raise ValueError(f"the page has no place for {name}")
    return head + begin + content + end + tail
