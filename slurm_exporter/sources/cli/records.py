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
        id: Slurm's number, which no other record has.
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


class Share(NamedTuple):
    """What an account, or one user of it, may have of the cluster, and what it had.

    Attributes:
        account: its name.
        user: empty for the account as a whole.
        partition: where it holds; empty for all.
        shares: as the administrator gave them; None when the account's own count instead.
        norm_shares: their part of all (0-1).
        usage: seconds of CPUs, or of what the cluster bills for, which become fewer with age.
        norm_usage: its part of all usage (0-1).
        effective_usage: the same, as the fairshare algorithm sees it.
        fairshare: the factor in the priority of jobs (0-1); an account may have none.
        level: shares by usage among its like: above 1 it had too little; infinite without usage.
    """

    account: str
    user: str
    partition: str
    shares: float | None
    norm_shares: float | None
    usage: float | None
    norm_usage: float | None
    effective_usage: float | None
    fairshare: float | None
    level: float | None


class License(NamedTuple):
    """One license.

    Attributes:
        name: with its server, as in ``comsol@flexlm``, when slurmdbd knows it.
        total: how many there are for this cluster.
        used: how many of these jobs have.
        free: how many are left.
        reserved: how many are set aside by reservations.
        consumed: how many the server has given away, when it is remote and somebody tells Slurm.
        deficit: how many the server has less than Slurm thought, likewise.
        updated: unix time of both.
    """

    name: str
    total: int
    used: int
    free: int
    reserved: int
    consumed: int | None
    deficit: int | None
    updated: int | None


class Reservation(NamedTuple):
    """What is set aside for some, for a time.

    Attributes:
        name: its name.
        state: ``ACTIVE`` or ``INACTIVE``.
        users: who may use it, with commas; empty when accounts say so.
        accounts: likewise.
        partition: empty for none in particular.
        flags: such as ``MAINT``, with commas.
        start: unix time.
        end: unix time.
        nodes: how many.
        cores: how many.
    """

    name: str
    state: str
    users: str
    accounts: str
    partition: str
    flags: str
    start: int | None
    end: int | None
    nodes: int
    cores: int


class Controller(NamedTuple):
    """One host that slurmctld may run on.

    Attributes:
        host: its name in slurm.conf.
        role: ``primary``, ``backup`` or, of several, ``backup1`` and so on.
        up: whether it answers.
    """

    host: str
    role: str
    up: bool


class Limit(NamedTuple):
    """A limit that is set, and what is used of it now.

    Attributes:
        kind: what is limited, such as ``jobs`` or ``tres``.
        tres: which trackable resource, such as ``cpu`` or ``gres/gpu``; empty if it is no such.
        limit: bytes of memory, seconds, or a number; resources by time are in units times seconds.
        used: likewise.
    """

    kind: str
    tres: str
    limit: float
    used: float


class LimitOwner(NamedTuple):
    """What has limits.

    Attributes:
        scope: ``association``, ``qos``, or ``qos_account`` and ``qos_user`` for a member of a QoS.
        name: account, user and partition of an association, of which the last two may be empty;
            the QoS, and its member.
        limits: those that are set.
    """

    scope: str
    name: tuple[str, ...]
    limits: tuple[Limit, ...]


class Settings(NamedTuple):
    """What the cluster's configuration says.

    Attributes:
        enforced: what accounting enforces, such as ``limits``; Slurm counts no use of limits that
            it does not enforce.
    """

    enforced: frozenset[str]


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
