r"""Which lines are honest samples, where users choose the names that slurmctld prints.

On a cluster that does not enforce accounting any user chooses the account name of his jobs, and
slurmctld prints it as it is.  A name such as ``x"} 1\nslurm_account_jobs{account="bio"} 999\n...``
therefore becomes several lines, and some of them look like anybody's samples.

They can be told apart because slurmctld prints the same names, in the same order, once in each
of some thirty families: line i of one family's block belongs to the same name as line i of
every other's.  Where a name begins, each block has a line that begins with its own family's
name.  A line inside a name is the same in all blocks, so it can look like a beginning in one of
them at the most.  Beginnings are therefore the lines that most blocks agree on, and an honest
sample is a beginning that is followed by the next one.
"""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass
from itertools import pairwise
from typing import TYPE_CHECKING, NamedTuple

if TYPE_CHECKING:
    from collections.abc import Sequence

Pair = tuple[str, str]
"""A label name and its value."""


class Row(NamedTuple):
    """One sample as it was read: its name, its (label, value) pairs and its number."""

    name: str
    labels: tuple[Pair, ...]
    number: str


@dataclass(frozen=True, slots=True)
class Block:
    """The lines below one family's header, and what each means; None where it is no sample."""

    family: str
    lines: Sequence[str]
    rows: Sequence[Row | None]

    def begins(self, index: int) -> bool:
        """Whether a line begins with the family's own name."""
        return self.lines[index].startswith((f"{self.family}{{", f"{self.family} "))


def honest(blocks: Sequence[Block]) -> list[set[int]]:
    """Find the lines that are honest samples.

    Args:
        blocks: the blocks of all families that print the same names.

    Returns:
        For each block the indexes of its honest lines.  A single block cannot be compared with
        another; there every line that begins like a sample is taken for one.
    """
    if len(blocks) == 1:
        return [{i for i in range(len(blocks[0].lines)) if blocks[0].begins(i)}]
    length = Counter(len(block.lines) for block in blocks).most_common(1)[0][0]
    aligned = [block for block in blocks if len(block.lines) == length]
    votes = Counter(i for block in aligned for i in range(length) if block.begins(i))
    begins = sorted(i for i, count in votes.items() if 2 * count > len(blocks))
    whole = {begin for begin, end in pairwise([*begins, length]) if end == begin + 1}
    names = {row.labels for block in aligned for i in whole if (row := block.rows[i])}
    return [
        {i for i in whole if block.begins(i)}
        if len(block.lines) == length
        else _known_once(block, names)
        for block in blocks
    ]


def _known_once(block: Block, names: set[tuple[Pair, ...]]) -> set[int]:
    """Find the honest lines of a block that has lost or gained some: known names, once each."""
    rows = [
        (i, row.labels)
        for i, row in enumerate(block.rows)
        if row is not None and row.name == block.family
    ]
    copies = Counter(labels for _, labels in rows)
    return {i for i, labels in rows if labels in names and copies[labels] == 1}
