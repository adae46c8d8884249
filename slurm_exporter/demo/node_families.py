"""What is told of nodes: the size and use of each, and how many are in which state."""

from __future__ import annotations

from slurm_exporter.demo.family import Family

NODE = (
    Family("slurm_node_cpus", "CPUs that the node has", "cpus"),
    Family("slurm_node_cpus_alloc", "CPUs of the node allocated to jobs", "cpus_alloc"),
    Family(
        "slurm_node_cpus_effective",
        "CPUs of the node that jobs can get; the rest is kept for the system",
        "cpus_effective",
    ),
    Family("slurm_node_cpus_idle", "CPUs of the node that no job has", "cpus_idle"),
    Family("slurm_node_gpus", "GPUs that the node has", "gpus"),
    Family("slurm_node_gpus_alloc", "GPUs of the node allocated to jobs", "gpus_alloc"),
    Family(
        "slurm_node_memory_alloc_bytes",
        "Memory of the node allocated to jobs, in MiB in spite of the name",
        "memory_alloc",
    ),
    Family(
        "slurm_node_memory_effective_bytes",
        "Memory of the node that jobs can get, in MiB in spite of the name",
        "memory_effective",
    ),
    Family(
        "slurm_node_memory_free_bytes",
        "Memory that the node's operating system calls free, in MiB in spite of the name",
        "memory_free",
    ),
    Family(
        "slurm_node_memory_bytes",
        "Memory that the node has, in MiB in spite of the name",
        "memory",
    ),
)

NODE_HELP = {
    "alloc": "{nodes} whose CPUs are all allocated",
    "blocked": "{nodes} kept free beside a job that has their part of the topology to itself",
    "completing": "{nodes} that are being cleaned up after a job",
    "cloud": "{nodes} that exist in a cloud only while they are needed",
    "down": "{nodes} that cannot be used",
    "drain": "{nodes} marked to take no new job, without those where one still runs",
    "drained": "{nodes} marked to take no new job on which none runs any more",
    "draining": "{nodes} marked to take no new job while their last ones run",
    "dyn_future": "{nodes} declared in advance that will register when they exist",
    "dyn_normal": "{nodes} that registered without being in the configuration",
    "external": "{nodes} that are managed outside this cluster",
    "fail": "{nodes} expected to fail soon, which take no new job",
    "future": "{nodes} that are configured but do not exist yet",
    "idle": "{nodes} on which nothing is allocated",
    "invalid_reg": "{nodes} that registered with less than was configured",
    "maint": "{nodes} in a maintenance reservation",
    "mixed": "{nodes} of which some CPUs are allocated and some are idle",
    "noresp": "{nodes} that do not answer",
    "planned": "{nodes} kept free by backfill for a job that needs more",
    "power_down": "{nodes} marked to be powered down",
    "power_up": "{nodes} marked to be powered up",
    "powered_down": "{nodes} that are powered down",
    "powering_down": "{nodes} that are being powered down",
    "powering_up": "{nodes} that are being powered up",
    "reboot_issued": "{nodes} that have been told to reboot",
    "reboot_req": "{nodes} that will be rebooted when their jobs have ended",
    "resv": "{nodes} in a reservation",
    "unknown": "{nodes} whose state slurmctld has not learnt yet",
}
"""Help by state; ``{nodes}`` says which nodes they are."""

# slurmctld tells of nodes that are being powered down for each partition only.
NODES = (
    Family("slurm_nodes", "Nodes in the cluster", "total"),
    *(
        Family(f"slurm_nodes_{state}", text.format(nodes="Nodes"), state)
        for state, text in NODE_HELP.items()
        if state != "powering_down"
    ),
)
