"""The endpoint ``partitions``: the jobs and the nodes of each partition."""

from __future__ import annotations

from functools import lru_cache
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.families.capacity import STATES, by_partition, idle_cpus, sums
from slurm_exporter.sources.cli.families.statistics import FINISHED, HELD, Tally
from slurm_exporter.sources.cli.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.metric import Labels
    from slurm_exporter.sources.cli.records import Job, Node, Partition


def _metric(suffix: str, text: str) -> Metric:
    return Metric(f"slurm_partition{suffix}", text, ("partition",))


_COUNT = Metric("slurm_partitions", "Partitions, hidden ones included.")
_NODES = _metric("_nodes", "Nodes of a partition.")
_CPUS = _metric("_cpus", "CPUs of a partition.")
_SUMS: tuple[tuple[Metric, Callable[[Node], int]], ...] = (
    (
        _metric("_gpus", "GPUs that a partition's nodes are configured with."),
        lambda node: sum(node.gpus.values()),
    ),
    (
        _metric("_nodes_cpus_efctv", "CPUs of its nodes that jobs can have."),
        lambda node: node.cpus_effective,
    ),
    (
        _metric("_nodes_cpus_alloc", "CPUs of its nodes that jobs of any partition have."),
        lambda node: node.cpus_alloc,
    ),
    (
        _metric("_nodes_cpus_idle", "CPUs of its nodes that jobs could have now."),
        idle_cpus,
    ),
    (
        _metric("_nodes_mem_tot", "Memory of its nodes, in bytes."),
        lambda node: node.memory,
    ),
    (
        _metric("_nodes_mem_avail", "Memory of its nodes that jobs can have, in bytes."),
        lambda node: node.memory_effective,
    ),
    (
        _metric("_nodes_mem_alloc", "Memory of its nodes that jobs have, in bytes."),
        lambda node: node.memory_alloc,
    ),
    (
        _metric("_nodes_mem_free", "Memory that its nodes' systems call free, in bytes."),
        lambda node: node.memory_free or 0,
    ),
)
_STATES = tuple(
    (_metric(f"_nodes_{one.of_partition}", f"{one.help[:-1]}, of a partition."), one.counts)
    for one in STATES
)
_JOBS = Tally("slurm_partition_jobs", "partition", without=frozenset({"", "_nodes_alloc"}))
_UNFINISHED = _metric("_jobs", "Jobs of a partition that wait, run, or are cleaned up after.")
_TOO_LARGE = _metric(
    "_jobs_wait_part_node_limit", "Jobs that wait because they want more nodes than they may."
)
_MOST_NODES = _metric(
    "_jobs_max_job_nodes", "Largest number of nodes that a waiting job would take."
)
_MOST_NODES_NOHOLD = _metric("_jobs_max_job_nodes_nohold", "The same without held jobs.")
_LEAST_NODES = _metric("_jobs_min_job_nodes", "Largest number of nodes that a waiting job needs.")
_LEAST_NODES_NOHOLD = _metric("_jobs_min_job_nodes_nohold", "The same without held jobs.")

METRICS = (
    _COUNT,
    _NODES,
    _CPUS,
    *(metric for metric, _ in (*_SUMS, *_STATES)),
    _UNFINISHED,
    *_JOBS.metrics,
    _TOO_LARGE,
    _MOST_NODES,
    _MOST_NODES_NOHOLD,
    _LEAST_NODES,
    _LEAST_NODES_NOHOLD,
)


def families(
    jobs: Sequence[Job], nodes: Sequence[Node], partitions: Sequence[Partition]
) -> Iterator[Family]:
    """Count what each partition has; what belongs to several counts in each of them."""
    names = [partition.name for partition in partitions]
    yield _COUNT.single(len(names))
    yield _NODES.family(((one.name,), one.nodes) for one in partitions)
    yield _CPUS.family(((one.name,), one.cpus) for one in partitions)
    yield from _of_nodes(nodes, names)
    yield from _of_jobs(jobs, names)


def _of_nodes(nodes: Sequence[Node], names: list[str]) -> Iterator[Family]:
    groups = by_partition(nodes)
    for metric, amount in (*_SUMS, *_STATES):
        totals = sums(groups, amount)
        yield metric.family(((name,), totals[name]) for name in names)


def _of_jobs(jobs: Sequence[Job], names: list[str]) -> Iterator[Family]:
    yield from _JOBS.families(jobs, _labels, known=[(name,) for name in names])
    yield _UNFINISHED.family(_tasks(filter(_unfinished, jobs), names))
    waiting = [job for job in jobs if job.state == "PENDING"]
    free = [job for job in waiting if job.reason not in HELD]
    too_large = (job for job in waiting if job.reason == "PartitionNodeLimit")
    yield _TOO_LARGE.family(_tasks(too_large, names))
    yield _MOST_NODES.family(_largest(waiting, _most_nodes, names))
    yield _MOST_NODES_NOHOLD.family(_largest(free, _most_nodes, names))
    yield _LEAST_NODES.family(_largest(waiting, _least_nodes, names))
    yield _LEAST_NODES_NOHOLD.family(_largest(free, _least_nodes, names))


def _labels(job: Job) -> tuple[Labels, ...]:
    return _each(job.partitions)


@lru_cache(maxsize=4096)
def _each(partitions: tuple[str, ...]) -> tuple[Labels, ...]:
    return tuple((partition,) for partition in partitions)


def _unfinished(job: Job) -> bool:
    return job.state not in FINISHED or job.state == "COMPLETING"


def _most_nodes(job: Job) -> int:
    return max(job.max_nodes, job.min_nodes)


def _least_nodes(job: Job) -> int:
    return job.min_nodes


def _tasks(jobs: Iterable[Job], names: list[str]) -> dict[Labels, int]:
    counts: dict[Labels, int] = {(name,): 0 for name in names}
    for job in jobs:
        for labels in _labels(job):
            counts[labels] = counts.get(labels, 0) + job.tasks
    return counts


def _largest(
    jobs: Iterable[Job], amount: Callable[[Job], int], names: list[str]
) -> dict[Labels, int]:
    most: dict[Labels, int] = {(name,): 0 for name in names}
    for job in jobs:
        for labels in _labels(job):
            most[labels] = max(most.get(labels, 0), amount(job))
    return most
