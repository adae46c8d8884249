"""Counting: from the jobs and nodes in memory to the rows that each endpoint answers with.

At any moment, as in real Slurm, these agree:

* Jobs: ``pending`` + ``running`` + ``finished`` = all tasks (``slurm_jobs``); ``started`` =
  ``running`` + ``finished``; the final states sum to ``finished``; ``hold`` is part of
  ``pending``, ``configuring`` of ``running``.
* Over partitions, over users and over accounts (those without one included): each job state, and
  the CPUs, memory and GPUs allocated, sum to the figure of ``slurm_jobs_*``. The number of jobs
  does not: ``slurm_user_jobs`` and ``slurm_account_jobs`` count records (a waiting array is one;
  the sums over users and over accounts are equal), ``slurm_jobs`` counts tasks, and
  ``slurm_partition_jobs`` leaves out what has finished, unless it is completing. Nor do the nodes
  allocated: jobs of several users can share a node, so the largest is a lower bound of the total
  and the sum an upper bound.
* Nodes: the base states ``alloc``, ``down``, ``idle``, ``mixed`` (``future`` and ``unknown`` stay
  0) sum to ``slurm_nodes``; allocated + idle CPUs of a node = its effective CPUs.
* CPUs, memory and GPUs allocated on all nodes sum to those allocated to all jobs. The nodes that
  jobs have allocated are those in ``alloc`` and ``mixed``.
* A partition's node figures are the sums over its nodes. Over all partitions they exceed the
  cluster's, since one partition lies over others.
* Scheduler: the reasons why cycles ended sum to the number of cycles; each mean is the sum
  divided by the cycles, rounded down.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from slurm_exporter.demo.inventory import PARTITIONS

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Mapping

    from slurm_exporter.demo.controller import Controller
    from slurm_exporter.demo.records import Job, Node

    Rows = list[tuple[str, Mapping[str, int]]]

_UNFINISHED = frozenset({"pending", "running"})


def jobs(controller: Controller) -> Rows:
    """Count all jobs: one row without a name."""
    return [("", _count_jobs(controller.jobs.values()))]


def users(controller: Controller) -> Rows:
    """Count the jobs of each user who has any."""
    return _count_groups(controller, lambda job: job.user.name)


def accounts(controller: Controller) -> Rows:
    """Count the jobs of each account that has any; the row without a name is of those without."""
    return _count_groups(controller, lambda job: job.account)


def nodes(controller: Controller) -> Rows:
    """Give the figures of each node."""
    return [(node.name, _measure(node)) for node in controller.nodes.values()]


def node_states(controller: Controller) -> Rows:
    """Count all nodes: one row without a name."""
    return [("", _count_nodes(controller.nodes.values()))]


def partition_total(_: Controller) -> Rows:
    """Count the partitions."""
    return [("", {"partitions": len(PARTITIONS)})]


def partitions(controller: Controller) -> Rows:
    """Count the jobs (``jobs_...``) and the nodes (``nodes_...``) of each partition."""
    groups = _group(controller.jobs.values(), lambda job: job.partition.name)
    return [
        (
            partition.name,
            _prefix("jobs_", _count_jobs(groups.get(partition.name, [])))
            | _prefix("nodes_", _count_nodes(controller.partition_nodes[partition.name])),
        )
        for partition in PARTITIONS
    ]


def scheduler(controller: Controller) -> Rows:
    """Give the scheduling statistics; the few that are not kept follow from jobs and nodes."""
    messages = [
        job for job in controller.jobs.values() if job.flags & {"completing", "configuring"}
    ]
    live = {
        "agent_cnt": len(messages),
        "agent_thread_cnt": sum(len(job.nodes) for job in messages),
        "agent_queue_size": sum("noresp" in node.flags for node in controller.nodes.values()),
        "server_thread_cnt": len(messages),
        "slurmdbd_queue_size": len(messages),
        "sched_stats_timestamp": controller.unix_time,
    }
    return [("", Counter({**controller.statistics, **controller.statistics.means(), **live}))]


def _count_groups(controller: Controller, name: Callable[[Job], str]) -> Rows:
    groups = _group(controller.jobs.values(), name)
    return [(group, _count_jobs(members)) for group, members in groups.items()]


def _group(members: Iterable[Job], name: Callable[[Job], str]) -> dict[str, list[Job]]:
    """Sort jobs by ``name``; the groups come in the order of their first jobs, as in Slurm."""
    groups: dict[str, list[Job]] = {}
    for job in members:
        groups.setdefault(name(job), []).append(job)
    return groups


def _count_jobs(members: Iterable[Job]) -> Counter[str]:
    counts: Counter[str] = Counter()
    busy: set[Node] = set()
    for job in members:
        for word in _words_for_job(job):
            counts[word] += job.tasks
        counts["records"] += 1
        counts["unfinished"] += job.state in _UNFINISHED or "completing" in job.flags
        if job.state == "running":
            busy.update(job.nodes)
            _add_allocation(counts, job)
        elif job.state == "pending":
            _add_demand(counts, job)
    counts["nodes_alloc"] = len(busy)
    return counts


def _words_for_job(job: Job) -> Iterator[str]:
    yield "tasks"
    yield job.state
    yield from job.flags
    if job.state != "pending":
        yield "started"
    if job.state not in _UNFINISHED:
        yield "finished"


def _add_allocation(counts: Counter[str], job: Job) -> None:
    shape = job.shape
    counts["cpus_alloc"] += shape.nodes * shape.cpus
    counts["gpus_alloc"] += shape.nodes * shape.gpus
    counts["memory_alloc"] += shape.nodes * shape.memory


def _add_demand(counts: Counter[str], job: Job) -> None:
    counts["job_nodes"] = max(counts["job_nodes"], job.shape.nodes)
    if "hold" not in job.flags:
        counts["job_nodes_nohold"] = max(counts["job_nodes_nohold"], job.shape.nodes)


def _count_nodes(members: Iterable[Node]) -> Counter[str]:
    counts: Counter[str] = Counter()
    for node in members:
        counts.update(_words_for_node(node))
        counts.update(_measure(node))
    return counts


def _words_for_node(node: Node) -> Iterator[str]:
    yield "total"
    yield node.base_state
    yield from node.flags - {"down", "drain"}
    if "drain" in node.flags:
        yield from ("draining",) if node.jobs else ("drain", "drained")
    if node.cleaning and node.base_state != "down":
        yield "completing"
    if node.planned and not node.jobs:
        yield "planned"


def _measure(node: Node) -> dict[str, int]:
    kind = node.kind
    return {
        "cpus": kind.cpus,
        "cpus_alloc": node.cpus_alloc,
        "cpus_effective": kind.cpus_effective,
        "cpus_idle": kind.cpus_effective - node.cpus_alloc,
        "gpus": kind.gpus,
        "gpus_alloc": node.gpus_alloc,
        "memory": kind.memory,
        "memory_alloc": node.memory_alloc,
        "memory_effective": kind.memory_effective,
        "memory_free": node.memory_free,
    }


def _prefix(prefix: str, counts: Counter[str]) -> Counter[str]:
    return Counter({prefix + word: number for word, number in counts.items()})
