"""What is counted of nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.sources.cli.families.capacity import (
    STATES,
    by_partition,
    flag_word,
    idle_cpus,
    state_word,
    sums,
)
from tests.sources.cli.examples import NODE

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.records import Node

COUNTED = {state.suffix: state.counts for state in STATES}


def node(state: str, *flags: str) -> Node:
    return NODE._replace(state=state, flags=frozenset(flags))


def counted_as(one: Node) -> set[str]:
    return {suffix for suffix, counts in COUNTED.items() if counts(one)}


@pytest.mark.parametrize("state", ["ALLOCATED", "IDLE", "MIXED"])
@pytest.mark.parametrize("flag", ["", "RESERVED", "PLANNED", "POWERED_DOWN", "CLOUD"])
def test_what_jobs_leave_of_the_effective_cpus_is_idle(state: str, flag: str) -> None:
    """A node that is powered down can be powered up, one that is reserved has somebody's jobs."""
    assert idle_cpus(node(state, flag)) == 7
    assert idle_cpus(node(state, flag)._replace(cpus_alloc=3)) == 4


@pytest.mark.parametrize("state", ["DOWN", "UNKNOWN", "FUTURE", "ERROR"])
def test_a_dead_node_has_no_idle_cpus(state: str) -> None:
    assert idle_cpus(node(state)) == 0


@pytest.mark.parametrize("flag", ["DRAIN", "FAIL", "INVALID_REG", "NOT_RESPONDING"])
def test_a_node_that_gets_no_work_has_no_idle_cpus(flag: str) -> None:
    """Although jobs may still have some of the others."""
    assert idle_cpus(node("MIXED", flag)._replace(cpus_alloc=3)) == 0


def test_idle_cpus_are_never_negative() -> None:
    """Jobs can have CPUs that are kept for the system, too."""
    assert idle_cpus(NODE._replace(cpus_alloc=8)) == 0


def test_base_states_exclude_each_other() -> None:
    """So that they sum up to all nodes; what we do not know is another."""
    for state, suffix in {
        "ALLOCATED": "alloc",
        "DOWN": "down",
        "FUTURE": "future",
        "IDLE": "idle",
        "MIXED": "mixed",
        "UNKNOWN": "unknown",
        "ERROR": "other",
        "": "other",
    }.items():
        assert counted_as(node(state)) == {suffix}


@pytest.mark.parametrize("state", ["IDLE", "DOWN", "UNKNOWN"])
def test_a_drained_node_has_no_jobs_left(state: str) -> None:
    assert {"drain", "drained"} < counted_as(node(state, "DRAIN"))
    assert "draining" not in counted_as(node(state, "DRAIN"))


@pytest.mark.parametrize("state", ["ALLOCATED", "MIXED"])
def test_a_draining_node_has_jobs(state: str) -> None:
    """slurmctld does not count it under drain, either."""
    assert not {"drain", "drained"} & counted_as(node(state, "DRAIN"))
    assert "draining" in counted_as(node(state, "DRAIN"))


def test_each_flag_counts_on_its_own() -> None:
    flags = ("NOT_RESPONDING", "MAINTENANCE", "RESERVED", "POWERING_UP", "SOMETHING_NEW")

    assert counted_as(node("IDLE", *flags)) == {"idle", "noresp", "maint", "resv", "powering_up"}


def test_words_are_those_of_the_families() -> None:
    """What we do not know keeps its own."""
    assert [state_word(state) for state in ("ALLOCATED", "ERROR")] == ["alloc", "error"]
    assert [flag_word(flag) for flag in ("NOT_RESPONDING", "NEW")] == ["noresp", "new"]


def test_a_node_counts_in_each_of_its_partitions() -> None:
    nodes = [
        NODE,
        NODE._replace(partitions=("batch", "long")),
        NODE._replace(partitions=("batch", "long"), cpus=2),
        NODE._replace(partitions=()),
    ]

    assert sums(by_partition(nodes), lambda one: one.cpus) == {"batch": 18, "long": 10}
