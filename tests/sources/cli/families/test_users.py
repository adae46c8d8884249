"""The endpoint jobs-users-accts, made of records."""

from __future__ import annotations

from slurm_exporter.sources.cli.families import users
from tests.fake_slurmctld import recorded as native
from tests.processes import read_samples
from tests.sources.cli.examples import job, waiting
from tests.sources.cli.recordings import samples


def test_it_has_the_families_of_slurmctlds_own_endpoint() -> None:
    """Each of 26.05's that squeue can tell, with the same label."""
    ours = {(metric.name, metric.labels) for metric in users.METRICS}
    theirs = {
        (name, tuple(label for label, _ in labels))
        for name, labels in read_samples(native("jobs-users-accts").decode())
        if labels  # the empty account has none there
    }
    assert {name for name, _ in theirs - ours} == {
        f"slurm_{whose}_jobs_powerup_node" for whose in ("user", "account")
    }
    assert {name for name, _ in ours - theirs} <= {
        "slurm_user_jobs_other",
        "slurm_account_jobs_other",
    }


def test_each_user_and_each_account_has_its_own_numbers() -> None:
    """A pending array counts with all its tasks."""
    jobs = [job(), job(user="bob", cpus=8), waiting(tasks=10, account="chem"), waiting()]
    counted = samples(users.families(jobs))
    assert counted["slurm_user_jobs"] == {("alice",): 12, ("bob",): 1}
    assert counted["slurm_user_jobs_cpus_alloc"] == {("alice",): 2, ("bob",): 8}
    assert counted["slurm_account_jobs_pending"] == {("physics",): 1, ("chem",): 10}


def test_jobs_without_an_account_have_the_empty_one() -> None:
    """As in slurmctld's own endpoint, where the label is missing."""
    counted = samples(users.families([job(account="")]))
    assert counted["slurm_account_jobs"] == {("",): 1}


def test_whoever_has_no_jobs_is_not_there() -> None:
    assert not any(family.rows for family in users.families([]))
