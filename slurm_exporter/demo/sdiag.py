"""The scheduling statistics that ``sdiag`` shows and the `scheduler` endpoint serves."""

from __future__ import annotations

from collections import Counter

DAY = 86_400

KEPT_OVER_MIDNIGHT = (
    "backfilled_jobs",
    "bf_table_size",
    "bf_when_last_cycle",
    "schedule_cycle_last",
    "schedule_queue_len",
    "sdiag_job_states_ts",
    "sdiag_jobs_pending",
    "sdiag_jobs_running",
    "sdiag_latency",
)

MEANS = {
    "sched_mean_cycle": ("schedule_cycle_tot", "schedule_cycle_cnt"),
    "sched_mean_depth_cycle": ("schedule_cycle_depth", "schedule_cycle_cnt"),
    "bf_mean_cycle": ("bf_cycle_tot", "bf_cycle_cnt"),
    "bf_depth_mean": ("bf_depth_tot", "bf_cycle_cnt"),
    "bf_try_depth_mean": ("bf_depth_try_tot", "bf_cycle_cnt"),
    "bf_queue_len_mean": ("bf_queue_len_tot", "bf_cycle_cnt"),
    "bf_mean_table_sz": ("bf_table_size_tot", "bf_cycle_cnt"),
}
"""Each mean, its sum and the number of cycles that it is taken over."""


class Statistics(Counter[str]):
    """Counts by the name of their family without ``slurm_``; what never happened is 0.

    Cycle times are in microseconds, time stamps in unix seconds.
    """

    def begin(self, now: int) -> None:
        """Start to count anew at midnight UTC, as slurmctld does; some numbers stay."""
        kept = {name: self[name] for name in KEPT_OVER_MIDNIGHT}
        self.clear()
        self.update(kept, last_proc_req_start=now)

    def begin_new_day(self, now: int) -> None:
        """Begin again if the day (UTC) of the last beginning is over."""
        if now // DAY > self["last_proc_req_start"] // DAY:
            self.begin(now)

    def note_main_cycle(self, micros: int, queue: int, depth: int) -> None:
        """Record a main cycle that looked at ``depth`` of ``queue`` jobs, up to the last."""
        self._note_time("schedule_cycle", micros)
        self["schedule_cycle_depth"] += depth
        self["schedule_queue_len"] = queue
        self["sched_exit_end"] += 1

    def note_backfill_cycle(self, micros: int, queue: int, depth: int, reason: str) -> None:
        """Record a backfill cycle likewise, and the ``reason`` why it ended."""
        self._note_time("bf_cycle", micros)
        self["bf_last_depth"] = depth
        self["bf_depth_tot"] += depth
        self["bf_queue_len"] = queue
        self["bf_queue_len_tot"] += queue
        self[f"bf_exit_{reason}"] += 1

    def note_backfill_trials(self, tried: int, table: int) -> None:
        """Record for how many jobs backfill looked for nodes, and the size of its plan."""
        self["bf_last_depth_try"] = tried
        self["bf_depth_try_tot"] += tried
        self["bf_table_size"] = table
        self["bf_table_size_tot"] += table

    def note_backfilled(self, jobs: int, now: int) -> None:
        """Record how many jobs a backfill cycle started, and when it ran."""
        self["backfilled_jobs"] += jobs
        self["last_backfilled_jobs"] += jobs
        self["bf_when_last_cycle"] = now

    def means(self) -> dict[str, int]:
        """Give the mean of each sum over its cycles, whole numbers as in slurmctld."""
        return {mean: self[total] // max(self[cnt], 1) for mean, (total, cnt) in MEANS.items()}

    def _note_time(self, cycle: str, micros: int) -> None:
        self[f"{cycle}_cnt"] += 1
        self[f"{cycle}_last"] = micros
        self[f"{cycle}_tot"] += micros
        self[f"{cycle}_max"] = max(self[f"{cycle}_max"], micros)
