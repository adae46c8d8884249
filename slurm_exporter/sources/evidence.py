"""What slurmctld's answers tell about slurmctld itself, where they do not say it in words."""

from __future__ import annotations

from dataclasses import dataclass
from functools import reduce
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from slurm_exporter.exposition import Family

WRAPS = 1 << 16
"""What a sum of CPUs loses, again and again, where slurmctld keeps it in 16 bits."""

_MOST = 1 << 26
"""As MiB these are 64 TiB, and no node has so much memory."""

_LEAST = 1 << 20
"""As bytes these are one MiB, and Slurm knows no node with less."""

# Memory, and the family that counts the nodes that it is in; None where each row is a node.
_TOTALS = {
    "slurm_node_memory_bytes": None,
    "slurm_partition_nodes_mem_tot": "slurm_partition_nodes",
}
_SHARES = {
    "slurm_node_memory_free_bytes": None,
    "slurm_partition_nodes_mem_free": "slurm_partition_nodes",
    "slurm_jobs_memory_alloc": "slurm_jobs_nodes_alloc",
    "slurm_user_jobs_memory_alloc": "slurm_user_jobs_nodes_alloc",
    "slurm_account_jobs_memory_alloc": "slurm_account_jobs_nodes_alloc",
}

MEMORY = frozenset(
    {
        *_TOTALS,
        *_SHARES,
        "slurm_node_memory_alloc_bytes",
        "slurm_node_memory_effective_bytes",
        "slurm_partition_jobs_memory_alloc",
        "slurm_partition_nodes_mem_alloc",
        "slurm_partition_nodes_mem_avail",
    }
)
"""Families of an amount of memory."""

CPU_SUMS_OF_JOBS = frozenset(
    {"slurm_jobs_cpus_alloc", "slurm_user_jobs_cpus_alloc", "slurm_account_jobs_cpus_alloc"}
)
"""Families of CPUs that slurmctld adds up in the same variable."""

CPU_SUMS = CPU_SUMS_OF_JOBS | {"slurm_partition_jobs_cpus_alloc"}
"""Families of the CPUs of jobs."""

GPUS = frozenset(
    {
        "slurm_node_gpus",
        "slurm_partition_gpus",
        "slurm_partition_jobs_gpus_alloc",
        "slurm_jobs_gpus_alloc",
        "slurm_user_jobs_gpus_alloc",
        "slurm_account_jobs_gpus_alloc",
    }
)
"""Families of GPUs that are 0 where ``AccountingStorageTRES`` does not name ``gres/gpu``."""


@dataclass(frozen=True, slots=True)
class Evidence:
    """What answers prove.

    Attributes:
        in_bytes: whether memory is in bytes and not in MiB; None when nothing says which.
        large: whether the cluster has so many CPUs that 16 bits cannot hold them.
        wide: the sums of CPUs that have been seen to be more than 16 bits can hold.
        counts_gpus: whether GPUs are accounted for.
    """

    in_bytes: bool | None = None
    large: bool = False
    wide: frozenset[str] = frozenset()
    counts_gpus: bool = False

    @staticmethod
    def of(families: Iterable[Family]) -> Evidence:
        """Return what one answer proves."""
        found = {family.name: family for family in families}
        return Evidence(
            in_bytes=_in_bytes(found),
            large=_cpus(found) >= WRAPS,
            wide=frozenset(
                name for name in CPU_SUMS if max(_numbers(found, name), default=0) >= WRAPS
            ),
            counts_gpus=any(
                row[-1] != "0" for name in GPUS & found.keys() for row in found[name].rows
            ),
        )

    def after(self, before: Evidence) -> Evidence:
        """Return it together with what the same endpoint has proved before, and still holds."""
        return Evidence(self.in_bytes, self.large, self.wide | before.wide, self.counts_gpus)

    def beside(self, others: Iterable[Evidence]) -> Evidence:
        """Return it together with what other endpoints prove; its own word on bytes counts more."""
        return reduce(Evidence._and, others, self)

    def _and(self, other: Evidence) -> Evidence:
        return Evidence(
            other.in_bytes if self.in_bytes is None else self.in_bytes,
            self.large or other.large,
            self.wide | other.wide,
            self.counts_gpus or other.counts_gpus,
        )


def number(row: tuple[str, ...]) -> int | None:
    """Return a row's number; None when it is none of those that slurmctld counts."""
    return int(row[-1]) if row[-1].isdecimal() else None


def _in_bytes(found: Mapping[str, Family]) -> bool | None:
    """Judge by the average per node, which stays what it is however many nodes there are."""
    total = max(_average(found, name, nodes) for name, nodes in _TOTALS.items())
    if 0 < total < _LEAST:
        return False
    shares = (_average(found, name, nodes) for name, nodes in _SHARES.items())
    if total >= _MOST or any(share >= _MOST for share in shares):
        return True
    # Jobs may have any little of a node's memory, and prove nothing with it.
    return False if total else None


def _average(found: Mapping[str, Family], name: str, nodes: str | None) -> float:
    numbers = _numbers(found, name)
    count = sum(map(bool, numbers)) if nodes is None else sum(_numbers(found, nodes))
    return sum(numbers) / count if count else 0.0


def _cpus(found: Mapping[str, Family]) -> int:
    """Return how many CPUs the cluster has at least."""
    nodes, partitions = (_numbers(found, f"slurm_{of}_cpus") for of in ("node", "partition"))
    return max(sum(nodes), *partitions, 0)


def _numbers(found: Mapping[str, Family], name: str) -> list[int]:
    texts = [row[-1] for row in found[name].rows] if name in found else []
    return [int(text) for text in texts if text.isdecimal()]
