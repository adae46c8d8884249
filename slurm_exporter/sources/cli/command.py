"""What a command of Slurm's is: how it is called, and how its text is read."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Record_co = TypeVar("Record_co", covariant=True)
Row = TypeVar("Row")

FIELD = "\x1f"
"""Ends each field of a row that we choose the format of; the field where users write comes last."""

_END = "\x1e"
"""Ends each row, together with a mark that nobody can know before the command runs."""

_OVERRIDES = ("SACCT_", "SCONTROL_", "SINFO_", "SQUEUE_", "SSHARE_", "SLURM_CLUSTERS")
_PINNED = {
    "LC_ALL": "C.UTF-8",
    "SLURM_BITSTR_LEN": "0",  # lists of array tasks are not cut
    "SLURM_TIME_FORMAT": "%s",  # unix time
}


@dataclass(frozen=True, slots=True)
class Table(Generic[Record_co]):
    """What was read from an output.

    Attributes:
        records: what could be read.
        malformed: how many rows could not.
    """

    records: tuple[Record_co, ...]
    malformed: int = 0


@dataclass(frozen=True, slots=True)
class Command(Generic[Record_co]):
    """One of Slurm's commands.

    Attributes:
        program: its name.
        arguments: what it is called with; ``{mark}`` stands for the mark that ends a row.
        read: makes records of its output, given that mark; raises a PollError if it is no answer.
        may_be_empty: whether a healthy cluster can make it say nothing.
        why_empty: if it cannot, what is wrong with a cluster that does.
        answers: the exit codes that come with an answer.
    """

    program: str
    arguments: tuple[str, ...]
    read: Callable[[str, str], Table[Record_co]]
    may_be_empty: bool = False
    why_empty: str = ""
    answers: tuple[int, ...] = (0,)

    def __str__(self) -> str:
        """Return what a person would type, as far as it tells commands apart."""
        words = [word for word in self.arguments if not word.startswith("-") and FIELD not in word]
        return " ".join([self.program, *words])

    def words(self, mark: str) -> list[str]:
        """Return the arguments for one run."""
        return [word.replace("{mark}", mark) for word in self.arguments]


def new_mark() -> str:
    """Return a mark for one run.

    Whoever chooses a name in Slurm could put separators into it, and rows behind, but not this.
    """
    return _END + secrets.token_hex(4)


def environment() -> dict[str, str]:
    """Return our environment without what changes the commands' output, and with what fixes it."""
    ours = {key: text for key, text in os.environ.items() if not key.startswith(_OVERRIDES)}
    return {**ours, **_PINNED}


def fields(text: str, mark: str, count: int, separator: str = FIELD) -> Iterator[list[str] | None]:
    """Cut a text into rows of fields, one by one; None stands for one that has too few."""
    start, end_of_row = 0, f"{mark}\n"
    while (end := text.find(end_of_row, start)) >= 0:
        values = text[start:end].split(separator, count - 1)
        yield values if len(values) == count else None
        start = end + len(end_of_row)
    if start < len(text):
        yield None


def lines(text: str) -> Iterator[str | None]:
    """Cut a text into its lines, one by one, without empty ones; None stands for one cut short."""
    *whole, rest = text.split("\n")
    yield from filter(None, whole)
    if rest:
        yield None


def table(rows: Iterable[Row | None], record: Callable[[Row], Record_co]) -> Table[Record_co]:
    """Make records of rows; what cannot be read costs its row and is counted.

    Args:
        rows: as they were cut; None stands for one that could not be.
        record: makes a record of a row; raises ValueError for one that it cannot read.
    """
    records, malformed = [], 0
    for row in rows:
        try:
            if row is None:
                malformed += 1
            else:
                records.append(record(row))
        except ValueError:
            malformed += 1
    return Table(tuple(records), malformed)
