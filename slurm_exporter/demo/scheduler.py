"""The simulated scheduler: a quick main cycle and a thorough backfill cycle, as in Slurm.

The main cycle starts jobs in order and leaves a partition alone after its first job that does
not fit. Backfill promises nodes to that job, and lets later ones start where they do not delay
it.
"""

from __future__ import annotations

from itertools import islice
from math import inf
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.demo.controller import Controller
    from slurm_exporter.demo.inventory import Partition, Shape
    from slurm_exporter.demo.records import Job, Node

    Admission = Callable[[Job, Node], bool]

MAIN_SECONDS = 4.0
BACKFILL_SECONDS = 30.0
JOB_STATES_SECONDS = 30.0
"""How often slurmctld counts pending and running jobs for ``sdiag``."""

MAX_JOB_TEST = 50
"""Jobs that one backfill cycle looks at, as Slurm's bf_max_job_test."""


class Plan:
    """Nodes that backfill promises to jobs which do not fit yet, one job per partition."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._free_by: dict[Node, float] = {}
        self._partitions: set[Partition] = set()
        for node in controller.nodes.values():
            node.planned = False

    def __len__(self) -> int:
        return len(self._free_by)

    def admits(self, job: Job, node: Node) -> bool:
        """Tell whether ``job`` fits on ``node`` now and is gone when it must be free."""
        must_end = self._free_by.get(node, inf)
        return node.fits(job.shape) and self._controller.now + job.limit <= must_end

    def promise(self, job: Job) -> None:
        """Keep the nodes that are free soonest for ``job``, if no other job has a promise."""
        if job.partition.preemptible or job.partition in self._partitions:
            return
        self._partitions.add(job.partition)
        healthy = [n for n in self._controller.partition_nodes[job.partition.name] if not n.flags]
        chosen = sorted(healthy, key=_free_at)[: job.shape.nodes]
        start = max(map(_free_at, chosen), default=0.0)
        for node in chosen:
            self._free_by[node] = start
            node.planned = not node.jobs


def _free_at(node: Node) -> float:
    return max((job.expected_end for job in node.jobs.values()), default=0.0)


def _fits(job: Job, node: Node) -> bool:
    return node.fits(job.shape)


def _would_fit(job: Job, node: Node) -> bool:
    return node.would_fit(job.shape)


class Scheduler:
    """Starts the jobs of one controller and keeps its scheduling statistics."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._statistics = controller.statistics
        self._looked_for_room: set[Job] = set()

    def begin(self) -> None:
        """Start the cycles, which then go on for ever."""
        self._main_cycle()
        self._backfill_cycle()
        self._count_job_states()

    def _main_cycle(self) -> None:
        self._statistics.begin_new_day(self._controller.unix_time)
        queue = self._controller.queue()
        depth = self._start_in_order(queue)
        micros = self._micros(180 + 45 * depth + 4 * len(queue))
        self._statistics.note_main_cycle(micros, len(queue), depth)
        self._controller.after(MAIN_SECONDS, self._main_cycle)

    def _start_in_order(self, queue: list[Job]) -> int:
        """Start what fits, each partition up to its first job that does not; give the depth."""
        depth = 0
        full: set[Partition] = set()
        for job in queue:
            # The preemptible partition lies over the others: it must not take their turn.
            if job.partition in full or (full and job.partition.preemptible):
                continue
            depth += 1
            self._start_all(job, _fits)
            if job.eligible:
                full.add(job.partition)
                self._make_room_for(job)
        return depth

    def _make_room_for(self, job: Job) -> None:
        """Cancel the preemptible jobs on nodes where ``job`` can then start."""
        # To look at all jobs of all nodes is dear: once between two backfill cycles is enough.
        if job.partition.preemptible or job in self._looked_for_room:
            return
        self._looked_for_room.add(job)
        for node in self._place(job, _would_fit):
            for other in list(node.jobs.values()):
                if other.partition.preemptible:
                    self._controller.finish(other, "preempted")

    def _backfill_cycle(self) -> None:
        self._looked_for_room.clear()
        plan = Plan(self._controller)
        queue = self._controller.queue()
        candidates = queue[:MAX_JOB_TEST]
        tried, started = self._backfill(candidates, plan)
        reason = "max_job_test" if len(candidates) < len(queue) else "end"
        micros = self._micros(900 + 300 * tried + 25 * len(candidates))
        self._statistics.note_backfill_cycle(micros, len(queue), len(candidates), reason)
        self._statistics.note_backfill_trials(tried, len(plan) + 1)
        self._statistics.note_backfilled(started, self._controller.unix_time)
        self._controller.after(BACKFILL_SECONDS, self._backfill_cycle)

    def _backfill(self, candidates: list[Job], plan: Plan) -> tuple[int, int]:
        """Start what delays no promise; give how many jobs were tried and how many started."""
        tried = started = 0
        # What did not fit for one job does not fit for its like, a moment later.
        hopeless: set[tuple[Partition, Shape, float]] = set()
        for job in candidates:
            kind = (job.partition, job.shape, job.limit)
            if kind in hopeless:
                continue
            tried += 1
            started += self._start_all(job, plan.admits)
            if job.eligible:
                hopeless.add(kind)
                plan.promise(job)
        return tried, started

    def _start_all(self, job: Job, admits: Admission) -> int:
        """Start ``job``, or as many of its waiting tasks as nodes admit; give the number."""
        started = 0
        while job.eligible and (nodes := self._place(job, admits)):
            self._controller.start(job, nodes)
            started += 1
        return started

    def _place(self, job: Job, admits: Admission) -> tuple[Node, ...]:
        """Find the first nodes that are enough for ``job``; none if there are too few."""
        nodes = self._controller.partition_nodes[job.partition.name]
        found = islice((node for node in nodes if admits(job, node)), job.shape.nodes)
        chosen = tuple(found)
        return chosen if len(chosen) == job.shape.nodes else ()

    def _count_job_states(self) -> None:
        jobs = self._controller.jobs.values()
        waiting = self._controller.waiting.values()
        self._statistics["sdiag_jobs_pending"] = sum(job.tasks for job in waiting)
        self._statistics["sdiag_jobs_running"] = sum(job.state == "running" for job in jobs)
        self._statistics["sdiag_job_states_ts"] = self._controller.unix_time
        self._statistics["sdiag_latency"] = self._micros(25)
        self._controller.after(JOB_STATES_SECONDS, self._count_job_states)

    def _micros(self, typical: float) -> int:
        return int(typical * self._controller.rng.uniform(0.7, 1.6))
