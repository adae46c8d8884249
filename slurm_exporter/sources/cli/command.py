"""What a command of Slurm's is: how it is called, and how its text is read."""

from __future__ import annotations

import os
import secrets
from dataclasses import dataclass
from typing import TYPE_CHECKING, Generic, TypeVar

from slurm_exporter.courtesy import paced
from slurm_exporter.errors import ParseError

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Record_co = TypeVar("Record_co", covariant=True)
Row = TypeVar("Row")

FIELD = "\x1f"
"""Ends each field of a row that we choose the format of; the field where users write comes last."""

_END = "\x1e"
"""Ends each row, together with a mark that nobody can know before the command runs."""

_QUOTED = 40
"""Letters of an output that are shown of one that is no answer."""

_OVERRIDES = ("SACCT_", "SCONTROL_", "SINFO_", "SQUEUE_", "SSHARE_", "SLURM_CLUSTERS")
_PINNED = {
    "LC_ALL": "C.UTF-8",
    "SLURM_BITSTR_LEN": "0",  # lists of array tasks are not cut
    "SLURM_TIME_FORMAT": "%s",  # unix time
    "SQUEUE_ARRAY_UNIQUE": "1",  # tasks that wait for a reason of their own have a row, in 22.05
}


@dataclass(frozen=True, slots=True)
class Table(Generic[Record_co]):
    """What was read from an output.

    Attributes:
        records: what could be read.
        malformed: how many rows could not.
        passed_over: how many could, and are of no interest.
    """

    records: tuple[Record_co, ...]
    malformed: int = 0
    passed_over: int = 0


@dataclass(frozen=True, slots=True)
class Command(Generic[Record_co]):
    """One of Slurm's commands.

    Attributes:
        program: its name.
        arguments: what it is called with; ``{mark}`` stands for the mark that ends a row.
        parse: makes records of its output, given that mark; raises a PollError if it is no answer.
        ending: what every whole output ends with; ``{mark}`` stands for that mark.
        nothing: what it prints instead where there are no records.
        may_be_empty: whether a healthy cluster can make it say nothing.
        why_empty: if it cannot, what is wrong with a cluster that does.
        answers: the exit codes that come with an answer.
    """

    program: str
    arguments: tuple[str, ...]
    parse: Callable[[str, str], Table[Record_co]]
    ending: str = "\n"
    nothing: str = ""
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

    def read(self, text: str, mark: str) -> Table[Record_co]:
        """Make records of an output.

        An exit code of 0 does not make an answer of it: a wrapper may print a greeting instead,
        or be cut off.  Half an answer is none, for all that is counted would be too small.

        Args:
            text: the output.
            mark: what ended its rows.

        Raises:
            PollError: it is no answer, or not a whole one.
        """
        if text in {"", self.nothing}:
            return Table(())
        if not text.endswith(self.ending.replace("{mark}", mark)):
            raise ParseError(f"{self} ended with {text[-_QUOTED:]!r}: the output was cut")
        table = self.parse(text, mark)
        if not (table.records or table.passed_over):
            begin = text[:_QUOTED]
            raise ParseError(f"{self} printed nothing that can be read; it begins with {begin!r}")
        return table


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
    """Cut a whole text into rows of fields, one by one; None stands for one that has too few."""
    start, end_of_row = 0, f"{mark}\n"
    while (end := text.find(end_of_row, start)) >= 0:
        values = text[start:end].split(separator, count - 1)
        yield values if len(values) == count else None
        start = end + len(end_of_row)


def lines(text: str) -> Iterator[str]:
    """Cut a text into its lines, one by one, without empty ones."""
    return filter(None, text.split("\n"))


def table(rows: Iterable[Row | None], record: Callable[[Row], Record_co]) -> Table[Record_co]:
    """Make records of rows; what cannot be read costs its row and is counted.

    Args:
        rows: as they were cut; None stands for one that could not be.
        record: makes a record of a row; raises ValueError for one that it cannot read, or
            OverflowError for a number or a time that is beyond all bounds.
    """
    records, malformed = [], 0
    for row in paced(rows):
        try:
            if row is None:
                malformed += 1
            else:
                records.append(record(row))
        except (ValueError, OverflowError):
            malformed += 1
    return Table(tuple(records), malformed)
