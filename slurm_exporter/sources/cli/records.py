"""What Slurm's commands tell, whatever their texts look like: one record per job, node and so on.

Units are base units: bytes, seconds, unix time.  What a command does not know is None.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import NamedTuple

Gpus = Mapping[str, int]
"""GPUs by model; those of no known model are under the empty name."""


class Job(NamedTuple):
    """A job, a task of an array, or the tasks of an array that still wait together.

    Attributes:
        id: as squeue prints it, such as ``7``, ``7_3``, ``7_[4-9]`` or ``25+1``.
        tasks: how many tasks it stands for.
        state: the base state, such as ``RUNNING``; ``COMPLETING`` hides it and stands for it.
        flags: what else is said of the state, such as ``CONFIGURING``.
        partitions: where it runs, or all partitions where it may.
        user: the name of its owner.
        account: the account; empty without one.
        cpus: allocated, or asked for while it waits.
        memory: bytes, likewise.
        gpus: likewise; None when it asks for some and Slurm does not account for them.
        nodes: the names of allocated nodes.
        min_nodes: nodes it was given or needs.
        max_nodes: the largest number it would take.
        reason: why it waits, or why it ended.
        submitted: unix time.
        eligible: unix time from which it could have started.
        started: unix time; of a waiting job, when Slurm expects it to start.
        ended: unix time; of a running job, when its time is over.
    """

    id: str
    tasks: int
    state: str
    flags: frozenset[str]
    partitions: tuple[str, ...]
    user: str
    account: str
    cpus: int
    memory: int
    gpus: Gpus | None
    nodes: tuple[str, ...]
    min_nodes: int
    max_nodes: int
    reason: str
    submitted: int | None
    eligible: int | None
    started: int | None
    ended: int | None


FINAL_STATES = (
    "BOOT_FAIL",
    "CANCELLED",
    "COMPLETED",
    "DEADLINE",
    "FAILED",
    "NODE_FAIL",
    "OUT_OF_MEMORY",
    "PREEMPTED",
    "TIMEOUT",
)
"""Slurm's words for how a run of a job can end."""


class Ended(NamedTuple):
    """A run of a job that has ended, or the tasks of an array that were cancelled together.

    A job that was requeued has one for each time that it ran.

    Attributes:
        id: slurmdbd's number, which no other run has.
        tasks: how many tasks it stands for.
        state: how it ended; one of ``FINAL_STATES`` unless Slurm has learned more of them.
        partition: where it ran; the first it could have run in, when it never did.
        user: the name of its owner.
        account: the account; empty without one.
        ended: unix time.
        waited: seconds from being ready to its start; None when it never started.
        ran: seconds, without those that it was suspended for.
        cpu_seconds: allocated CPUs, each for the time that it ran.
        gpu_seconds: likewise.
    """

    id: int
    tasks: int
    state: str
    partition: str
    user: str
    account: str
    ended: int | None
    waited: int | None
    ran: int
    cpu_seconds: int
    gpu_seconds: int
