"""What the users do."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.demo import users
from slurm_exporter.demo.inventory import PARTITIONS
from slurm_exporter.demo.users import RUSH, Users

if TYPE_CHECKING:
    import pytest

    from tests.demo.conftest import Bench


def test_they_begin_with_a_rush_and_go_on(bench: Bench):
    Users(bench).begin()
    assert len(bench.jobs) >= RUSH

    before = len(bench.jobs)
    bench.advance(60)
    assert len(bench.jobs) > before


def test_they_do_not_submit_to_a_partition_with_too_long_a_queue(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
):
    """Nothing is ever started here, so that every queue fills up and stays so."""
    monkeypatch.setattr(users, "PATIENCE", 200.0)
    Users(bench).begin()
    bench.advance(7200)
    before = bench.statistics["sdiag_jobs_submitted"]

    bench.advance(600)

    assert bench.statistics["sdiag_jobs_submitted"] - before < 50
    assert {job.partition for job in bench.jobs.values()} == set(PARTITIONS)


def test_they_hold_and_release_jobs_and_take_back_what_can_never_start(bench: Bench):
    Users(bench).begin()
    rush = list(bench.jobs.values())
    held = [job for job in rush if "hold" in job.flags]
    hopeless = [job for job in rush if "wait_part_node_limit" in job.flags]
    assert held
    assert hopeless
    assert all(job.shape.nodes > job.partition.max_nodes for job in hopeless)

    bench.advance(1201)

    assert all(job.eligible for job in held)
    assert {job.state for job in hopeless} == {"cancelled"}
