"""The shares of accounts and of their users: ``sshare``, one row for each association."""

from __future__ import annotations

import math
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.command import Command, lines, table
from slurm_exporter.sources.cli.records import Share

if TYPE_CHECKING:
    from collections.abc import Iterator

    from slurm_exporter.sources.cli.command import Table

_SEPARATOR = "|"  # sshare has no other

_FIELDS = (
    "RawShares",
    "NormShares",
    "RawUsage",
    "NormUsage",
    "EffectvUsage",
    "FairShare",
    "LevelFS",
    "Partition",
    "User",
    "Account",  # last, for a name may have the separator in it
)


def _read(text: str, _mark: str) -> Table[Share]:
    return table(_rows(text), _share)


def _rows(text: str) -> Iterator[list[str] | None]:
    for line in lines(text):
        row = line.split(_SEPARATOR, len(_FIELDS) - 1)
        yield row if len(row) == len(_FIELDS) else None


def _share(row: list[str]) -> Share:
    *numbers, partition, user, account = row
    return Share(
        account.lstrip(" "),  # indented by its depth in the tree
        user,
        partition,
        *map(_number, numbers),
    )


def _number(text: str) -> float | None:
    """Return a number; None where there is none, or where the parent's stands for it."""
    number = math.nan if text in {"", "parent"} else float(text)
    return None if math.isnan(number) else number


SSHARE = Command(
    "sshare",
    ("--all", "--noheader", "--parsable2", f"--format={','.join(_FIELDS)}"),
    _read,
    why_empty=(
        "a cluster without slurmdbd has no shares, "
        "and PrivateData=usage hides them from all but operators"
    ),
)
