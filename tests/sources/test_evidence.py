"""What answers prove about the slurmctld that gave them."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.sources.evidence import Evidence
from tests.sources.families import families, recorded

MIB = 2**20
TIB = 2**20  # in MiB
GIB = 2**10  # likewise
NODES = 20_000


def in_bytes(**numbers) -> bool | None:
    return Evidence.of(families(**numbers)).in_bytes


def memory(total, free=None):
    """The memory of nodes, in whatever unit."""
    names = {"node_memory_bytes": total, "node_memory_free_bytes": free}
    return {name: dict(enumerate(known)) for name, known in names.items() if known is not None}


@pytest.mark.parametrize("endpoint", ["nodes", "partitions"])
def test_a_real_slurmctld_is_seen_to_count_in_mib(endpoint):
    """And nothing in it is large."""
    assert Evidence.of(recorded(endpoint)) == Evidence(in_bytes=False)


@pytest.mark.parametrize("endpoint", ["jobs", "jobs-users-accts", "scheduler"])
def test_little_memory_of_jobs_proves_nothing(endpoint):
    """They may have asked for little."""
    assert Evidence.of(recorded(endpoint)) == Evidence()


@given(
    st.lists(st.integers(64, 64 * TIB - 1), min_size=1, max_size=20),
    st.lists(st.integers(0, 64 * TIB - 1), min_size=1, max_size=20),
)
def test_any_nodes_that_there_are_show_their_unit(totals, frees):
    """From 64 MiB to 64 TiB, whatever is free of it."""
    as_bytes = memory([n * MIB for n in totals], [n * MIB for n in frees])

    assert in_bytes(**memory(totals, frees)) is False
    assert in_bytes(**as_bytes) is True


@pytest.mark.parametrize(
    ("total", "free"),
    [
        ([1], [0]),  # RealMemory is not set, and its node has not been seen
        ([1] * NODES, [190_000] * NODES),
        ([16_000], [0]),
        ([12 * TIB], [11 * TIB]),
        ([12 * TIB] * NODES, None),
        ([TIB], [TIB]),  # as bytes, a node of one MiB
        ([64 * TIB - 1], [64 * TIB - 1]),
        ([*([190_000] * 999), 190_000 * 1024], None),  # one is written in KiB
    ],
)
def test_odd_nodes_are_seen_to_be_in_mib(total, free):
    """The average decides, so it is the same for one node and for many."""
    assert in_bytes(**memory(total, free)) is False


@pytest.mark.parametrize(
    ("total", "free"),
    [
        ([64 * MIB], [0]),
        ([12 * TIB * MIB] * NODES, [0] * NODES),
        ([*([MIB] * 5), 512 * GIB * MIB], [0] * 6),  # most have no RealMemory
        ([MIB] * 6, [0, 0, 0, 0, 0, 3 * GIB * MIB]),  # none has, and one has been seen
    ],
)
def test_odd_nodes_are_seen_to_be_in_bytes(total, free):
    """What is free of a node's memory helps where RealMemory is not set."""
    assert in_bytes(**memory(total, free)) is True


@pytest.mark.parametrize(
    "numbers", [{}, memory([], []), memory([0, 0], [0, 0]), memory([], [5]), {"nodes": 0}]
)
def test_a_cluster_without_nodes_proves_nothing(numbers):
    """Not even that it counts in MiB."""
    assert in_bytes(**numbers) is None


@pytest.mark.parametrize(("unit", "verdict"), [(1, False), (MIB, True)])
def test_partitions_show_the_unit_by_their_nodes(unit, verdict):
    """Twenty thousand nodes of 1.5 TiB are more than any number could be as MiB of one node."""
    memory_of_all = NODES * 3 * TIB // 2 * unit

    assert (
        in_bytes(
            partition_nodes={"long": NODES, "empty": 0},
            partition_nodes_mem_tot={"long": memory_of_all, "empty": 0},
            partition_nodes_mem_free={"long": 0, "empty": 0},
        )
        is verdict
    )


@pytest.mark.parametrize(
    ("prefix", "wrapped"), [("jobs", int), ("user_jobs", dict), ("account_jobs", dict)]
)
def test_jobs_show_bytes_when_they_have_more_than_any_node(prefix, wrapped):
    """64 TiB per allocated node; less may be any unit."""

    def of_jobs(amount, nodes):
        numbers = {f"{prefix}_memory_alloc": amount, f"{prefix}_nodes_alloc": nodes}
        if wrapped is dict:
            numbers = {name: {"x": number, "y": 0} for name, number in numbers.items()}
        return in_bytes(**numbers)

    assert of_jobs(2 * 64 * MIB, 2) is True
    assert of_jobs(2 * 64 * MIB - 1, 2) is None
    assert of_jobs(NODES * 12 * TIB, NODES) is None
    assert of_jobs(NODES * 12 * TIB * MIB, NODES) is True
    assert of_jobs(0, 0) is None
    assert of_jobs(5, 0) is None


@pytest.mark.parametrize(
    ("numbers", "large"),
    [
        ({"node_cpus": {"n1": 65_535}}, False),
        ({"node_cpus": {"n1": 65_535, "n2": 1}}, True),
        ({"partition_cpus": {"a": 65_535, "b": 65_535}}, False),  # perhaps of the same nodes
        ({"partition_cpus": {"a": 65_536}}, True),
        ({"partition_cpus": {}}, False),
    ],
)
def test_a_large_cluster_is_one_whose_cpus_16_bits_cannot_count(numbers, large):
    """Nodes are counted once, partitions may overlap."""
    assert Evidence.of(families(**numbers)).large is large


def test_a_sum_that_16_bits_cannot_hold_proves_itself():
    """And what is proved once holds, though the sum is smaller later."""
    before = Evidence.of(families(user_jobs_cpus_alloc={"a": 65_536}, jobs_cpus_alloc=65_535))
    later = Evidence.of(families(user_jobs_cpus_alloc={"a": 1}, jobs_cpus_alloc=1))

    assert before.wide == {"slurm_user_jobs_cpus_alloc"}
    assert later.wide == frozenset()
    assert later.after(before).wide == before.wide


def test_everything_else_is_as_new_as_the_answer():
    """An upgraded slurmctld may change its unit."""
    before = Evidence(in_bytes=True, large=True, counts_gpus=True)

    assert Evidence(in_bytes=False).after(before) == Evidence(in_bytes=False)


@pytest.mark.parametrize(
    ("numbers", "counts"),
    [
        ({}, False),
        ({"node_gpus": {"n1": 0, "n2": 4}}, True),
        ({"partition_jobs_gpus_alloc": {"gpu": 1}}, True),
        ({"node_gpus": {"n1": 0}, "node_gpus_alloc": {"n1": 1}}, False),
    ],
)
def test_gpus_are_accounted_for_where_one_is_seen(numbers, counts):
    """Those that are allocated on a node are known without accounting."""
    assert Evidence.of(families(**numbers)).counts_gpus is counts


def test_an_answer_is_believed_before_the_others():
    """Where it says nothing itself, any of them may help."""
    sure, unsure = Evidence(in_bytes=False), Evidence(large=True)
    other = Evidence(in_bytes=True, wide=frozenset({"a"}), counts_gpus=True)

    assert sure.beside([other]).in_bytes is False
    assert unsure.beside([unsure, other]) == Evidence(
        in_bytes=True, large=True, wide=frozenset({"a"}), counts_gpus=True
    )
    assert unsure.beside([]) == unsure
