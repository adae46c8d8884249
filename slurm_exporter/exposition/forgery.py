r"""Which label values must not be believed, because a line break in a name may have made them.

On a cluster that does not enforce accounting any user chooses the account name of his jobs, and
slurmctld prints it as it is.  A name such as ``x"} 1\nslurm_account_jobs{account="bio"} 999\n...``
therefore becomes several lines, and some of them look like anybody's honest rows.  They can
still be told apart, because slurmctld prints the same name once in each of some thirty families:

* the lines inside the name come back in every family, to the letter, so their series repeat;
* the line that the name begins, ``<family>{account="x"} 1``, is followed in nearly every family
  by a line that does not belong there;
* the line that ends it has the same series in every family, with other numbers.

So a label value is distrusted when one of its series occurs twice, or when one of its rows comes
right before a line that may not stand there.  All rows with such a value are dropped: a user
can make an account's numbers disappear, but he cannot make them wrong.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence


class Row(NamedTuple):
    """One sample as it was read: its name, its (label, value) pairs and its number."""

    name: str
    labels: tuple[tuple[str, str], ...]
    number: str


def distrusted(lines: Sequence[str], rows: Sequence[Row | None]) -> frozenset[tuple[str, str]]:
    """Find the (label, value) pairs that must not be believed.

    Args:
        lines: all lines of a text.
        rows: what each of them means; None where it is no sample.
    """
    series = Counter((row.name, row.labels) for row in rows if row is not None)
    headers = Counter(map(_identity, lines))
    bad = {pair for (_, labels), count in series.items() if count > 1 for pair in labels}
    previous: Row | None = None
    for line, row in zip(lines, rows, strict=True):
        if previous is not None and not _may_follow(line, row, previous, headers):
            bad.update(previous.labels)
        previous = row
    return frozenset(bad)


def _may_follow(line: str, row: Row | None, previous: Row, headers: Counter[str]) -> bool:
    """Whether an honest text can have ``line`` right after the sample ``previous``."""
    if row is not None:
        return row.name == previous.name
    if line.startswith("# HELP "):
        return headers[_identity(line)] == 1
    # An unreadable sample of the same family is the beginning of another name with a line break.
    return line.startswith((f"{previous.name}{{", f"{previous.name} "))


def _identity(line: str) -> str:
    """Return what makes a header the header of one family; other lines do not matter."""
    return " ".join(line.split(" ", 3)[:3]) if line.startswith("# HELP ") else ""
