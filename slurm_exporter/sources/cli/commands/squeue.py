"""All jobs that slurmctld has in memory: ``squeue``, one row for each job or waiting array."""

from __future__ import annotations

import re
from functools import lru_cache
from sys import intern
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli import values
from slurm_exporter.sources.cli.command import FIELD, Command, fields, table
from slurm_exporter.sources.cli.records import Job

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.command import Table
    from slurm_exporter.sources.cli.records import Gpus

_FIELDS = (
    "JobID",
    "ArrayTaskID",
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

# GPUs that a job asks for, of whatever model; scripts ask for 0 of them too (``--gres=gpu:0``).
_SOME_GPUS = re.compile(r"(?:^|,)(?:gres[/:])?gpu(?=[:=,]|$)(?![^,]*[:=]0(?:,|$))")

# From 24.11 at the latest, tasks that wait for a reason of their own, since they were requeued or
# released by themselves perhaps, are in the row of the rest of their array, whose reason is first.
_REASONS = re.compile(r"(\w+)(?:,\w+)+")

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
    job, tasks, state, partitions, user, cpus, min_nodes, max_nodes, tres, nodes, *rest = row
    *asked, submitted, eligible, started, ended, reason, account = rest
    # Positional, for there may be a hundred thousand of them.
    return Job(
        job,
        values.tasks(tasks),
        *_state(state),
        _split(partitions),
        intern(user),
        intern(values.name(account)),
        int(cpus),
        *_resources(tres, *asked),
        values.hosts(nodes),
        int(min_nodes),
        int(max_nodes),
        _reason(reason),
        values.moment(submitted),
        values.moment(eligible),
        values.moment(started),
        values.moment(ended),
    )


@lru_cache(maxsize=4096)
def _resources(tres: str, *asked: str) -> tuple[int, Gpus | None]:
    """Return a job's memory and GPUs.

    GPUs are among its resources only where slurm.conf says so; else it is seen that some were
    asked for, and not how many.
    """
    gpus = values.gpus(tres)
    unknown = not gpus and any(map(_SOME_GPUS.search, asked))
    return values.mebibytes(values.tres(tres).get("mem", "0")), None if unknown else gpus


@lru_cache(maxsize=256)
def _state(word: str) -> tuple[str, frozenset[str]]:
    if word in _BASE:
        return _BASE[word], frozenset({word})
    return word, frozenset()


@lru_cache(maxsize=1024)
def _reason(text: str) -> str:
    match = _REASONS.fullmatch(text)
    return match[1] if match else text


@lru_cache(maxsize=4096)
def _split(partitions: str) -> tuple[str, ...]:
    return tuple(partitions.split(","))


SQUEUE = Command(
    "squeue",
    ("--all", "--local", "--states=all", "--noheader", "--noconvert", f"--Format={_FORMAT}"),
    _read,
    ending="{mark}\n",
    may_be_empty=True,
)
