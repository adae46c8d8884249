"""The simulated cluster: a controller with users, a scheduler and the accidents of life."""

from __future__ import annotations

from slurm_exporter.demo.controller import Controller
from slurm_exporter.demo.incidents import Incidents
from slurm_exporter.demo.scheduler import Scheduler
from slurm_exporter.demo.users import Users

WARM_UP = 1215.0
"""Seconds that a cluster has behind it when it is made: jobs of every kind are there."""


class Cluster(Controller):
    """A busy cluster, ``WARM_UP`` seconds after its slurmctld started.

    Args:
        seed: which of all possible stories is told.
        unix_time: what the clock on its wall shows now, in seconds.
    """

    def __init__(self, seed: int, unix_time: float) -> None:
        super().__init__(seed, epoch=unix_time - WARM_UP)
        Users(self).begin()
        Incidents(self).begin()
        Scheduler(self).begin()
        self.advance(WARM_UP)
