"""What is told of jobs: of all of them, of each user's and of each account's."""

from __future__ import annotations

from slurm_exporter.demo.family import Family

_KEPT = "; counted until MinJobAge has passed"

JOB_HELP = {
    "bootfail": "{jobs} that ended because their nodes did not boot" + _KEPT,
    "cancelled": "{jobs} that a user or an administrator cancelled" + _KEPT,
    "completed": "{jobs} that ended by themselves with exit code 0" + _KEPT,
    "completing": "{jobs} that are over but whose nodes have not been cleaned up yet",
    "configuring": "{jobs} that have nodes and wait until these are ready; also in running",
    "cpus_alloc": "CPUs allocated to running and suspended jobs{of}",
    "deadline": "{jobs} that were ended because they could not meet their deadline" + _KEPT,
    "expediting": "{jobs} that were requeued to start again at once",
    "failed": "{jobs} that ended by themselves with another exit code than 0" + _KEPT,
    "fed_requeued": "{jobs} that were sent back to the queue by their federation",
    "finished": "{jobs} that have ended in whatever way" + _KEPT,
    "gpus_alloc": "GPUs allocated to running and suspended jobs{of}",
    "hold": "{jobs} that are held by their user or an administrator; also in pending",
    "memory_alloc": "Memory allocated to running and suspended jobs{of}, in MiB",
    "node_failed": "{jobs} that ended because one of their nodes failed" + _KEPT,
    "nodes_alloc": "Nodes allocated to running and suspended jobs{of}, each counted once",
    "outofmemory": "{jobs} that were ended because they used too much memory" + _KEPT,
    "pending": "{jobs} that wait, held ones included, each task of a waiting array counted",
    "powerup_node": "{jobs} that wait until their nodes have been powered up",
    "preempted": "{jobs} that had to make room for others" + _KEPT,
    "requeued": "{jobs} that were sent back to the queue and may not start again yet",
    "resizing": "{jobs} that are changing their size",
    "revoked": "{jobs} that run on another cluster of the federation",
    "running": "{jobs} that have been started and have not ended",
    "signaling": "{jobs} that are being sent a signal",
    "stageout": "{jobs} whose results are being copied out of a burst buffer",
    "started": "{jobs} that do not wait any more: running, suspended or ended" + _KEPT,
    "suspended": "{jobs} that have been started and are halted",
    "timeout": "{jobs} that reached their time limit" + _KEPT,
    "wait_part_node_limit": "{jobs} that ask for more nodes than one job may have there",
}
"""Help by the end of the name; ``{jobs}`` and ``{of}`` say whose jobs they are."""

_ORDER = (
    *("bootfail", "cancelled", "completed", "completing", "configuring", "cpus_alloc", "deadline"),
    *("expediting", "failed", "fed_requeued", "finished", "gpus_alloc", "hold", "", "memory_alloc"),
    *("node_failed", "nodes_alloc", "outofmemory", "pending", "powerup_node", "preempted"),
    *("requeued", "resizing", "revoked", "running", "signaling", "stageout", "started"),
    *("suspended", "timeout"),
)
"""The ends of the names in slurmctld's order; the empty one is the number of jobs."""


def _families(prefix: str, of: str, total: Family) -> tuple[Family, ...]:
    return tuple(
        Family(f"{prefix}_{end}", JOB_HELP[end].format(jobs=f"Jobs{of}", of=of), end)
        if end
        else total
        for end in _ORDER
    )


JOBS = _families(
    "slurm_jobs",
    "",
    Family("slurm_jobs", "Jobs in memory, each task of a waiting array counted", "tasks"),
)
USER_JOBS = _families(
    "slurm_user_jobs",
    " of the user",
    Family("slurm_user_jobs", "Jobs of the user in memory, a waiting array as one", "records"),
)
ACCOUNT_JOBS = _families(
    "slurm_account_jobs",
    " of the account",
    Family(
        "slurm_account_jobs", "Jobs of the account in memory, a waiting array as one", "records"
    ),
)
