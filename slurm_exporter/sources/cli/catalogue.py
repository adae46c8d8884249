"""What is asked for each endpoint: which commands, how often, and what becomes of their records."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slurm_exporter.sources.cli.commands.assoc_mgr import ASSOC_MGR
from slurm_exporter.sources.cli.commands.config import CONFIG
from slurm_exporter.sources.cli.commands.licenses import LICENSES
from slurm_exporter.sources.cli.commands.ping import PING
from slurm_exporter.sources.cli.commands.reservations import RESERVATIONS
from slurm_exporter.sources.cli.commands.sdiag import SDIAG
from slurm_exporter.sources.cli.commands.squeue import SQUEUE
from slurm_exporter.sources.cli.commands.sshare import SSHARE
from slurm_exporter.sources.cli.families import (
    controllers,
    fairshare,
    jobs,
    licenses,
    limits,
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
    """

    commands: tuple[Command[Any], ...]
    families: Callable[..., Iterable[Family]]
    metrics: tuple[Metric, ...]
    cardinality: str


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
}
"""Endpoint name to what is asked for it."""
