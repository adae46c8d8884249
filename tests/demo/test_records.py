"""Nodes and jobs: what fits where."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.demo.inventory import COMPUTE, GPU, SCAVENGE, Shape

if TYPE_CHECKING:
    from tests.demo.conftest import Bench


@pytest.mark.parametrize(
    ("shape", "fits"),
    [
        (Shape(1, 60, 496_000, 4), True),
        (Shape(1, 61, 1_000), False),
        (Shape(1, 1, 496_001), False),
        (Shape(1, 1, 1_000, 5), False),
    ],
)
def test_a_node_gives_its_effective_cpus_its_effective_memory_and_its_gpus(
    bench: Bench, shape: Shape, fits: bool
):
    node = bench.nodes["gn001"]

    assert node.fits(shape) is fits
    assert node.would_fit(shape) is fits


def test_a_node_with_any_flag_takes_no_new_job(bench: Bench):
    node = bench.nodes["cn001"]
    node.flags = frozenset({"fail"})

    assert not node.fits(Shape(1, 1, 1))
    assert not node.would_fit(Shape(1, 1, 1))


def test_the_base_state_follows_from_what_is_allocated(bench: Bench):
    node = bench.nodes["gn001"]
    assert node.base_state == "idle"

    part = bench.run(bench.put(GPU, Shape(1, 20, 1_000, 1)), "gn001")
    assert node.base_state == "mixed"

    bench.run(bench.put(GPU, Shape(1, 40, 1_000, 1)), "gn001")
    assert node.base_state == "alloc"

    bench.finish(part, "completed")
    assert node.base_state == "mixed"
    assert (node.cpus_alloc, node.memory_alloc, node.gpus_alloc) == (40, 1_000, 1)

    node.flags = frozenset({"down", "noresp"})
    assert node.base_state == "down"


def test_only_preemptible_jobs_are_thought_away(bench: Bench):
    """A node would fit a job when the preemptible ones are all that is in its way."""
    node = bench.nodes["cn001"]
    bench.run(bench.put(SCAVENGE, Shape(1, 40, 1_000)), "cn001")
    assert not node.fits(Shape(1, 48, 1_000))
    assert node.would_fit(Shape(1, 48, 1_000))

    bench.run(bench.put(COMPUTE, Shape(1, 1, 1_000)), "cn001")
    assert not node.would_fit(Shape(1, 48, 1_000))
    assert node.would_fit(Shape(1, 47, 1_000))


def test_the_operating_system_of_a_full_node_has_some_memory_left(bench: Bench):
    node = bench.nodes["cn001"]
    bench.run(bench.put(COMPUTE, Shape(1, 1, 192_000)), "cn001")

    assert 0 < node.memory_free < node.kind.memory // 4


def test_a_waiting_array_is_as_large_as_all_its_tasks(bench: Bench):
    job = bench.put(COMPUTE, Shape(2, 3, 1_000), tasks=5, minutes=10)

    assert job.size == 5 * 2 * 3 * 600
