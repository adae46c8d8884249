"""What ``scontrol --oneliner show`` prints: a line for each record, of ``Key=Value`` pairs."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.command import lines

if TYPE_CHECKING:
    from collections.abc import Iterator

_KEY = re.compile(r"(?:^|\s)([A-Z][A-Za-z/]*)=")


class Pairs(dict[str, str]):
    """Values by key; a missing one is a ValueError, as in a line that cannot be read."""

    def __missing__(self, key: str) -> str:
        """Refuse.

        Raises:
            ValueError: always.
        """
        raise ValueError(f"{key} is missing")


def records(text: str, key: str) -> Iterator[str | None]:
    """Cut a text into records one by one; None stands for a line that is none.

    Args:
        text: what was printed.
        key: the key that begins each record.
    """
    for line in lines(text):
        yield line if line.startswith(f"{key}=") else None


def pairs(line: str) -> Pairs:
    """Return the pairs of a line.

    Values may hold blanks.  Of two pairs with one key the first counts: what people write, and
    what may look like a pair, stands behind Slurm's own.
    """
    pieces = _KEY.split(line)
    found = list(zip(pieces[1::2], map(str.strip, pieces[2::2]), strict=True))
    return Pairs(reversed(found))
