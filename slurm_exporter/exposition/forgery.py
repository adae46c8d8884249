r"""Which samples must not be believed, because a line break in a name may have made them.

On a cluster that does not enforce accounting any user chooses the account name of his jobs, and
slurmctld prints it as it is.  A name such as ``x"} 1\nslurm_account_jobs{account="bio"} 999\n...``
therefore becomes several lines, and some of them look like anybody's honest samples.  They can
still be told apart, because slurmctld prints the same name once in each of some thirty families:

* A line inside the name comes back to the letter in every family.  An honest line never does,
  so all copies are forged.
* The line that the name begins, ``<family>{account="x"} 1``, stands in nearly every family right
  before a line that does not belong there.  Then no sample of ``x`` is believed.
* The line that ends the name is one and the same series in every family, with the numbers of
  different families.  An honest series has one number, or, if somebody forged copies of it, one
  number besides the copies'.  A series with more makes its account one that is not believed.

So a user can make the numbers of an account disappear, but he cannot make them wrong.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

Pair = tuple[str, str]
"""A label name and its value."""


class Row(NamedTuple):
    """One sample as it was read: its name, its (label, value) pairs and its number."""

    name: str
    labels: tuple[Pair, ...]
    number: str


@dataclass(frozen=True, slots=True)
class Doubts:
    """What must not be believed: lines that were copied, and all samples with some labels."""

    copies: frozenset[str] = frozenset()
    labels: frozenset[Pair] = frozenset()

    def about(self, line: str, row: Row) -> bool:
        """Whether a sample must not be believed."""
        return line in self.copies or not self.labels.isdisjoint(row.labels)


def doubts(lines: Sequence[str], rows: Sequence[Row | None]) -> Doubts:
    """Find what must not be believed.

    Args:
        lines: all lines of a text.
        rows: what each of them means; None where it is no sample.
    """
    copies = frozenset(line for line, count in Counter(lines).items() if count > 1)
    bad = frozenset([*_before_a_cut(lines, rows, copies), *_with_many_numbers(rows)])
    return Doubts(copies, bad)


def _before_a_cut(
    lines: Sequence[str], rows: Sequence[Row | None], copies: frozenset[str]
) -> Iterator[Pair]:
    """Yield the labels of samples that stand right before a line that does not belong there.

    Copies do not count: they are not believed anyway, and the account they name is a victim.
    """
    headers = Counter(map(_header, lines))
    previous: Row | None = None
    for line, row in zip(lines, rows, strict=True):
        if previous is not None and not _may_follow(line, row, previous, headers):
            yield from previous.labels
        previous = None if line in copies else row


def _may_follow(line: str, row: Row | None, previous: Row, headers: Counter[str]) -> bool:
    """Whether an honest text can have ``line`` right after the sample ``previous``."""
    if row is not None:
        return row.name == previous.name
    if _header(line):
        return headers[_header(line)] == 1
    # An unreadable sample of the same family is the beginning of another name with a line break.
    return line.startswith((f"{previous.name}{{", f"{previous.name} "))


def _header(line: str) -> str:
    """Return the part of a HELP line that is there once in an honest text; else nothing."""
    return " ".join(line.split(" ", 3)[:3]) if line.startswith("# HELP ") else ""


def _with_many_numbers(rows: Sequence[Row | None]) -> Iterator[Pair]:
    """Yield the labels of series that come with more numbers than copies can explain."""
    numbers: defaultdict[tuple[str, tuple[Pair, ...]], Counter[str]] = defaultdict(Counter)
    for row in filter(None, rows):
        numbers[row.name, row.labels][row.number] += 1
    for (_, labels), counts in numbers.items():
        single = sum(count == 1 for count in counts.values())
        if single > 1 or len(counts) > 1 + single:
            yield from labels
