"""The endpoint ``scheduler``: slurmctld's statistics, under its own names and in its own units."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.records import Diagnostics

_HELP = {
    "sched_stats_timestamp": "Unix time of these statistics.",
    "last_proc_req_start": "Unix time since when slurmctld counts: its start or the last reset.",
    "server_thread_cnt": "Threads of slurmctld that serve requests.",
    "agent_queue_size": "Messages to nodes that wait to be sent.",
    "agent_cnt": "Agents, each of which sends one message to its nodes.",
    "agent_thread_cnt": "Threads of all agents.",
    "slurmdbd_queue_size": "Messages to slurmdbd that wait to be sent.",
    "sdiag_jobs_submitted": "Jobs submitted since the last reset.",
    "sdiag_jobs_started": "Jobs started since the last reset.",
    "sdiag_jobs_completed": "Jobs completed since the last reset.",
    "sdiag_jobs_canceled": "Jobs cancelled since the last reset.",
    "sdiag_jobs_failed": "Jobs that slurmctld could not start since the last reset.",
    "sdiag_job_states_ts": "Unix time when pending and running jobs were counted.",
    "sdiag_jobs_pending": "Jobs that waited when they were counted.",
    "sdiag_jobs_running": "Jobs that ran when they were counted.",
    "sdiag_latency": "Microseconds that 1000 calls to gettimeofday() take.",
    "schedule_cycle_last": "Microseconds of the main scheduler's last cycle.",
    "schedule_cycle_max": "Microseconds of its longest cycle since the last reset.",
    "schedule_cycle_cnt": "Cycles of the main scheduler since the last reset.",
    "sched_mean_cycle": "Microseconds of the main scheduler's mean cycle, rounded down.",
    "sched_mean_depth_cycle": "Jobs that its mean cycle looked at, rounded down.",
    "schedule_queue_len": "Jobs in its queue in the last cycle.",
    "sched_exit_end": "Cycles of the main scheduler that came to the end of the queue.",
    "sched_exit_max_depth": "Cycles that ended at default_queue_depth.",
    "sched_exit_max_job_start": "Cycles that ended at sched_max_job_start.",
    "sched_exit_lic": "Cycles that ended for want of licenses.",
    "sched_exit_rpc_cnt": "Cycles that ended at max_rpc_cnt.",
    "sched_exit_timeout": "Cycles that ended at max_sched_time.",
    "bf_active": "Whether the backfill scheduler was at work when it was asked.",
    "backfilled_jobs": "Jobs started by backfill since slurmctld started.",
    "last_backfilled_jobs": "Jobs started by backfill since the last reset.",
    "backfilled_het_jobs": "Components of heterogeneous jobs started by backfill.",
    "bf_cycle_cnt": "Cycles of the backfill scheduler since the last reset.",
    "bf_when_last_cycle": "Unix time of its last cycle.",
    "bf_cycle_last": "Microseconds of its last cycle.",
    "bf_cycle_max": "Microseconds of its longest cycle since the last reset.",
    "bf_mean_cycle": "Microseconds of its mean cycle, rounded down.",
    "bf_last_depth": "Jobs that its last cycle looked at.",
    "bf_last_depth_try": "Jobs that its last cycle tried to start.",
    "bf_depth_mean": "Jobs that its mean cycle looked at, rounded down.",
    "bf_try_depth_mean": "Jobs that its mean cycle tried to start, rounded down.",
    "bf_queue_len": "Jobs in its queue in the last cycle.",
    "bf_queue_len_mean": "Jobs in its queue in the mean cycle, rounded down.",
    "bf_table_size": "Entries of its table of free nodes and times in the last cycle.",
    "bf_mean_table_sz": "Entries of that table in the mean cycle, rounded down.",
    "bf_exit_end": "Backfill cycles that came to the end of the queue.",
    "bf_exit_max_job_start": "Backfill cycles that ended at bf_max_job_start.",
    "bf_exit_max_job_test": "Backfill cycles that ended at bf_max_job_test.",
    "bf_exit_state_changed": "Backfill cycles that ended as the cluster had changed.",
    "bf_exit_table_limit": "Backfill cycles that ended at bf_node_space_size.",
    "bf_exit_timeout": "Backfill cycles that ended at bf_max_time.",
}

_METRICS = {name: Metric(f"slurm_{name}", text) for name, text in _HELP.items()}

METRICS = tuple(_METRICS.values())


def families(diagnostics: Iterable[Diagnostics]) -> Iterator[Family]:
    """Tell the statistics that this release of Slurm has."""
    for one in diagnostics:
        for name, metric in _METRICS.items():
            if name in one.statistics:
                yield metric.single(one.statistics[name])
