"""What slurmctld's own metrics get wrong, made right as far as its answers allow, or left out.

A number is right on the page or absent from it.  All is decided by what the answers say, since
none of them names Slurm's release; ``docs/operations.md`` has the rules in words.  The mistakes
are those of 25.11 to 26.05, whose ``src/slurmctld/statistics.c`` counts and whose
``src/plugins/metrics/openmetrics/openmetrics.c`` prints.
"""

from __future__ import annotations

import threading
from dataclasses import replace
from functools import partial
from typing import TYPE_CHECKING

from slurm_exporter.sources.evidence import (
    CPU_SUMS,
    CPU_SUMS_OF_JOBS,
    GPUS,
    MEMORY,
    WRAPS,
    Evidence,
    number,
)

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping, Sequence

    from slurm_exporter.exposition import Family

_MIB = 20
"""How many bits a number moves from MiB to bytes."""

_FREE = "slurm_node_memory_free_bytes"
_PARTITIONS_JOBS = "slurm_partition_jobs"
_JOBS_OF_PARTITIONS = "slurm_partition_jobs_cpus_alloc"
_UNFINISHED = "Number of jobs in this partition that have not ended"

Families = dict[str, "Family"]
Labels = tuple[str, ...]


class Corrections:
    """Corrects the answers of one slurmctld; what one endpoint shows holds for the others too.

    Safe from any thread.
    """

    def __init__(self) -> None:
        self._lock = threading.Lock()
        self._evidence: dict[str, Evidence] = {}

    def context(self, endpoint: str) -> bytes:
        """Return a digest of what others know: with another, the same answer may mean another."""
        return b"%d" % hash(tuple(self._others(endpoint)))

    def applied(self, endpoint: str, families: Sequence[Family]) -> tuple[Family, ...]:
        """Return the families of an endpoint as they should be, none of them without rows."""
        others = self._others(endpoint)
        with self._lock:
            before = self._evidence.get(endpoint, Evidence())
        own = Evidence.of(families).after(before)
        with self._lock:
            self._evidence[endpoint] = own
        return corrected(families, own.beside(others))

    def _others(self, endpoint: str) -> list[Evidence]:
        with self._lock:
            return [known for name, known in sorted(self._evidence.items()) if name != endpoint]


def corrected(families: Iterable[Family], evidence: Evidence) -> tuple[Family, ...]:
    """Correct the families of one answer.

    Args:
        families: as slurmctld sent them; each name at most once.
        evidence: what is known of the slurmctld.

    Returns:
        The same families in the same order, without those of which nothing is left.
    """
    found = {family.name: family for family in families}
    for correct in (_meanings, _unknowns, _units, _totals, _partition_sums, _job_sums, _gpus):
        correct(found, evidence)
    return tuple(family for family in found.values() if family.rows)


def _meanings(found: Families, _: Evidence) -> None:
    """Leave out what does not count what its name says."""
    # These power down.  A slurmctld that has both names has been mended.
    if "slurm_nodes_powering_down" not in found:
        found.pop("slurm_nodes_powering_up", None)
    # Tests bits of a reason, which is a number and has none.
    found.pop("slurm_partition_jobs_wait_part_node_limit", None)


def _unknowns(found: Families, _: Evidence) -> None:
    """Leave out what slurmctld does not know and says to be 0."""
    free = found.get(_FREE)
    if free is not None:
        found[_FREE] = replace(free, rows=[row for row in free.rows if row[-1] != "0"])
    active = _active(found, "slurm_jobs").get((), 0)
    # Before 25.11.5 jobs ran on no nodes, with no CPUs and no memory.
    if active and not _numbers(found, "slurm_jobs_nodes_alloc").get((), 1):
        for what in ("cpus", "nodes", "memory"):
            found.pop(f"slurm_jobs_{what}_alloc", None)


def _units(found: Families, evidence: Evidence) -> None:
    if evidence.in_bytes:
        return
    for name in MEMORY & found.keys():
        rows = found[name].rows
        found[name] = replace(
            found[name],
            rows=[(*labels, str(int(text) << _MIB)) for *labels, text in rows if text.isdecimal()],
        )


