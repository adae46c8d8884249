"""What is told of partitions: their jobs and their nodes."""

from __future__ import annotations

from slurm_exporter.demo.family import Family
from slurm_exporter.demo.job_families import JOB_HELP
from slurm_exporter.demo.node_families import NODE_HELP

_OF = " of the partition"


def _jobs(*ends: str) -> tuple[Family, ...]:
    return tuple(
        Family(
            f"slurm_partition_jobs_{end}",
            JOB_HELP[end].format(jobs=f"Jobs{_OF}", of=_OF),
            f"jobs_{end}",
        )
        for end in ends
    )


def _nodes(*ends: str) -> tuple[Family, ...]:
    return tuple(_node_state(end, end) for end in ends)


def _node_state(end: str, state: str) -> Family:
    text = NODE_HELP[state].format(nodes=f"Nodes{_OF}")
    return Family(f"slurm_partition_nodes_{end}", text, f"nodes_{state}")


PARTITIONS = (Family("slurm_partitions", "Partitions in the cluster", "partitions"),)

_JOBS = (
    Family(
        "slurm_partition_jobs",
        "Jobs of the partition that have not ended or are completing, a waiting array as one",
        "jobs_unfinished",
    ),
    *_jobs("bootfail", "cancelled", "completed", "completing", "configuring", "cpus_alloc"),
    *_jobs("gpus_alloc", "deadline", "expediting", "failed", "fed_requeued", "finished", "hold"),
    Family(
        "slurm_partition_jobs_max_job_nodes",
        "The most nodes that any one pending job of the partition would take",
        "jobs_job_nodes",
    ),
    Family(
        "slurm_partition_jobs_max_job_nodes_nohold",
        "The most nodes that any one pending job of the partition would take, held jobs left out",
        "jobs_job_nodes_nohold",
    ),
    *_jobs("memory_alloc"),
    Family(
        "slurm_partition_jobs_min_job_nodes",
        "The most nodes that any one pending job of the partition cannot do without",
        "jobs_job_nodes",
    ),
    Family(
        "slurm_partition_jobs_min_job_nodes_nohold",
        "The most nodes that any one pending job of the partition cannot do without, held jobs"
        " left out",
        "jobs_job_nodes_nohold",
    ),
    *_jobs("node_failed", "outofmemory", "pending", "powerup_node", "preempted", "requeued"),
    *_jobs("resizing", "revoked", "running", "signaling", "stageout", "started", "suspended"),
    *_jobs("timeout", "wait_part_node_limit"),
)

_NODES = (
    *_nodes("alloc", "blocked"),
    _node_state("cg", "completing"),
    *_nodes("cloud"),
    Family(
        "slurm_partition_nodes_cpus_efctv",
        "CPUs of the partition's nodes that jobs can get",
        "nodes_cpus_effective",
    ),
    Family(
        "slurm_partition_nodes_cpus_idle",
        "CPUs of the partition's nodes that no job has",
        "nodes_cpus_idle",
    ),
    Family(
        "slurm_partition_nodes_cpus_alloc",
        "CPUs of the partition's nodes allocated to jobs, of whatever partition",
        "nodes_cpus_alloc",
    ),
    *_nodes("down", "drain", "drained", "draining", "dyn_future", "dyn_normal", "external"),
    *_nodes("fail", "future", "idle", "invalid_reg", "maint"),
    Family(
        "slurm_partition_nodes_mem_alloc",
        "Memory of the partition's nodes allocated to jobs, of whatever partition, in MiB",
        "nodes_memory_alloc",
    ),
    Family(
        "slurm_partition_nodes_mem_avail",
        "Memory of the partition's nodes that jobs can get, in MiB",
        "nodes_memory_effective",
    ),
    Family(
        "slurm_partition_nodes_mem_free",
        "Memory that the operating systems of the partition's nodes call free, in MiB",
        "nodes_memory_free",
    ),
    Family(
        "slurm_partition_nodes_mem_tot",
        "Memory that the partition's nodes have, in MiB",
        "nodes_memory",
    ),
    *_nodes("mixed"),
    _node_state("no_resp", "noresp"),
    *_nodes("planned", "power_down", "power_up", "powered_down", "powering_down", "powering_up"),
    *_nodes("reboot_issued"),
    _node_state("reboot_requested", "reboot_req"),
    *_nodes("resv", "unknown"),
)

PARTITION = (
    *_JOBS,
    *_NODES,
    Family("slurm_partition_cpus", "CPUs that the partition's nodes have", "nodes_cpus"),
    Family("slurm_partition_gpus", "GPUs that the partition's nodes have", "nodes_gpus"),
    Family("slurm_partition_nodes", "Nodes in the partition", "nodes_total"),
)
