"""The users of the simulated site: they submit, hold, release and take back jobs."""

from __future__ import annotations

from functools import partial
from math import pi, sin
from typing import TYPE_CHECKING

from slurm_exporter.demo.inventory import USERS
from slurm_exporter.demo.records import Job

if TYPE_CHECKING:
    from slurm_exporter.demo.controller import Controller
    from slurm_exporter.demo.inventory import Partition, User, Workload

RUSH = 160
"""Submissions at the very beginning, so that the cluster is busy soon."""

SUBMISSIONS_PER_SECOND = 0.35
TIDE = 2400.0
"""Seconds between two high waters of the users' zeal."""

PATIENCE = 1500.0
"""Seconds of full partition in the queue at which nobody submits to it any more."""

EAGERNESS = [user.eagerness for user in USERS]


class Users:
    """Everybody who submits jobs to one controller."""

    def __init__(self, controller: Controller) -> None:
        self._controller = controller
        self._rng = controller.rng

    def begin(self) -> None:
        """Submit the first rush and go on submitting for ever."""
        for _ in range(RUSH):
            self._submit(*self._whim())
        self._arrive()

    def _arrive(self) -> None:
        user, workload = self._whim()
        if self._rng.random() > self._backlog(workload.partition) / PATIENCE:
            self._submit(user, workload)
        tide = 1 + 0.6 * sin(2 * pi * self._controller.now / TIDE)
        self._controller.after(self._rng.expovariate(SUBMISSIONS_PER_SECOND * tide), self._arrive)

    def _whim(self) -> tuple[User, Workload]:
        user = self._rng.choices(USERS, EAGERNESS)[0]
        return user, self._rng.choice(user.workloads)

    def _backlog(self, partition: Partition) -> float:
        """Tell for how many seconds the waiting jobs would fill the whole ``partition``."""
        cpus = sum(kind.count * kind.cpus_effective for kind in partition.kinds)
        waiting = self._controller.waiting.values()
        mine = [job for job in waiting if job.partition is partition and job.eligible]
        return sum(job.size for job in mine) / cpus

    def _submit(self, user: User, workload: Workload) -> None:
        job = Job(
            self._controller.new_id(),
            user,
            self._rng.choice(user.accounts),
            workload.partition,
            self._rng.choice(workload.shapes),
            workload.minutes,
            self._rng.randint(*workload.tasks),
        )
        self._controller.submit(job)
        self._change_mind(job)

    def _change_mind(self, job: Job) -> None:
        """Decide what else the user will do to the waiting ``job``: mostly nothing."""
        mood = self._rng.random()
        later = self._rng.uniform(120, 1200)
        if job.shape.nodes > job.partition.max_nodes:
            job.flags = frozenset({"wait_part_node_limit"})
            self._controller.after(later, partial(self._controller.cancel, job))
        elif mood < 0.03:
            self._controller.after(later, partial(self._controller.cancel, job))
        elif mood < 0.08:
            job.flags = frozenset({"hold"})
            self._controller.after(later, partial(self._controller.unflag, job))
