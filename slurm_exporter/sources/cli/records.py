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


class Node(NamedTuple):
    """A node.

    Attributes:
        name: the node's name in Slurm.
        state: the base state, such as ``IDLE`` or ``MIXED``.
        flags: what else is said of the state, such as ``DRAIN``.
        partitions: those that it belongs to.
        cpus: all of them.
        cpus_effective: those that are not kept for the system; all, where Slurm does not say.
        cpus_alloc: those that jobs have.
        load: the load average; None of a node that has never answered.
        memory: bytes.
        memory_effective: bytes that are not kept for the system.
        memory_alloc: bytes that jobs have.
        memory_free: bytes that its system calls free; None of a node that has never answered.
        gpus: those it is configured with.
        gpus_alloc: those that jobs have; None where Slurm does not say.
        reason: why it is drained or down; empty without a reason.
        reason_user: who said so; empty where nobody is named.
        reason_since: unix time.
    """

    name: str
    state: str
    flags: frozenset[str]
    partitions: tuple[str, ...]
    cpus: int
    cpus_effective: int
    cpus_alloc: int
    load: float | None
    memory: int
    memory_effective: int
    memory_alloc: int
    memory_free: int | None
    gpus: Gpus
    gpus_alloc: Gpus | None
    reason: str
    reason_user: str
    reason_since: int | None


class Partition(NamedTuple):
    """A partition.

    Attributes:
        name: its name.
        cpus: all CPUs of its nodes.
        nodes: how many nodes it has.
    """

    name: str
    cpus: int
    nodes: int
