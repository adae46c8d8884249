"""The endpoint nodes."""

from __future__ import annotations

import pytest

from slurm_exporter.sources.cli.commands.node import NODE as COMMAND
from slurm_exporter.sources.cli.families import nodes
from tests import fake_slurmctld
from tests.sources.cli.examples import NODE
from tests.sources.cli.recordings import RELEASES, recorded, records, samples

OURS = {"slurm_node_cpu_load", "slurm_nodes_other", "slurm_nodes_powering_down"}
"""Families that slurmctld does not have."""


def test_all_native_families_are_there() -> None:
    """Under the same names, with the same labels."""
    lines = fake_slurmctld.recorded("nodes").decode().splitlines()
    native = {line.split()[2] for line in lines if line.startswith("# TYPE")}
    labelled = {line.partition("{")[0] for line in lines if '{node="' in line}

    assert {metric.name for metric in nodes.METRICS} == native | OURS
    assert {metric.name for metric in nodes.METRICS if metric.labels} == labelled | {
        "slurm_node_cpu_load"
    }


def test_each_node_tells_what_it_has() -> None:
    """Memory in bytes."""
    one = NODE._replace(cpus_alloc=3, gpus={"a100": 4, "": 1}, gpus_alloc={"a100": 2})
    found = samples(nodes.families([one]))

    assert {name: found[name]["n1",] for name in found if found[name].keys() == {("n1",)}} == {
        "slurm_node_cpus": 8,
        "slurm_node_cpus_alloc": 3,
        "slurm_node_cpus_effective": 7,
        "slurm_node_cpus_idle": 4,
        "slurm_node_cpu_load": 0.5,
        "slurm_node_gpus": 5,
        "slurm_node_gpus_alloc": 2,
        "slurm_node_memory_bytes": 16 * 2**30,
        "slurm_node_memory_alloc_bytes": 0,
        "slurm_node_memory_effective_bytes": 15 * 2**30,
        "slurm_node_memory_free_bytes": 12 * 2**30,
    }


def test_what_a_node_does_not_tell_is_absent() -> None:
    """And not 0, as slurmctld says of its free memory."""
    silent = NODE._replace(name="n2", load=None, memory_free=None, gpus_alloc=None)
    found = samples(nodes.families([NODE, silent]))

    for name in ("cpu_load", "memory_free_bytes", "gpus_alloc"):
        assert found[f"slurm_node_{name}"].keys() == {("n1",)}
    assert found["slurm_node_cpus"].keys() == {("n1",), ("n2",)}


def test_nodes_are_counted_by_state() -> None:
    found = samples(
        nodes.families(
            [NODE, NODE._replace(name="n2", state="DOWN", flags=frozenset({"POWERING_DOWN"}))]
        )
    )

    assert found["slurm_nodes"] == {(): 2}
    assert found["slurm_nodes_idle"] == found["slurm_nodes_down"] == {(): 1}
    assert (found["slurm_nodes_powering_down"], found["slurm_nodes_powering_up"]) == (
        {(): 1},
        {(): 0},
    )


def test_a_cluster_without_nodes_has_none() -> None:
    found = samples(nodes.families([]))

    assert found["slurm_nodes"] == found["slurm_nodes_idle"] == {(): 0}
    assert found["slurm_node_cpus"] == {}


@pytest.mark.parametrize("release", RELEASES)
def test_a_real_cluster_is_counted_as_by_hand(release: str) -> None:
    """The same on each release; whatever is not here is 0.

    Idle are the CPUs of g1, g2 and r1 that no job has, and all of n3, r3 and cloud2.
    """
    found = samples(nodes.families(records(COMMAND, recorded(COMMAND, release))))
    counted = {
        name.removeprefix("slurm_nodes"): numbers[()]
        for name, numbers in found.items()
        if numbers.keys() == {()} and numbers[()]
    }
    counted.pop("_planned", None)  # others each time

    assert sum(found["slurm_node_cpus"].values()) == 110
    assert sum(found["slurm_node_cpus_alloc"].values()) == 31
    assert sum(found["slurm_node_cpus_idle"].values()) == 5 + 7 + 1 + 8 + 2 + 16
    assert counted == {
        "": 21,
        "_alloc": 1,
        "_cloud": 2,
        "_down": 3,
        "_drain": 3,
        "_drained": 3,
        "_draining": 2,
        "_fail": 1,
        "_future": 1,
        "_idle": 5,
        "_maint": 1,
        "_mixed": 5,
        "_noresp": 9,
        "_powered_down": 1,
        "_powering_down": 2,
        "_powering_up": 1,
        "_reboot_issued": 1,
        "_reboot_req": 1,
        "_resv": 2,
        "_unknown": 6,
    }
