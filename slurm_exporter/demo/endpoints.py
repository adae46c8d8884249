"""The five endpoints: which families each has, and the rows that fill them."""

from __future__ import annotations

from typing import TYPE_CHECKING, NamedTuple

from slurm_exporter.demo import counts
from slurm_exporter.demo.family import Family, render
from slurm_exporter.demo.job_families import ACCOUNT_JOBS, JOBS, USER_JOBS
from slurm_exporter.demo.node_families import NODE, NODES
from slurm_exporter.demo.partition_families import PARTITION, PARTITIONS
from slurm_exporter.demo.scheduler_families import SCHEDULER

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.demo.controller import Controller
    from slurm_exporter.demo.counts import Rows


class Section(NamedTuple):
    """Families that share their rows; without a ``label`` there is one row."""

    families: tuple[Family, ...]
    label: str
    rows: Callable[[Controller], Rows]


ENDPOINTS = {
    "jobs": (Section(JOBS, "", counts.jobs),),
    "nodes": (
        Section(NODE, "node", counts.nodes),
        Section(NODES, "", counts.node_states),
    ),
    "partitions": (
        Section(PARTITIONS, "", counts.partition_total),
        Section(PARTITION, "partition", counts.partitions),
    ),
    "jobs-users-accts": (
        Section(USER_JOBS, "username", counts.users),
        Section(ACCOUNT_JOBS, "account", counts.accounts),
    ),
    "scheduler": (Section(SCHEDULER, "", counts.scheduler),),
}


def answer(endpoint: str, controller: Controller) -> str:
    """Write what ``endpoint`` (a key of ``ENDPOINTS``) says of jobs and nodes at this moment."""
    return "".join(
        text
        for section in ENDPOINTS[endpoint]
        for text in render(section.families, section.label, section.rows(controller))
    )
