"""Fixtures for the tests of the demo."""

from __future__ import annotations

import pytest

from slurm_exporter.demo.controller import Controller
from slurm_exporter.demo.inventory import Partition, Shape, User
from slurm_exporter.demo.records import Job

NOBODY = User("nobody", ("",), ())


class Bench(Controller):
    """A controller without users and accidents: only what a test submits is there."""

    def put(
        self, partition: Partition, shape: Shape, *, tasks: int = 1, minutes: float = 10
    ) -> Job:
        """Submit a job that runs exactly ``minutes``."""
        job = Job(self.new_id(), NOBODY, "", partition, shape, (minutes, minutes), tasks)
        self.submit(job)
        return job

    def run(self, job: Job, *names: str) -> Job:
        """Start a job on the nodes of these names."""
        self.start(job, tuple(self.nodes[name] for name in names))
        return job


@pytest.fixture
def bench() -> Bench:
    """A controller that holds nothing yet."""
    return Bench(seed=1, epoch=0.0)
