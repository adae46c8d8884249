"""The endpoint jobs, made of records."""

from __future__ import annotations

import pytest

from slurm_exporter.sources.cli.commands.squeue import SQUEUE
from slurm_exporter.sources.cli.families import jobs
from tests.fake_slurmctld import recorded as native
from tests.processes import read_samples
from tests.sources.cli.examples import job
from tests.sources.cli.recordings import RELEASES, alone, recorded, records


def test_it_has_the_families_of_slurmctlds_own_endpoint() -> None:
    """Each of 26.05's that squeue can tell; none more but that of states nobody knows yet."""
    ours = {metric.name for metric in jobs.METRICS}
    theirs = {name for name, _ in read_samples(native("jobs").decode())}
    assert theirs - ours == {"slurm_jobs_powerup_node"}
    assert ours - theirs <= {"slurm_jobs_other"}


def test_an_idle_cluster_has_no_jobs_of_any_kind() -> None:
    """Which is said, and not left out."""
    counted = alone(jobs.families([]))
    assert set(counted) == {metric.name for metric in jobs.METRICS}
    assert set(counted.values()) == {0.0}


def test_one_job_is_one_job() -> None:
    assert alone(jobs.families([job()]))["slurm_jobs_running"] == 1


@pytest.mark.parametrize("release", RELEASES)
def test_a_real_cluster_is_counted_as_by_hand(release: str) -> None:
    """The same jobs on each release; whatever is not here is 0."""
    counted = alone(jobs.families(records(SQUEUE, recorded(SQUEUE, release))))
    assert {
        name.removeprefix("slurm_jobs"): number for name, number in counted.items() if number
    } == {
        "": 3499,
        "_cancelled": 1,
        "_completed": 2,
        "_failed": 1,
        "_node_failed": 1,
        "_timeout": 1,
        "_finished": 6,
        "_pending": 15 + 18 + 100 + 3334 + 5 + 8,
        "_hold": 3443,
        "_running": 12,
        "_configuring": 1,
        "_suspended": 1,
        "_started": 19,
        "_cpus_alloc": 33,
        "_gpus_alloc": 7,
        "_memory_alloc": 4924 << 20,
        "_nodes_alloc": 6,
    }
