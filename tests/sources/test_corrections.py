"""What becomes of numbers that slurmctld gets wrong."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.exposition import Family
from slurm_exporter.sources.corrections import Corrections, corrected
from slurm_exporter.sources.evidence import MEMORY, Evidence
from tests.fake_slurmctld import NAMES
from tests.sources.families import families, recorded, shown

MIB = 2**20
SURE = Evidence(in_bytes=True, counts_gpus=True)
"""Of a slurmctld with nothing to correct in units and GPUs."""


def right(evidence=SURE, **numbers):
    """What becomes of families, by the ends of their names."""
    return shown(corrected(families(**numbers), evidence))


# ------------------------------------------------------------------ whole answers


@pytest.mark.parametrize("endpoint", NAMES)
def test_what_is_right_already_is_not_touched(endpoint):
    """Of a real answer only families change that are known to be wrong."""
    before = {one.name: one for one in recorded(endpoint)}
    after = {one.name: one for one in Corrections().applied(endpoint, recorded(endpoint))}

    changed = {name for name, one in after.items() if list(one.rows) != list(before[name].rows)}
    assert list(after) == [name for name in before if name in after]
    assert changed - MEMORY <= {"slurm_user_jobs", "slurm_account_jobs", "slurm_partition_jobs"}
    assert {name for name in before if name not in after} <= {
        "slurm_nodes_powering_up",
        "slurm_partition_jobs_wait_part_node_limit",
        *(name for name in before if "gpus" in name and name != "slurm_node_gpus_alloc"),
    }


def test_a_real_cluster_has_its_memory_in_bytes():
    """What is free of nodes that never answered is not known."""
    found = shown(Corrections().applied("nodes", recorded("nodes")))

    assert found["node_memory_bytes"]["cloud1"] == 64_000 * MIB
    assert found["node_memory_effective_bytes"]["n1"] == 16_000 * MIB
    assert found["node_memory_alloc_bytes"]["n2"] == 900 * MIB
    assert found["node_memory_free_bytes"] == {
        node: free * MIB
        for node, free in {"n1": 23_590, "n2": 23_586, "n3": 23_586, "n4": 23_584}.items()
    }


def test_a_real_cluster_has_the_tasks_of_its_arrays_counted():
    """Erin has two arrays that wait, and the partition long has one that is held."""
    users = shown(Corrections().applied("jobs-users-accts", recorded("jobs-users-accts")))
    partitions = shown(Corrections().applied("partitions", recorded("partitions")))
    jobs = shown(Corrections().applied("jobs", recorded("jobs")))

    assert users["user_jobs"]["erin"] == 121
    assert sum(users["user_jobs"].values()) == sum(users["account_jobs"].values()) == jobs["jobs"]
    assert partitions["partition_jobs"]["long"] == 101
    assert sum(partitions["partition_jobs"].values()) == jobs["jobs"] - jobs["jobs_finished"]


# ------------------------------------------------------------------ memory


@given(st.sampled_from(sorted(MEMORY)), st.integers(1, 2**64 - 1))
def test_every_digit_of_an_amount_of_memory_is_right(name, number):
    """Also of those that no float can hold."""
    name = name.removeprefix("slurm_")

    assert right(Evidence(in_bytes=None), **{name: {"x": number}})[name] == {"x": number * MIB}
    assert right(Evidence(in_bytes=False), **{name: {"x": number}})[name] == {"x": number * MIB}
    assert right(Evidence(in_bytes=True), **{name: {"x": number}})[name] == {"x": number}


@pytest.mark.parametrize("text", ["NaN", "+Inf", "-1", "1.5", "1e3"])
def test_memory_that_slurmctld_would_not_write_is_left_out(text):
    """Nobody knows what it means."""
    assert right(Evidence(), jobs_memory_alloc=text) == {}


def test_one_endpoint_learns_the_unit_from_another():
    """A little job's memory is no proof, its slurmctld's nodes are."""
    corrections = Corrections()
    little = families(jobs_memory_alloc=MIB, jobs_nodes_alloc=1)
    nodes = families(node_memory_bytes={"n1": 4096 * MIB})
    alone, context = shown(corrections.applied("jobs", little)), corrections.context("jobs")

    corrections.applied("nodes", nodes)
    assert corrections.context("jobs") != context
    assert alone["jobs_memory_alloc"] == MIB * MIB
    assert shown(corrections.applied("jobs", little))["jobs_memory_alloc"] == MIB


def test_what_others_know_is_the_same_until_they_learn_something():
    """So that an answer that is known is not read again for nothing."""
    corrections = Corrections()
    for _ in range(2):
        corrections.applied("nodes", recorded("nodes"))
        before = corrections.context("jobs")
        corrections.applied("jobs", recorded("jobs"))
        assert corrections.context("jobs") == before


# ------------------------------------------------------------------ jobs


def test_a_user_has_all_tasks_of_his_arrays_and_all_jobs_that_have_begun():
    """A row of which a part is missing cannot be right."""
    assert right(
        user_jobs={"a": 2, "b": 1, "c": 7},
        user_jobs_pending={"a": 1000, "b": 0},
        user_jobs_started={"a": 1, "b": 1, "c": 7},
    )["user_jobs"] == {"a": 1001, "b": 1}


def test_a_partition_has_no_jobs_that_have_ended():
    """Not even those that are cleaned up after, and the help text says so."""
    found = corrected(
        families(
            partition_jobs={"p": 4},
            partition_jobs_pending={"p": 10},
            partition_jobs_started={"p": 8},
            partition_jobs_finished={"p": 5},
            partition_jobs_completing={"p": 1},
        ),
        SURE,
    )

    assert shown(found)["partition_jobs"] == {"p": 13}
    assert found[0].help == "Number of jobs in this partition that have not ended"


def test_a_total_without_its_parts_is_left_out():
    """It is known to be wrong, and nothing says how wrong."""
    assert right(account_jobs={"x": 1}, partition_jobs={"p": 1}) == {}


def test_jobs_that_run_nowhere_leave_out_what_they_have():
    """As with slurmctld before 25.11.5; a cluster at rest has nothing, and that is right."""
    nothing = {"jobs_cpus_alloc": 0, "jobs_nodes_alloc": 0, "jobs_memory_alloc": 0}
    at_rest = {**nothing, "jobs_running": 0, "jobs_suspended": 0}

    assert right(**nothing, jobs_running=1) == {"jobs_running": 1}
    assert right(**at_rest) == at_rest


# ------------------------------------------------------------------ names


def test_nodes_that_power_down_do_not_power_up():
    """Both names together come from a slurmctld that has been mended."""
    assert right(nodes_powering_up=1) == {}
    both = {"nodes_powering_up": 1, "nodes_powering_down": 2}
    assert right(**both) == both


def test_a_reason_is_not_a_set_of_bits():
    """The family that takes it for one means nothing."""
    assert right(partition_jobs_wait_part_node_limit={"p": 1}) == {}


# ------------------------------------------------------------------ CPUs in 16 bits


def partition(cpus, effective, allocated, idle, jobs=0):
    return {
        "partition_cpus": {"p": cpus, "small": 8},
        "partition_nodes_cpus_efctv": {"p": effective, "small": 8},
        "partition_nodes_cpus_alloc": {"p": allocated, "small": 1},
        "partition_nodes_cpus_idle": {"p": idle, "small": 7},
        "partition_jobs_cpus_alloc": {"p": jobs, "small": 1},
    }


@pytest.mark.parametrize(
    ("numbers", "kept"),
    [
        (partition(65_535, 65_535, 65_000, 535), True),
        (partition(65_535, 60_000, 60_001, 65_535), True),  # no sum, but nothing to lose either
        (partition(80_000, 80_000, 70_000, 10_000), True),
        (partition(80_000, 79_000, 70_000, 9_000), True),
        (partition(80_000, 80_000 - 65_536, 4_464, 10_000), False),
        (partition(80_000, 14_464, 14_464, 0), False),
        (partition(140_000, 140_000, 70_000, 70_000 - 65_536), False),
        (partition(65_536, 0, 0, 0), False),
    ],
)
def test_sums_of_a_partition_are_kept_when_they_must_be_whole(numbers, kept):
    """Of a large one that does not add up they are left out; others are none the worse for it."""
    found = right(**numbers)

    for what in ("efctv", "alloc", "idle"):
        name = f"partition_nodes_cpus_{what}"
        expected = numbers[name] if kept else {"small": numbers[name]["small"]}
        assert found[name] == expected


def test_a_large_partition_without_its_sums_has_none_to_leave_out():
    """An answer may be without any family."""
    assert right(partition_cpus={"p": 80_000}) == {"partition_cpus": {"p": 80_000}}


def test_jobs_of_a_large_partition_are_believed_once_a_sum_shows_that_it_can():
    """Until then any of their sums may have lost something."""
    numbers = partition(80_000, 80_000, 70_000, 10_000, jobs=3)
    name = "partition_jobs_cpus_alloc"

    assert right(**numbers)[name] == {"small": 1}
    wide = Evidence(in_bytes=True, wide=frozenset({f"slurm_{name}"}))
    assert right(wide, **numbers)[name] == {"p": 3, "small": 1}


def test_jobs_of_a_large_cluster_are_believed_once_a_sum_shows_that_they_can():
    """One proves it for all, and for ever; a small cluster's need no proof."""
    corrections = Corrections()
    little, much = families(jobs_cpus_alloc=3), families(jobs_cpus_alloc=65_536)

    assert corrections.applied("jobs", little) == little
    corrections.applied("nodes", families(node_cpus={"n1": 40_000, "n2": 40_000}))
    assert corrections.applied("jobs", little) == ()
    assert corrections.applied("jobs", much) == much
    assert corrections.applied("jobs", little) == little
    users = families(user_jobs_cpus_alloc={"a": 3}, account_jobs_cpus_alloc={"b": 4})
    assert shown(corrections.applied("jobs-users-accts", users)) == shown(users)


