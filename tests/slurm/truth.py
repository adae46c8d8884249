"""An independent count of a cluster: Slurm's JSON, and other commands than the exporter asks.

``squeue --json`` tells of jobs in every release; ``scontrol show node --json`` of nodes, except in
22.05, where it has one line for each node.  Nothing of the exporter is used to read them.
"""

from __future__ import annotations

import json
import re
from collections import defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from tests.slurm import tree
from tests.slurm.exporter import Series, series

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

    from tests.slurm.cluster import SlurmCluster

MEBIBYTE = 2**20

Count = dict[Series, float]

ENDED = {
    "BOOT_FAIL": "bootfail",
    "CANCELLED": "cancelled",
    "COMPLETED": "completed",
    "DEADLINE": "deadline",
    "FAILED": "failed",
    "NODE_FAIL": "node_failed",
    "OUT_OF_MEMORY": "outofmemory",
    "PREEMPTED": "preempted",
    "TIMEOUT": "timeout",
}
NODE_STATES = {
    "ALLOCATED": "alloc",
    "CLOUD": "cloud",
    "COMPLETING": "completing",
    "DOWN": "down",
    "FAIL": "fail",
    "FUTURE": "future",
    "IDLE": "idle",
    "MAINTENANCE": "maint",
    "MIXED": "mixed",
    "NOT_RESPONDING": "noresp",
    "PLANNED": "planned",
    "POWERED_DOWN": "powered_down",
    "POWERING_DOWN": "powering_down",
    "POWERING_UP": "powering_up",
    "POWER_DOWN": "power_down",
    "REBOOT_ISSUED": "reboot_issued",
    "REBOOT_REQUESTED": "reboot_req",
    "RESERVED": "resv",
    "UNKNOWN": "unknown",
}
OTHERWISE_OF_PARTITIONS = {
    "completing": "cg",
    "noresp": "no_resp",
    "reboot_req": "reboot_requested",
}


@dataclass(frozen=True, slots=True)
class Job:
    """What counts of a job.  Memory is in bytes."""

    state: str
    tasks: int
    held: bool
    configuring: bool
    user: str
    account: str
    partitions: tuple[str, ...]
    cpus: int
    memory: int
    gpus: int
    nodes: frozenset[str]


@dataclass(frozen=True, slots=True)
class Node:
    """What counts of a node.  Memory is in bytes; ``free`` is None where nobody knows."""

    name: str
    states: frozenset[str]
    partitions: tuple[str, ...]
    cpus: int
    effective: int
    alloc: int
    memory: int
    memory_effective: int
    memory_alloc: int
    free: int | None
    gpus: int
    gpus_alloc: int


def count(cluster: SlurmCluster) -> dict[str, Count]:
    """Count a cluster; return what each endpoint must say, by the endpoint's name."""
    jobs, nodes = read_jobs(cluster), read_nodes(cluster)
    idle = idle_cpus(cluster)
    listed = cluster.run(["sinfo", "--all", "--noheader", "--format=%R"]).splitlines()
    partitions = sorted(set(listed))
    users = {job.user for job in jobs}
    accounts = {job.account for job in jobs}
    return {
        "jobs": of_jobs("slurm_jobs", jobs),
        "jobs-users-accts": {
            **_each("slurm_user_jobs", "username", users, jobs, lambda job: (job.user,)),
            **_each("slurm_account_jobs", "account", accounts, jobs, lambda job: (job.account,)),
        },
        "nodes": of_nodes(nodes, idle),
        "partitions": {
            **_each("slurm_partition_jobs", "partition", partitions, jobs, _partitions),
            **of_partitions(partitions, nodes, idle),
        },
    }


def of_jobs(prefix: str, jobs: Iterable[Job], **labels: str) -> Count:
    """Count jobs into families that begin with ``prefix``."""
    jobs = list(jobs)
    active = [job for job in jobs if job.state in {"RUNNING", "SUSPENDED"}]

    def tasks(test: Callable[[Job], bool]) -> int:
        return sum(job.tasks for job in jobs if test(job))

    numbers = {
        **{suffix: tasks(lambda job, s=state: job.state == s) for state, suffix in ENDED.items()},
        "pending": tasks(lambda job: job.state == "PENDING"),
        "running": tasks(lambda job: job.state == "RUNNING"),
        "suspended": tasks(lambda job: job.state == "SUSPENDED"),
        "hold": tasks(lambda job: job.held and job.state == "PENDING"),
        "started": tasks(lambda job: job.state != "PENDING"),
        "finished": tasks(lambda job: job.state in ENDED),
        "configuring": tasks(lambda job: job.configuring),
        "cpus_alloc": sum(job.cpus for job in active),
        "memory_alloc": sum(job.memory for job in active),
        "gpus_alloc": sum(job.gpus for job in active),
    }
    if "partition" in labels:
        numbers[""] = tasks(lambda job: job.state not in ENDED)
    else:
        numbers[""] = tasks(lambda _: True)
        numbers["nodes_alloc"] = len({node for job in active for node in job.nodes})
    return {
        series(f"{prefix}_{suffix}".rstrip("_"), **labels): number
        for suffix, number in numbers.items()
    }


