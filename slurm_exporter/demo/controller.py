"""The simulated slurmctld's memory: its clock, its nodes, its jobs and what happens to them."""

from __future__ import annotations

from functools import partial
from heapq import heappop, heappush
from itertools import count
from random import Random
from typing import TYPE_CHECKING

from slurm_exporter.demo.inventory import NODE_KINDS, PARTITIONS
from slurm_exporter.demo.records import Job, Node
from slurm_exporter.demo.sdiag import Statistics

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.demo.inventory import Partition

MIN_JOB_AGE = 300.0
"""Seconds that a finished job stays in memory, as Slurm's MinJobAge."""

REQUEUE_DELAY = 120.0
"""Seconds before a requeued job may start again."""

EPILOG = (2.0, 25.0)
"""The least and the most seconds that nodes need to clean up after a job."""

OUTCOMES = {"completed": 85, "failed": 8, "cancelled": 3, "timeout": 2, "outofmemory": 2}
"""How runs end, and how often in a hundred."""


class Controller:
    """Jobs and nodes, and the events that change them in the order of simulated time.

    Everything random comes from one generator: the same seed and the same total of simulated
    seconds give the same cluster. It reads no clock, does no I/O and is not thread-safe.

    Attributes:
        now: seconds since the simulation began.
        epoch: unix time of that beginning; only time stamps depend on it.
        jobs: all jobs in memory by id, oldest first.
        waiting: those of them that are pending.
        nodes: all nodes by name.
        partition_nodes: the nodes of each partition, by the partition's name.
        statistics: what ``sdiag`` shows.
    """

    def __init__(self, seed: int, epoch: float) -> None:
        # Lifelike is enough here; nothing depends on its being hard to guess.
        self.rng = Random(seed)  # noqa: S311
        self.now = 0.0
        self.epoch = epoch
        self.jobs: dict[int, Job] = {}
        self.waiting: dict[int, Job] = {}
        self.nodes = {name: Node(name, kind) for kind in NODE_KINDS for name in kind.names()}
        self.partition_nodes = {part.name: self._nodes_of(part) for part in PARTITIONS}
        self.statistics = Statistics(last_proc_req_start=self.unix_time)
        self._ids = count(1001)
        self._order = count()
        self._events: list[tuple[float, int, Callable[[], object]]] = []

    @property
    def unix_time(self) -> int:
        """The present moment in whole unix seconds."""
        return int(self.epoch + self.now)

    def after(self, seconds: float, action: Callable[[], object]) -> None:
        """Let ``action`` happen ``seconds`` from now."""
        heappush(self._events, (self.now + seconds, next(self._order), action))

    def advance(self, seconds: float) -> None:
        """Live through the next ``seconds``."""
        end = self.now + seconds
        while self._events and self._events[0][0] <= end:
            self.now, _, action = heappop(self._events)
            action()
        self.now = end

    def queue(self) -> list[Job]:
        """Jobs that wait only for room, first come first, the preemptible ones last."""
        eligible = [job for job in self.waiting.values() if job.eligible]
        return sorted(eligible, key=lambda job: (job.partition.preemptible, job.id))

    def new_id(self) -> int:
        """Give out the next job id."""
        return next(self._ids)

    def submit(self, job: Job) -> None:
        """Put ``job`` into the queue."""
        self.jobs[job.id] = self.waiting[job.id] = job
        self.statistics["sdiag_jobs_submitted"] += job.tasks

    def start(self, job: Job, nodes: tuple[Node, ...]) -> None:
        """Start ``job``, or the next task of a waiting array, on ``nodes``."""
        task = self._split(job) if job.tasks > 1 else self.waiting.pop(job.id)
        task.state, task.flags = "running", frozenset({"configuring"})
        task.nodes = nodes
        for node in nodes:
            node.take(task)
        self._schedule_end(task)
        self.statistics["sdiag_jobs_started"] += 1

    def cancel(self, job: Job) -> None:
        """Let the user take back ``job`` if it still waits."""
        if job.state == "pending":
            job.tasks = 1
            self.finish(job, "cancelled")

    def finish(self, job: Job, state: str) -> None:
        """End ``job`` in the final ``state``: its resources are free at once, as in Slurm."""
        self.waiting.pop(job.id, None)
        job.flags = frozenset()
        self._release(job)
        job.state = state
        self.after(MIN_JOB_AGE, partial(self.jobs.pop, job.id))
        if state in OUTCOMES:
            ended = "canceled" if state == "cancelled" else "completed"
            self.statistics[f"sdiag_jobs_{ended}"] += 1

    def requeue(self, job: Job) -> None:
        """Send a running ``job`` back to the queue, to start again after a while."""
        job.flags = frozenset({"requeued"})
        self._release(job)
        job.state, job.nodes = "pending", ()
        self.waiting[job.id] = job
        self.after(REQUEUE_DELAY, partial(self.unflag, job))

    def unflag(self, job: Job) -> None:
        """Take away whatever keeps a pending ``job`` from starting."""
        if job.state == "pending":
            job.flags = frozenset()

    def _nodes_of(self, partition: Partition) -> list[Node]:
        return [node for node in self.nodes.values() if node.kind in partition.kinds]

    def _split(self, array: Job) -> Job:
        array.tasks -= 1
        task = Job(
            self.new_id(), array.user, array.account, array.partition, array.shape, array.minutes
        )
        self.jobs[task.id] = task
        return task

    def _schedule_end(self, job: Job) -> None:
        outcome = self.rng.choices(list(OUTCOMES), list(OUTCOMES.values()))[0]
        low, high = job.minutes
        # Short runs are more common than long ones: equal odds for each doubling.
        minutes = high if outcome == "timeout" else low * (high / low) ** self.rng.random()
        job.started, job.ends = self.now, self.now + minutes * 60
        self.after(self.rng.uniform(1, 8), partial(self._configured, job))
        self.after(minutes * 60, partial(self._end, job, outcome))

    def _configured(self, job: Job) -> None:
        job.flags -= {"configuring"}

    def _end(self, job: Job, outcome: str) -> None:
        # An end that was planned for an earlier run of a requeued job says nothing of this one.
        if job.state == "running" and job.ends <= self.now:
            self.finish(job, outcome)

    def _release(self, job: Job) -> None:
        if job.state == "running":
            job.flags |= {"completing"}
            for node in job.nodes:
                node.release(job)
                node.cleaning += 1
            self.after(self.rng.uniform(*EPILOG), partial(self._cleaned, job, job.nodes))

    def _cleaned(self, job: Job, nodes: tuple[Node, ...]) -> None:
        job.flags -= {"completing"}
        for node in nodes:
            node.cleaning -= 1
