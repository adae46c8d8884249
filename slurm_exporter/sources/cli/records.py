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


class Rpcs(NamedTuple):
    """Requests to slurmctld of one type or by one user.

    Attributes:
        name: the type, such as ``REQUEST_PING``, or the user's name.
        calls: how many.
        seconds: how long slurmctld took for all of them together; 0 for those that wait.
    """

    name: str
    calls: int
    seconds: float


class Diagnostics(NamedTuple):
    """What slurmctld counts of its own work.

    Attributes:
        statistics: by slurmctld's name; counts, microseconds and unix times.
        by_type: requests since the statistics were reset.
        by_user: the same ones; one name can stand for several users that have none.
        pending: requests that wait, by type.
    """

    statistics: Mapping[str, int]
    by_type: tuple[Rpcs, ...]
    by_user: tuple[Rpcs, ...]
    pending: tuple[Rpcs, ...]