def of_nodes(nodes: Iterable[Node], idle: dict[str, int]) -> Count:
    """Count all nodes and what each of them has."""
    nodes = list(nodes)
    states = _states(nodes)
    counts = {series("slurm_nodes"): float(len(nodes))}
    counts |= {series(f"slurm_nodes_{suffix}"): number for suffix, number in states.items()}
    for node in nodes:
        numbers = {
            "cpus": node.cpus,
            "cpus_alloc": node.alloc,
            "cpus_effective": node.effective,
            "cpus_idle": idle.get(node.name, 0),
            "gpus": node.gpus,
            "gpus_alloc": node.gpus_alloc,
            "memory_bytes": node.memory,
            "memory_effective_bytes": node.memory_effective,
            "memory_alloc_bytes": node.memory_alloc,
            "memory_free_bytes": node.free,
        }
        counts |= {
            series(f"slurm_node_{suffix}", node=node.name): number
            for suffix, number in numbers.items()
            if number is not None
        }
    return counts


def of_partitions(names: Iterable[str], nodes: Iterable[Node], idle: dict[str, int]) -> Count:
    """Count the nodes of each partition."""
    names, nodes = list(names), list(nodes)
    counts = {series("slurm_partitions"): float(len(names))}
    for name in names:
        mine = [node for node in nodes if name in node.partitions]
        # Nodes of a later day are in a partition and not of it.
        here = [node for node in mine if "FUTURE" not in node.states]
        numbers = {
            "nodes": len(here),
            "cpus": sum(node.cpus for node in here),
            "gpus": sum(node.gpus for node in mine),
            "nodes_cpus_efctv": sum(node.effective for node in mine),
            "nodes_cpus_alloc": sum(node.alloc for node in mine),
            "nodes_cpus_idle": sum(idle.get(node.name, 0) for node in mine),
            "nodes_mem_tot": sum(node.memory for node in mine),
            "nodes_mem_avail": sum(node.memory_effective for node in mine),
            "nodes_mem_alloc": sum(node.memory_alloc for node in mine),
            "nodes_mem_free": sum(node.free or 0 for node in mine),
            **{
                f"nodes_{OTHERWISE_OF_PARTITIONS.get(suffix, suffix)}": number
                for suffix, number in _states(mine).items()
            },
        }
        counts |= {
            series(f"slurm_partition_{suffix}", partition=name): number
            for suffix, number in numbers.items()
        }
    return counts


def read_jobs(cluster: SlurmCluster) -> list[Job]:
    """Read all jobs."""
    told = json.loads(cluster.run(["squeue", "--all", "--states=all", "--json"]))
    # By squeue's own filter: in JSON, only later releases say RUNNING and CONFIGURING at once.
    options = ("--all", "--noheader", "--states=CONFIGURING", "--format=%A")
    configuring = cluster.run(["squeue", *options]).split()
    return [_job(job, str(job["job_id"]) in configuring) for job in told["jobs"]]


def read_nodes(cluster: SlurmCluster) -> list[Node]:
    """Read all nodes."""
    scontrol = ["scontrol", "--all", "--future", "--details"]
    if cluster.release == tree.OLDEST:
        lines = cluster.run([*scontrol, "--oneliner", "show", "node"]).splitlines()
        return [_node_of_line(line) for line in lines if line.startswith("NodeName=")]
    told = json.loads(cluster.run([*scontrol, "show", "node", "--json"]))
    return [_node(node) for node in told["nodes"]]


def idle_cpus(cluster: SlurmCluster) -> dict[str, int]:
    """Read from sinfo's words how many CPUs of each node are idle and could be given to a job."""
    listed = cluster.run(["sinfo", "--all", "--Node", "--noheader", "--format=%N|%C|%T"])
    idle = {}
    for line in listed.splitlines():
        name, cpus, word = line.split("|")
        usable = word.rstrip("~#!%$@^-+") in {"allocated", "idle", "maint", "mixed", "planned"}
        idle[name] = int(cpus.split("/")[1]) if usable else 0
    return idle


