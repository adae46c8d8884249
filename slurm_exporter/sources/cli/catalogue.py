"""What is asked for each endpoint: which commands, how often, and what becomes of their records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slurm_exporter.sources.cli.commands.assoc_mgr import ASSOC_MGR
from slurm_exporter.sources.cli.commands.config import CONFIG
from slurm_exporter.sources.cli.commands.licenses import LICENSES
from slurm_exporter.sources.cli.commands.node import NODE
from slurm_exporter.sources.cli.commands.partition import PARTITION
from slurm_exporter.sources.cli.commands.ping import PING
from slurm_exporter.sources.cli.commands.reservations import RESERVATIONS
from slurm_exporter.sources.cli.commands.sacct import SACCT
from slurm_exporter.sources.cli.commands.sdiag import SDIAG
from slurm_exporter.sources.cli.commands.squeue import SQUEUE
from slurm_exporter.sources.cli.commands.sshare import SSHARE
from slurm_exporter.sources.cli.families import (
    controllers,
    fairshare,
    gpus,
    history,
    jobs,
    licenses,
    limits,
    node_states,
    nodes,
    partitions,
    queue,
    reservations,
    rpcs,
    scheduler,
    users,
)

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
    "controllers": Question(
        (PING,), controllers.families, controllers.METRICS, "one for each controller"
    ),
    "fairshare": Question(
        (SSHARE,),
        fairshare.families,
        fairshare.METRICS,
        "one for each account, and one for each user of an account",
    ),
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
    "queue": Question(
        (SQUEUE,),
        queue.families,
        queue.METRICS,
        "one for each partition and reason there was; 15 for each partition's wait times",
        memory=queue.Memory,
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
    "licenses": Question((LICENSES,), licenses.families, licenses.METRICS, "one for each license"),
    "limits": Question(
        (ASSOC_MGR, CONFIG), limits.families, limits.METRICS, "two for each limit that is set"
    ),
    "reservations": Question(
        (RESERVATIONS,), reservations.families, reservations.METRICS, "one for each reservation"
    ),
    "rpcs": Question(
        (SDIAG,), rpcs.families, rpcs.METRICS, "two for each type of request and for each user"
    ),
    "scheduler": Question((SDIAG,), scheduler.families, scheduler.METRICS, "one each"),
    # Asked in a way of its own, by ``history.HistorySource``.
    "history": Question(
        (SACCT,),
        history.families,
        history.METRICS,
        "one for each partition, account or user and each state that its jobs ended in",
    ),
}
"""Endpoint name to what is asked for it."""
