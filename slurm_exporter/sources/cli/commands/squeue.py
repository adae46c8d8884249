"""All jobs that slurmctld has in memory: ``squeue``, one row for each job or waiting array."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli import values
from slurm_exporter.sources.cli.command import FIELD, Command, fields, table
from slurm_exporter.sources.cli.records import Job

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.command import Table
    from slurm_exporter.sources.cli.records import Gpus

_FIELDS = (
    "JobArrayID",
    "State",
    "Partition",
    "UserName",
    "NumCPUs",
    "NumNodes",
    "MaxNodes",
    "tres-alloc",
    "NodeList",
    "tres-per-job",
    "tres-per-node",
    "tres-per-socket",
    "tres-per-task",
    "SubmitTime",
    "EligibleTime",
    "StartTime",
    "EndTime",
    "Reason",
    "Account",  # last, for on many clusters any user writes here what he likes
)

_FORMAT = ",".join(f"{field}:{FIELD}" for field in _FIELDS[:-1]) + f",{_FIELDS[-1]}:{{mark}}"

# squeue shows one word, and for these the base state behind it is known.
_BASE = {
    "CONFIGURING": "RUNNING",
    "EXPEDITING": "PENDING",
    "LAUNCH_FAILED": "PENDING",
    "POWER_UP_NODE": "RUNNING",
    "RECONFIG_FAIL": "PENDING",
    "REQUEUED": "PENDING",
    "REQUEUE_FED": "PENDING",
    "REQUEUE_HOLD": "PENDING",
    "RESIZING": "RUNNING",
    "RESV_DEL_HOLD": "PENDING",
    "SIGNALING": "RUNNING",
    "SPECIAL_EXIT": "PENDING",
    "STOPPED": "RUNNING",
}


def _read(text: str, mark: str) -> Table[Job]:
    return table(fields(text, mark, len(_FIELDS)), _job)


def _job(row: list[str]) -> Job:
    job, state, partitions, user, cpus, min_nodes, max_nodes, tres, nodes, *rest = row
    *asked, submitted, eligible, started, ended, reason, account = rest
    base, flags = _state(state)
    return Job(
        id=job,
        tasks=values.tasks(job),
        state=base,
        flags=flags,
        partitions=_split(partitions),
        user=user,
        account=values.name(account),
        cpus=int(cpus),
        memory=values.mebibytes(values.tres(tres).get("mem", "0")),
        gpus=_gpus(tres, tuple(asked)),
        nodes=values.hosts(nodes),
        min_nodes=int(min_nodes),
        max_nodes=int(max_nodes),
        reason=reason,
        submitted=values.moment(submitted),
        eligible=values.moment(eligible),
        started=values.moment(started),
        ended=values.moment(ended),
    )


@lru_cache(maxsize=4096)
def _gpus(tres: str, asked: tuple[str, ...]) -> Gpus | None:
    """Return a job's GPUs; they are among its resources only where slurm.conf says so."""
    found = values.gpus(tres)
    return None if not found and any("gpu" in text for text in asked) else found


@lru_cache(maxsize=256)
def _state(word: str) -> tuple[str, frozenset[str]]:
    if word in _BASE:
        return _BASE[word], frozenset({word})
    return word, frozenset()


@lru_cache(maxsize=4096)
def _split(partitions: str) -> tuple[str, ...]:
    return tuple(partitions.split(","))


SQUEUE = Command(
    "squeue",
    ("--all", "--states=all", "--noheader", "--noconvert", f"--Format={_FORMAT}"),
    _read,
    may_be_empty=True,
)
