"""What ``scontrol show`` prints: a block of lines for each record, ended by an empty line.

With ``--oneliner`` a record would be one line, but the free text of administrators spoils it.
What stands in a reason, of several lines and with ``State=DOWN`` in them perhaps, can then not be
told from Slurm's own words, whereas in a block all its lines but the first are indented further
(22.05, 24.11 and 26.05 alike).  Line breaks in comments are printed as they are in either form.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping

ENDING = "\n\n"


def blocks(text: str, key: str) -> Iterator[str | None]:
    """Cut a whole text into records one by one; None stands for what is none.

    Args:
        text: what was printed.
        key: the word that begins each record, such as ``NodeName=``.
    """
    start, begin = 0, f"{ENDING}{key}"
    while start < len(text):
        end = text.find(begin, start)
        end = len(text) if end < 0 else end + len(ENDING)
        yield text[start:end] if text.startswith(key, start) else None
        start = end


def words(text: str) -> Mapping[str, str]:
    """Return the values of ``Key=Value`` pairs between which there are blanks."""
    return {key: value for key, _, value in [word.partition("=") for word in text.split()]}


def value(pairs: Mapping[str, str], key: str) -> str:
    """Return a value that each record has.

    Raises:
        ValueError: this one has not.
    """
    if key not in pairs:
        raise ValueError(f"{key} is missing")
    return pairs[key]


def number(pairs: Mapping[str, str], key: str) -> int:
    """Return a number that each record has.

    Raises:
        ValueError: this one has not.
    """
    return int(value(pairs, key))
