"""A plain record of each kind, to be changed."""

from __future__ import annotations

from typing import Any

from slurm_exporter.sources.cli.records import Job, Node, Partition

JOB = Job(
    id="1",
    tasks=1,
    state="RUNNING",
    flags=frozenset(),
    partitions=("batch",),
    user="alice",
    account="physics",
    cpus=2,
    memory=2**30,
    gpus={},
    nodes=("n1",),
    min_nodes=1,
    max_nodes=1,
    reason="None",
    submitted=100,
    eligible=100,
    started=200,
    ended=300,
)
NODE = Node(
    name="n1",
    state="IDLE",
    flags=frozenset(),
    partitions=("batch",),
    cpus=8,
    cpus_effective=7,
    cpus_alloc=0,
    load=0.5,
    memory=16 * 2**30,
    memory_effective=15 * 2**30,
    memory_alloc=0,
    memory_free=12 * 2**30,
    gpus={},
    gpus_alloc={},
    reason="",
    reason_user="",
    reason_since=None,
)
PARTITION = Partition(name="batch", cpus=8, nodes=1)


def job(**changes: Any) -> Job:
    """A running job on one node, but for some changes."""
    return JOB._replace(**changes)


def waiting(**changes: Any) -> Job:
    """A job that waits, but for some changes."""
    waits = JOB._replace(state="PENDING", nodes=(), started=None, ended=None, reason="Resources")
    return waits._replace(**changes)
