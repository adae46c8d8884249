"""What slurmctld counts of its own work: ``sdiag``, sections of lines, one statistic in each."""

from __future__ import annotations

import re
from collections import defaultdict
from types import MappingProxyType

from slurm_exporter.sources.cli.command import Command, Table, lines
from slurm_exporter.sources.cli.records import Diagnostics, Rpcs

_TYPES = "Remote Procedure Call statistics by message type"
_USERS = "Remote Procedure Call statistics by user"
_PENDING = "Pending RPC statistics"
_BACKFILL = "Backfilling stats"

# sdiag's words for slurmctld's names.  The first section is what stands before and between others.
_STATISTICS = {
    "": {
        "sdiag output at": "sched_stats_timestamp",
        "Data since": "last_proc_req_start",
        "Server thread count": "server_thread_cnt",
        "Agent queue size": "agent_queue_size",
        "Agent count": "agent_cnt",
        "Agent thread count": "agent_thread_cnt",
        "DBD Agent queue size": "slurmdbd_queue_size",
        "Jobs submitted": "sdiag_jobs_submitted",
        "Jobs started": "sdiag_jobs_started",
        "Jobs completed": "sdiag_jobs_completed",
        "Jobs canceled": "sdiag_jobs_canceled",
        "Jobs failed": "sdiag_jobs_failed",
        "Job states ts": "sdiag_job_states_ts",
        "Jobs pending": "sdiag_jobs_pending",
        "Jobs running": "sdiag_jobs_running",
        "Latency for 1000 calls to gettimeofday()": "sdiag_latency",
    },
    "Main schedule statistics": {
        "Last cycle": "schedule_cycle_last",
        "Max cycle": "schedule_cycle_max",
        "Total cycles": "schedule_cycle_cnt",
        "Mean cycle": "sched_mean_cycle",
        "Mean depth cycle": "sched_mean_depth_cycle",
        "Last queue length": "schedule_queue_len",
    },
    "Main scheduler exit": {
        "End of job queue": "sched_exit_end",
        "Hit default_queue_depth": "sched_exit_max_depth",
        "Hit sched_max_job_start": "sched_exit_max_job_start",
        "Blocked on licenses": "sched_exit_lic",
        "Hit max_rpc_cnt": "sched_exit_rpc_cnt",
        "Timeout (max_sched_time)": "sched_exit_timeout",
    },
    _BACKFILL: {
        "Total backfilled jobs (since last slurm start)": "backfilled_jobs",
        "Total backfilled jobs (since last stats cycle start)": "last_backfilled_jobs",
        "Total backfilled heterogeneous job components": "backfilled_het_jobs",
        "Total cycles": "bf_cycle_cnt",
        "Last cycle when": "bf_when_last_cycle",
        "Last cycle": "bf_cycle_last",
        "Max cycle": "bf_cycle_max",
        "Mean cycle": "bf_mean_cycle",
        "Last depth cycle": "bf_last_depth",
        "Last depth cycle (try sched)": "bf_last_depth_try",
        "Depth Mean": "bf_depth_mean",
        "Depth Mean (try depth)": "bf_try_depth_mean",
        "Last queue length": "bf_queue_len",
        "Queue length mean": "bf_queue_len_mean",
        "Last table size": "bf_table_size",
        "Mean table size": "bf_mean_table_sz",
    },
    "Backfill exit": {
        "End of job queue": "bf_exit_end",
        "Hit bf_max_job_start": "bf_exit_max_job_start",
        "Hit bf_max_job_test": "bf_exit_max_job_test",
        "System state changed": "bf_exit_state_changed",
        "Hit table size limit (bf_node_space_size)": "bf_exit_table_limit",
        "Timeout (bf_max_time)": "bf_exit_timeout",
    },
}

# What sdiag leaves out before the first cycle, and slurmctld's own metrics give as 0.
_OF_CYCLES = {
    "schedule_cycle_cnt": ("sched_mean_cycle", "sched_mean_depth_cycle"),
    "bf_cycle_cnt": (
        "bf_mean_cycle",
        "bf_depth_mean",
        "bf_try_depth_mean",
        "bf_queue_len_mean",
        "bf_mean_table_sz",
    ),
}

_SECTIONS = (*filter(None, _STATISTICS), _TYPES, _USERS, _PENDING)
# None of these begins or ends with blanks, of which there may be many before what is no match.
_LINE = re.compile(r"(sdiag output at|Data since|[^:]+(?=:)):?\s*(.*)")
_NUMBER = re.compile(r"(\d+)(?: microseconds)?|.*\((\d+)\)|(N/A)")  # a time has it at the end
_RPC = re.compile(r"(.*)\(\s*\d+\)\s+count:(\d+)(?:.*\btotal_time:(\d+))?")


def _read(text: str, _mark: str) -> Table[Diagnostics]:
    reader = _Reader()
    for line in lines(text):
        reader.read(line)
    return Table((reader.record(),) if reader.statistics else (), reader.malformed)


class _Reader:
    """Reads line by line and remembers the section: some words occur in several."""

    def __init__(self) -> None:
        self.statistics: dict[str, int] = {}
        self.malformed = 0
        self._section = ""
        self._rpcs: dict[str, list[Rpcs]] = defaultdict(list)

    def record(self) -> Diagnostics:
        for cycles, means in _OF_CYCLES.items():
            if self.statistics.get(cycles) == 0:
                self.statistics.update(dict.fromkeys(means, 0))
        return Diagnostics(
            MappingProxyType(self.statistics),
            by_type=tuple(self._rpcs[_TYPES]),
            by_user=tuple(self._rpcs[_USERS]),
            pending=tuple(self._rpcs[_PENDING]),
        )

    def read(self, line: str) -> None:
        if not line[0].isspace():
            self._enter(line)
        try:
            if self._section in _STATISTICS:
                self._statistic(line)
            elif line[0].isspace() and line.strip():
                self._rpc(line)
        except ValueError:
            self.malformed += 1

    def _enter(self, line: str) -> None:
        self._section = next((name for name in _SECTIONS if line.startswith(name)), "")
        if self._section == _BACKFILL:
            self.statistics["bf_active"] = int("WARNING" in line)

    def _statistic(self, line: str) -> None:
        match = _LINE.fullmatch(line.strip())
        key = _STATISTICS[self._section].get(match[1].rstrip()) if match else None
        if match and key:
            self.statistics[key] = _number(match[2])

    def _rpc(self, line: str) -> None:
        match = _RPC.match(line.strip())
        if match:
            name, count, microseconds = match.groups()
            rpcs = Rpcs(name.rstrip(), int(count), int(microseconds or 0) / 1_000_000)
            self._rpcs[self._section].append(rpcs)
        elif not line.lstrip().startswith("No "):
            raise ValueError(f"{line!r} counts no RPCs")


def _number(text: str) -> int:
    match = _NUMBER.fullmatch(text)
    if match is None:
        raise ValueError(f"{text!r} is no number")
    return int(match[1] or match[2] or 0)  # what never happened has the unix time 0


SDIAG = Command("sdiag", (), _read)
