"""What real releases of Slurm print, and what becomes of it."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.command import Command, Record_co

FIXTURES = Path(__file__).parents[3] / "fixtures" / "cli"
RELEASES = ("22.05.8", "24.11.5", "26.05.5")
MARK = "MARK"
"""Stands in the recordings where each run has a mark of its own."""

BY_HAND = "by-hand"
"""Stands for a cluster whose recordings no script makes."""

Samples = dict[str, dict[tuple[str, ...], float]]


def name(command: Command[Any]) -> str:
    """What the recordings of a command are called."""
    return "-".join(word for word in str(command).split() if "=" not in word)


def recorded(command: Command[Any], release: str, cluster: str = "busy") -> str:
    """What a command of this release printed on one of the recorded clusters."""
    return (FIXTURES / release / cluster / f"{name(command)}.txt").read_bytes().decode()


def records(command: Command[Record_co], text: str) -> tuple[Record_co, ...]:
    """What a command reads in an output, all of which it can read."""
    table = command.read(text, MARK)
    assert table.malformed == 0
    return table.records


def samples(families: Iterable[Family]) -> Samples:
    """Numbers by the values of their labels, by family; no series is there twice."""
    found: Samples = {}
    for family in families:
        numbers = {row[:-1]: float(row[-1]) for row in family.rows}
        assert len(numbers) == len(family.rows), family.name
        assert family.name not in found
        found[family.name] = numbers
    return found


def alone(families: Iterable[Family]) -> dict[str, float]:
    """The samples of families that have no label."""
    return {family: numbers[()] for family, numbers in samples(families).items()}
