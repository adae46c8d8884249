"""The endpoint gpus."""

from __future__ import annotations

from slurm_exporter.sources.cli.families import gpus
from tests import fake_slurmctld
from tests.sources.cli.examples import JOB, NODE
from tests.sources.cli.recordings import samples

A100 = NODE._replace(
    name="g1", partitions=("gpu", "all"), gpus={"a100": 4, "h100": 2}, gpus_alloc={"a100": 1}
)


def test_names_are_free() -> None:
    """slurmctld has families of GPUs without models."""
    native = {
        line.split()[2]
        for name in fake_slurmctld.NAMES
        for line in fake_slurmctld.recorded(name).decode().splitlines()
        if line.startswith("# TYPE")
    }

    assert not native & {metric.name for metric in gpus.METRICS}


def test_gpus_are_counted_by_node_and_model() -> None:
    """With a 0 where nobody has any; a node without GPUs is left out."""
    found = samples(gpus.families([A100, NODE], []))

    assert found["slurm_gpus"] == {("g1", "a100"): 4, ("g1", "h100"): 2}
    assert found["slurm_gpus_alloc"] == {("g1", "a100"): 1, ("g1", "h100"): 0}


def test_gpus_are_counted_in_each_partition_of_their_node() -> None:
    found = samples(
        gpus.families([A100, A100._replace(name="g2", partitions=("gpu",), gpus_alloc={"": 1})], [])
    )

    assert found["slurm_partition_gpus_configured"] == {
        ("gpu", "a100"): 8,
        ("gpu", "h100"): 4,
        ("all", "a100"): 4,
        ("all", "h100"): 2,
    }
    assert found["slurm_partition_gpus_alloc"] == {
        ("gpu", "a100"): 1,
        ("gpu", "h100"): 0,
        ("gpu", ""): 1,
        ("all", "a100"): 1,
        ("all", "h100"): 0,
    }


def test_what_a_node_does_not_tell_is_absent() -> None:
    found = samples(gpus.families([A100._replace(gpus_alloc=None)], []))

    assert found["slurm_gpus"]
    assert found["slurm_gpus_alloc"] == found["slurm_partition_gpus_alloc"] == {}


def test_users_and_accounts_have_the_gpus_of_their_active_jobs() -> None:
    """However they asked for them."""
    jobs = [
        JOB._replace(gpus={"a100": 2}),
        JOB._replace(gpus={"a100": 1, "": 1}, account="", state="SUSPENDED"),
        JOB._replace(user="bob", gpus={"h100": 1}),
        JOB._replace(user="carol"),
        JOB._replace(user="dave", state="PENDING", gpus={"a100": 8}),
        JOB._replace(user="erin", state="PENDING", gpus=None),
    ]
    found = samples(gpus.families([], jobs))

    assert found["slurm_user_gpus_alloc"] == {
        ("alice", "a100"): 3,
        ("alice", ""): 1,
        ("bob", "h100"): 1,
    }
    assert found["slurm_account_gpus_alloc"] == {
        ("physics", "a100"): 2,
        ("physics", "h100"): 1,
        ("", "a100"): 1,
        ("", ""): 1,
    }


def test_users_are_absent_where_slurm_does_not_account_for_gpus() -> None:
    found = samples(gpus.families([A100], [JOB._replace(gpus=None), JOB._replace(gpus={"": 1})]))

    assert not {"slurm_user_gpus_alloc", "slurm_account_gpus_alloc"} & set(found)
