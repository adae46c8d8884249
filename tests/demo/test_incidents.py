"""What befalls nodes, and the jobs on them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.demo import incidents
from slurm_exporter.demo.incidents import Incidents
from slurm_exporter.demo.inventory import COMPUTE, Shape

if TYPE_CHECKING:
    from slurm_exporter.demo.incidents import Phase
    from slurm_exporter.demo.records import Node
    from tests.demo.conftest import Bench

LONG = 600.0


def struck(bench: Bench, monkeypatch: pytest.MonkeyPatch, story: tuple[Phase, ...]) -> Node:
    """The one node that ``story``, and nothing else, has happened to."""
    monkeypatch.setattr(incidents, "INCIDENTS", {story: 1})
    Incidents(bench).begin()
    while True:
        bench.advance(1)
        for node in bench.nodes.values():
            if node.flags:
                return node


def flags_over_time(bench: Bench, node: Node) -> list[frozenset[str]]:
    """Everything that is wrong with ``node`` until it is well again, in order."""
    seen = [node.flags]
    while node.flags:
        bench.advance(1)
        if node.flags != seen[-1]:
            seen.append(node.flags)
    return seen


@pytest.mark.parametrize("story", incidents.INCIDENTS)
def test_every_story_has_a_happy_end(
    bench: Bench, monkeypatch: pytest.MonkeyPatch, story: tuple[Phase, ...]
):
    node = struck(bench, monkeypatch, story)

    assert flags_over_time(bench, node) == [*(phase.flags for phase in story), frozenset()]


def test_a_drained_node_waits_for_its_jobs_before_it_reboots(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    for node in bench.nodes.values():
        bench.run(bench.put(COMPUTE, Shape(1, 1, 1), minutes=100), node.name)
    node = struck(bench, monkeypatch, incidents.REBOOT)

    bench.advance(LONG)
    assert node.flags == {"drain", "reboot_req"}
    assert node.jobs

    while node.jobs:
        bench.advance(1)
    bench.advance(31)
    assert node.flags == {"down", "drain", "reboot_issued"}


def test_a_crash_ends_some_jobs_and_sends_others_back_to_the_queue(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    for node in bench.nodes.values():
        for _ in range(20):
            bench.run(bench.put(COMPUTE, Shape(1, 1, 1), minutes=10_000), node.name)
    node = struck(bench, monkeypatch, incidents.CRASH)

    lost = [job for job in bench.jobs.values() if job.state != "running"]
    assert not node.jobs
    assert len(lost) == 20
    assert {job.state for job in lost} == {"node_failed", "pending"}
    assert all("requeued" in job.flags for job in lost if job.state == "pending")