def test_more_jobs_than_cpus_is_a_sum_that_has_lost_some():
    """Each job has at least one, also while it is suspended."""
    assert right(
        account_jobs_cpus_alloc={"a": 5, "b": 4, "c": 4},
        account_jobs_running={"a": 4, "b": 4, "c": 4},
        account_jobs_suspended={"a": 1, "b": 1, "c": 0},
    )["account_jobs_cpus_alloc"] == {"a": 5, "c": 4}


# ------------------------------------------------------------------ GPUs


def test_gpus_that_are_all_0_are_left_out():
    """There are none, or they are not accounted for; those allocated on nodes are known."""
    unsure = Evidence(in_bytes=True)
    numbers = {"node_gpus": {"n1": 0, "n2": 0}, "node_gpus_alloc": {"n1": 3, "n2": 0}}

    assert right(unsure, **numbers) == {"node_gpus_alloc": {"n1": 3, "n2": 0}}
    assert right(**numbers) == numbers


def test_no_gpus_in_use_is_a_number_where_gpus_are_known():
    """The nodes know them."""
    corrections, none = Corrections(), families(jobs_gpus_alloc=0)

    assert corrections.applied("jobs", none) == ()
    corrections.applied("nodes", families(node_gpus={"n1": 4}))
    assert corrections.applied("jobs", none) == none


# ------------------------------------------------------------------ anything


@given(
    st.lists(
        st.builds(
            lambda name, text: Family(name, "gauge", "", (), [(text,)]),
            st.sampled_from(sorted({one.name for n in NAMES for one in recorded(n)})),
            st.from_regex(r"[0-9]{1,40}|NaN|[+-]Inf|-?[0-9]\.[0-9]e[0-9]", fullmatch=True),
        ),
        unique_by=lambda one: one.name,
    ),
)
def test_no_answer_is_too_odd_to_be_corrected(found):
    """Nothing is raised, no family comes twice or without rows, and none is new."""
    after = [one.name for one in Corrections().applied("any", found)]

    assert len(set(after)) == len(after)
    assert set(after) <= {one.name for one in found}
