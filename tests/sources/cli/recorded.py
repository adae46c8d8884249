"""What real commands of Slurm printed, and records as tests need them."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING, Any

from slurm_exporter.sources.cli.records import Job

if TYPE_CHECKING:
    from slurm_exporter.exposition import Family

FIXTURES = Path(__file__).parents[3] / "fixtures" / "cli"
VERSIONS = sorted(path.name for path in FIXTURES.iterdir() if path.is_dir())
MARK = "MARK"
"""Stands in recordings for the mark of that run."""


def recorded(version: str, command: str) -> str:
    """What a command of some release printed, on a cluster with jobs and nodes of every kind."""
    return (FIXTURES / version / f"{command}.txt").read_bytes().decode()


def job(**changes: Any) -> Job:
    """A running job on one node, but for some changes."""
    running = Job(
        id="1",
        tasks=1,
        state="RUNNING",
        flags=frozenset(),
        partitions=("batch",),
        user="alice",
        account="physics",
        cpus=2,
        memory=1 << 30,
        gpus={},
        nodes=("n1",),
        min_nodes=1,
        max_nodes=1,
        reason="None",
        submitted=1_795_239_236,
        eligible=1_795_239_236,
        started=1_795_239_240,
        ended=1_795_242_840,
    )
    return running._replace(**changes)


def waiting(**changes: Any) -> Job:
    """A job that waits, but for some changes."""
    return job(state="PENDING", nodes=(), started=None, ended=None, reason="Resources")._replace(
        **changes
    )


def numbers(families: tuple[Family, ...]) -> dict[str, dict[tuple[str, ...], float]]:
    """The samples of families: name to values of labels to number."""
    return {one.name: {row[:-1]: float(row[-1]) for row in one.rows} for one in families}


def alone(families: tuple[Family, ...]) -> dict[str, float]:
    """The samples of families that have no label."""
    return {name: samples[()] for name, samples in numbers(families).items()}