def _each(
    prefix: str,
    label: str,
    values: Iterable[str],
    jobs: list[Job],
    labels_of: Callable[[Job], tuple[str, ...]],
) -> Count:
    groups: dict[str, list[Job]] = defaultdict(list)
    for job in jobs:
        for value in labels_of(job):
            groups[value].append(job)
    counts: Count = {}
    for value in values:
        counts |= of_jobs(prefix, groups[value], **{label: value})
    return counts


def _partitions(job: Job) -> tuple[str, ...]:
    return job.partitions


def _states(nodes: list[Node]) -> dict[str, int]:
    busy = {"ALLOCATED", "MIXED"}
    drain = [node for node in nodes if "DRAIN" in node.states]
    draining = sum(1 for node in drain if node.states & busy)
    return {
        **{
            suffix: sum(1 for node in nodes if state in node.states)
            for state, suffix in NODE_STATES.items()
        },
        "drain": len(drain) - draining,
        "drained": len(drain) - draining,
        "draining": draining,
    }


def _number(value: Any) -> int:
    """Read a number: bare before 23.02, later beside whether it is set at all."""
    return int((value["number"] if isinstance(value, dict) else value) or 0)


def _job(job: dict[str, Any], configuring: bool) -> Job:
    state = job["job_state"]
    resources = job.get("job_resources") or {}
    if isinstance(state, list):
        nodes = (resources.get("nodes") or {}).get("allocation") or []
        names = [node["name"] for node in nodes]
        cpus = sum(node["cpus"]["count"] for node in nodes)
        memory = sum(node["memory"]["allocated"] for node in nodes)
    else:
        nodes = resources.get("allocated_nodes") or []
        names = [node["nodename"] for node in nodes]
        cpus = resources.get("allocated_cpus", 0)
        memory = sum(node["memory_allocated"] for node in nodes)
    return Job(
        state="RUNNING" if configuring else state[0] if isinstance(state, list) else state,
        tasks=_tasks(job["array_task_string"]),
        held=job["state_reason"] in {"JobHeldAdmin", "JobHeldUser"},
        configuring=configuring,
        user=job["user_name"],
        account=job["account"] or "",
        partitions=tuple(job["partition"].split(",")),
        cpus=cpus,
        memory=memory * MEBIBYTE,
        gpus=sum(map(_gpus, job["gres_detail"])),
        nodes=frozenset(names),
    )


def _tasks(text: str) -> int:
    """Count the tasks of an array that wait together: ``1,5-9:2%3`` is four."""
    total = 0
    for part in filter(None, text.partition("%")[0].split(",")):
        span, _, step = part.partition(":")
        first, _, last = span.partition("-")
        total += (int(last or first) - int(first)) // int(step or 1) + 1
    return total or 1


def _gpus(text: str) -> int:
    return sum(int(number) for number in re.findall(r"gpu(?::[^:(,]+)?:(\d+)", text or ""))


def _node(node: dict[str, Any]) -> Node:
    free = node["free_mem"]
    return Node(
        name=node["name"],
        states=frozenset(node["state"]),
        partitions=tuple(node["partitions"]),
        cpus=node["cpus"],
        effective=node["effective_cpus"],
        alloc=node["alloc_cpus"],
        memory=node["real_memory"] * MEBIBYTE,
        memory_effective=(node["real_memory"] - node["specialized_memory"]) * MEBIBYTE,
        memory_alloc=node["alloc_memory"] * MEBIBYTE,
        free=free["number"] * MEBIBYTE if free["set"] else None,
        gpus=_gpus(node["gres"]),
        gpus_alloc=_gpus(node["gres_used"]),
    )


def _node_of_line(line: str) -> Node:
    # Of a key that is there twice the first holds: somebody's reason may look like another one.
    words = dict(reversed(re.findall(r"(?:^| )(\w+)=(\S*)", line)))
    memory = int(words["RealMemory"]) * MEBIBYTE
    free = words["FreeMem"]
    return Node(
        name=words["NodeName"],
        states=frozenset(words["State"].split("+")),
        partitions=tuple(words.get("Partitions", "").split(",")),
        cpus=int(words["CPUTot"]),
        effective=int(words["CPUEfctv"]),
        alloc=int(words["CPUAlloc"]),
        memory=memory,
        memory_effective=memory,
        memory_alloc=int(words["AllocMem"]) * MEBIBYTE,
        free=int(free) * MEBIBYTE if free != "N/A" else None,
        gpus=_gpus(words["Gres"]),
        gpus_alloc=_gpus(words.get("GresUsed", "")),
    )
