"""The endpoint partitions."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.sources.cli.commands.node import NODE as NODES
from slurm_exporter.sources.cli.commands.partition import PARTITION as PARTITIONS
from slurm_exporter.sources.cli.families import partitions
from tests import fake_slurmctld
from tests.sources.cli.examples import JOB, NODE, PARTITION
from tests.sources.cli.recordings import RELEASES, Samples, recorded, records, samples

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.records import Job, Node

LONG = PARTITION._replace(name="long", cpus=0, nodes=0)
WAITING = JOB._replace(
    state="PENDING", reason="Priority", nodes=(), partitions=("batch", "long"), started=None
)
OURS = {"slurm_partition_jobs_other", "slurm_partition_nodes_other"}
"""Families that slurmctld does not have."""


def told(*jobs: Job, nodes: tuple[Node, ...] = ()) -> Samples:
    return samples(partitions.families(jobs, nodes, (PARTITION, LONG)))


def by_name(family: dict[tuple[str, ...], float]) -> dict[str, float]:
    return {name: number for (name,), number in family.items()}


def test_all_native_families_are_there() -> None:
    """Under the same names, with the same label."""
    lines = fake_slurmctld.recorded("partitions").decode().splitlines()
    native = {line.split()[2] for line in lines if line.startswith("# TYPE")}

    hidden = {"slurm_partition_jobs_powerup_node"}  # squeue says configuring
    assert {metric.name for metric in partitions.METRICS} == native - hidden | OURS
    assert {metric.labels for metric in partitions.METRICS} == {(), ("partition",)}


def test_a_partition_without_nodes_or_jobs_has_zeros() -> None:
    found = told()

    assert found.pop("slurm_partitions") == {(): 2}
    assert by_name(found.pop("slurm_partition_nodes")) == {"batch": 1, "long": 0}
    assert by_name(found.pop("slurm_partition_cpus")) == {"batch": 8, "long": 0}
    assert all(by_name(family) == {"batch": 0, "long": 0} for family in found.values())
    assert len(found) == len(partitions.METRICS) - 3


def test_nodes_count_in_each_of_their_partitions() -> None:
    found = told(
        nodes=(
            NODE._replace(gpus={"a100": 4}, cpus_alloc=2, memory_alloc=2**30),
            NODE._replace(name="n2", state="DOWN", partitions=("batch", "long"), memory_free=None),
        )
    )

    def numbers(suffix: str) -> dict[str, float]:
        return by_name(found[f"slurm_partition_{suffix}"])

    assert numbers("gpus") == {"batch": 4, "long": 0}
    assert numbers("nodes_cpus_efctv") == {"batch": 14, "long": 7}
    assert numbers("nodes_cpus_alloc") == {"batch": 2, "long": 0}
    assert numbers("nodes_cpus_idle") == {"batch": 5, "long": 0}
    assert numbers("nodes_mem_tot") == {"batch": 32 * 2**30, "long": 16 * 2**30}
    assert numbers("nodes_mem_avail") == {"batch": 30 * 2**30, "long": 15 * 2**30}
    assert numbers("nodes_mem_alloc") == {"batch": 2**30, "long": 0}
    assert numbers("nodes_mem_free") == {"batch": 12 * 2**30, "long": 0}
    assert numbers("nodes_idle") == {"batch": 1, "long": 0}
    assert numbers("nodes_down") == {"batch": 1, "long": 1}


def test_flags_are_spelled_as_slurmctld_spells_them_here() -> None:
    flags = frozenset({"NOT_RESPONDING", "COMPLETING", "REBOOT_REQUESTED"})
    found = told(nodes=(NODE._replace(flags=flags),))

    for suffix in ("no_resp", "cg", "reboot_requested"):
        assert by_name(found[f"slurm_partition_nodes_{suffix}"]) == {"batch": 1, "long": 0}


def test_a_job_that_waits_for_several_partitions_counts_in_each() -> None:
    """With all of its tasks."""
    found = told(WAITING._replace(tasks=10), JOB)

    assert by_name(found["slurm_partition_jobs_pending"]) == {"batch": 10, "long": 10}
    assert by_name(found["slurm_partition_jobs"]) == {"batch": 11, "long": 10}
    assert by_name(found["slurm_partition_jobs_running"]) == {"batch": 1, "long": 0}
    assert by_name(found["slurm_partition_jobs_cpus_alloc"]) == {"batch": 2, "long": 0}


@pytest.mark.parametrize(
    ("state", "count"),
    [
        ("PENDING", 1),
        ("SUSPENDED", 1),
        ("COMPLETING", 1),
        ("SOMETHING_NEW", 1),
        ("COMPLETED", 0),
        ("NODE_FAIL", 0),
    ],
)
def test_finished_jobs_are_no_longer_in_a_partition(state: str, count: int) -> None:
    """As slurmctld counts it; those that are cleaned up after still are."""
    found = told(JOB._replace(state=state))

    assert by_name(found["slurm_partition_jobs"]) == {"batch": count, "long": 0}


def test_the_largest_of_the_waiting_jobs_is_known() -> None:
    """By what it needs, and by what it would take, which is not set unless it is more."""
    found = told(
        WAITING._replace(min_nodes=2, max_nodes=6),
        WAITING._replace(min_nodes=3, max_nodes=0, partitions=("batch",)),
        WAITING._replace(min_nodes=9, max_nodes=12, reason="JobHeldUser"),
        JOB._replace(min_nodes=99, max_nodes=99),
    )

    def numbers(suffix: str) -> tuple[float, ...]:
        return tuple(found[f"slurm_partition_jobs_{suffix}"].values())

    assert numbers("max_job_nodes") == (12, 12)
    assert numbers("min_job_nodes") == (9, 9)
    assert numbers("max_job_nodes_nohold") == (6, 6)
    assert numbers("min_job_nodes_nohold") == (3, 2)


def test_jobs_larger_than_the_partition_allows_are_counted() -> None:
    """slurmctld looks at one bit of the reason's number, and counts others with them."""
    found = told(WAITING._replace(reason="PartitionNodeLimit"), WAITING)

    assert by_name(found["slurm_partition_jobs_wait_part_node_limit"]) == {"batch": 1, "long": 1}


def test_jobs_of_a_partition_that_was_deleted_meanwhile_are_counted() -> None:
    found = told(WAITING._replace(partitions=("gone",)))

    assert by_name(found["slurm_partition_jobs"]) == {"batch": 0, "long": 0, "gone": 1}
    assert by_name(found["slurm_partition_jobs_min_job_nodes"])["gone"] == 1


@pytest.mark.parametrize("release", RELEASES)
def test_nodes_of_a_release_are_as_many_as_the_partition_says(release: str) -> None:
    found = samples(
        partitions.families(
            (),
            records(NODES, recorded(NODES, release)),
            records(PARTITIONS, recorded(PARTITIONS, release)),
        )
    )
    states = ("alloc", "down", "future", "idle", "mixed", "unknown", "other")

    for key, number in found["slurm_partition_nodes"].items():
        assert sum(found[f"slurm_partition_nodes_{state}"][key] for state in states) == number
        assert found["slurm_partition_nodes_cpus_efctv"][key] == found["slurm_partition_cpus"][key]
    assert by_name(found["slurm_partition_gpus"])["gpu"] == 12
