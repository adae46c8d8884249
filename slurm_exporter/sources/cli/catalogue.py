"""What is asked for each endpoint: which commands, how often, and what becomes of their records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slurm_exporter.sources.cli.commands.sacct import SACCT
from slurm_exporter.sources.cli.commands.squeue import SQUEUE
from slurm_exporter.sources.cli.families import history, jobs, queue, users

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.command import Command
    from slurm_exporter.sources.cli.metric import Metric


@dataclass(frozen=True, slots=True)
class Question:
    """How commands answer for an endpoint.

    Attributes:
        commands: what is run, unless another endpoint has just run it.
        families: makes families of the commands' records, given in the same order.
        metrics: all families that there can be.
        cardinality: how many samples there are, in words.
        memory: makes what ``families`` remembers from poll to poll and gets before the records.
    """

    commands: tuple[Command[Any], ...]
    families: Callable[..., Iterable[Family]]
    metrics: tuple[Metric, ...]
    cardinality: str
    memory: Callable[[], object] | None = None


CATALOGUE = {
    "jobs": Question((SQUEUE,), jobs.families, jobs.METRICS, "one each"),
    "jobs-users-accts": Question(
        (SQUEUE,), users.families, users.METRICS, "one for each user or account that has jobs"
    ),
    "queue": Question(
        (SQUEUE,),
        queue.families,
        queue.METRICS,
        "one for each partition and reason there was; 15 for each partition's wait times",
        memory=queue.Memory,
    ),
    # Asked in a way of its own, by ``history.HistorySource``.
    "history": Question(
        (SACCT,),
        history.families,
        history.METRICS,
        "one for each partition, account or user and each state that its jobs ended in",
    ),
}
"""Endpoint name to what is asked for it."""