def _totals(found: Families, _: Evidence) -> None:
    """Count each task of a pending array, as the other families do."""
    for prefix in ("slurm_user_jobs", "slurm_account_jobs"):
        _sum(found, prefix, {f"{prefix}_pending": 1, f"{prefix}_started": 1})
    parts = {"pending": 1, "started": 1, "finished": -1}
    _sum(found, _PARTITIONS_JOBS, {f"{_PARTITIONS_JOBS}_{part}": n for part, n in parts.items()})
    if _PARTITIONS_JOBS in found:
        found[_PARTITIONS_JOBS] = replace(found[_PARTITIONS_JOBS], help=_UNFINISHED)


def _sum(found: Families, name: str, parts: dict[str, int]) -> None:
    """Replace a family by a sum over others; rows of which a part is missing are left out."""
    if name not in found:
        return
    numbers = [(_numbers(found, part), factor) for part, factor in parts.items()]
    labels = [row[:-1] for row in found[name].rows]
    found[name] = replace(
        found[name],
        rows=[
            (*key, str(sum(known[key] * factor for known, factor in numbers)))
            for key in labels
            if all(key in known for known, _ in numbers)
        ],
    )


def _partition_sums(found: Families, evidence: Evidence) -> None:
    """Leave out sums of a large partition's CPUs that may have lost 65,536 or more.

    No partition has more effective CPUs than CPUs, and each of those is allocated or idle.
    """
    names = [f"slurm_partition_nodes_cpus_{what}" for what in ("efctv", "alloc", "idle")]
    cpus = _numbers(found, "slurm_partition_cpus")
    large = {key: number for key, number in cpus.items() if number >= WRAPS}
    if not large:
        return
    effective, allocated, idle = (_numbers(found, name) for name in names)
    whole = {
        key
        for key, number in large.items()
        if effective.get(key, 0) + WRAPS > number
        and allocated.get(key, 0) + idle.get(key, 0) == effective.get(key, 0)
    }
    for name in names:
        _keep(found, name, lambda key, _: key not in large or key in whole)
    if _JOBS_OF_PARTITIONS not in evidence.wide:
        _keep(found, _JOBS_OF_PARTITIONS, lambda key, _: key not in large)


def _job_sums(found: Families, evidence: Evidence) -> None:
    """Leave out sums of jobs' CPUs that have lost 65,536 or more, or may have."""
    if evidence.large and not evidence.wide & CPU_SUMS_OF_JOBS:
        for name in CPU_SUMS_OF_JOBS:
            found.pop(name, None)
    for name in CPU_SUMS & found.keys():
        # A job has at least one CPU.
        least = _active(found, name.removesuffix("_cpus_alloc"))
        _keep(found, name, partial(_at_least, least))


def _at_least(least: Mapping[Labels, int], key: Labels, number: int) -> bool:
    return number >= least.get(key, 0)


def _gpus(found: Families, evidence: Evidence) -> None:
    """Leave out GPUs that are all 0: there are none, or slurmctld does not account for them."""
    if not evidence.counts_gpus:
        for name in GPUS:
            found.pop(name, None)


def _active(found: Families, prefix: str) -> dict[Labels, int]:
    """Return how many jobs hold resources."""
    suspended = _numbers(found, f"{prefix}_suspended")
    running = _numbers(found, f"{prefix}_running")
    return {key: number + suspended.get(key, 0) for key, number in running.items()}


def _numbers(found: Families, name: str) -> dict[Labels, int]:
    """Return the numbers of a family by the values of its labels."""
    if name not in found:
        return {}
    return {row[:-1]: known for row in found[name].rows if (known := number(row)) is not None}


def _keep(found: Families, name: str, honest: Callable[[Labels, int], bool]) -> None:
    """Keep the rows of a family that are honest."""
    if name in found:
        rows = [
            row
            for row in found[name].rows
            if (known := number(row)) is not None and honest(row[:-1], known)
        ]
        found[name] = replace(found[name], rows=rows)
