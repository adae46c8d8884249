"""What is asked for each endpoint: which commands, how often, and what becomes of their records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slurm_exporter.sources.cli.commands.node import NODE
from slurm_exporter.sources.cli.commands.partition import PARTITION
from slurm_exporter.sources.cli.commands.squeue import SQUEUE
from slurm_exporter.sources.cli.families import gpus, jobs, node_states, nodes, partitions, users

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
    """

    commands: tuple[Command[Any], ...]
    families: Callable[..., Iterable[Family]]
    metrics: tuple[Metric, ...]
    cardinality: str


CATALOGUE = {
    "jobs": Question((SQUEUE,), jobs.families, jobs.METRICS, "one each"),
    "jobs-users-accts": Question(
        (SQUEUE,), users.families, users.METRICS, "one for each user or account that has jobs"
    ),
    "nodes": Question((NODE,), nodes.families, nodes.METRICS, "one for each node, or one"),
    "partitions": Question(
        (SQUEUE, NODE, PARTITION),
        partitions.families,
        partitions.METRICS,
        "one for each partition",
    ),
    "node-states": Question(
        (NODE,),
        node_states.families,
        node_states.METRICS,
        "one for each node, flag that is set, or reason",
    ),
    "gpus": Question(
        (NODE, SQUEUE),
        gpus.families,
        gpus.METRICS,
        "one for each node, partition, user or account and each of its models",
    ),
}
"""Endpoint name to what is asked for it."""
