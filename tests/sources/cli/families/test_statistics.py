"""What is counted of jobs."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.sources.cli.families.statistics import STATISTICS, Tally
from tests.sources.cli.examples import job, waiting
from tests.sources.cli.recordings import alone, samples

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.records import Job

ALL = Tally("jobs", None)
BY_USER = Tally("user_jobs", "username")


def count(*jobs: Job) -> dict[str, float]:
    """All statistics of some jobs that are not 0."""
    counted = alone(ALL.families(jobs, lambda _: ((),), known=((),)))
    return {
        name.removeprefix("jobs").removeprefix("_"): value
        for name, value in counted.items()
        if value
    }


def test_a_running_job_counts_with_what_it_has() -> None:
    assert count(job(cpus=4, memory=5, gpus={"a100": 2, "": 1}, nodes=("n1", "n2"))) == {
        "": 1,
        "running": 1,
        "started": 1,
        "cpus_alloc": 4,
        "memory_alloc": 5,
        "gpus_alloc": 3,
        "nodes_alloc": 2,
    }


def test_a_waiting_job_has_nothing_yet() -> None:
    """Though it asks for CPUs and memory."""
    assert count(waiting(cpus=4)) == {"": 1, "pending": 1}


@pytest.mark.parametrize("reason", ["JobHeldUser", "JobHeldAdmin", "job requeued in held state"])
def test_a_job_that_is_held_waits(reason: str) -> None:
    """One that was cancelled while it was held does not."""
    assert count(waiting(reason=reason)) == {"": 1, "pending": 1, "hold": 1}
    assert "hold" not in count(job(state="CANCELLED", reason=reason))


def test_the_tasks_of_a_waiting_array_are_counted_each() -> None:
    assert count(waiting(tasks=1000), waiting()) == {"": 1001, "pending": 1001}


def test_a_suspended_job_keeps_what_it_has() -> None:
    counted = count(job(state="SUSPENDED"))
    assert (counted["suspended"], counted["cpus_alloc"], counted["nodes_alloc"]) == (1, 2, 1)
    assert "running" not in counted


@pytest.mark.parametrize(
    ("state", "name"),
    [
        ("BOOT_FAIL", "bootfail"),
        ("CANCELLED", "cancelled"),
        ("COMPLETED", "completed"),
        ("DEADLINE", "deadline"),
        ("FAILED", "failed"),
        ("NODE_FAIL", "node_failed"),
        ("OUT_OF_MEMORY", "outofmemory"),
        ("PREEMPTED", "preempted"),
        ("TIMEOUT", "timeout"),
        ("COMPLETING", "completing"),
        ("STAGE_OUT", "stageout"),
        ("REVOKED", "revoked"),
    ],
)
def test_a_job_that_has_ended_has_nothing_any_more(state: str, name: str) -> None:
    assert count(job(state=state)) == {"": 1, "started": 1, "finished": 1, name: 1}


@pytest.mark.parametrize(
    ("base", "flag", "names"),
    [
        ("RUNNING", "CONFIGURING", {"running", "configuring", "started"}),
        ("RUNNING", "POWER_UP_NODE", {"running", "started"}),
        ("RUNNING", "RESIZING", {"running", "resizing", "started"}),
        ("RUNNING", "SIGNALING", {"running", "signaling", "started"}),
        ("PENDING", "REQUEUED", {"pending", "requeued"}),
        ("PENDING", "REQUEUE_FED", {"pending", "fed_requeued"}),
        ("PENDING", "EXPEDITING", {"pending", "expediting"}),
    ],
)
def test_what_else_is_said_of_a_job_counts_beside_its_state(
    base: str, flag: str, names: set[str]
) -> None:
    counted = count(job(state=base, flags=frozenset({flag}), cpus=0, memory=0, nodes=()))
    assert set(counted) == {"", *names}


def test_a_state_that_does_not_exist_yet_is_not_lost() -> None:
    assert count(job(state="TELEPORTING")) == {"": 1, "started": 1, "other": 1}


def test_a_node_counts_once_however_many_jobs_it_has() -> None:
    assert count(job(nodes=("n1", "n2")), job(nodes=("n2", "n3")))["nodes_alloc"] == 3


def test_gpus_that_are_not_known_of_one_job_are_not_known_of_all() -> None:
    """No number is better than one that is too small."""
    counted = alone(ALL.families([job(gpus=None), job(gpus={"": 2})], lambda _: ((),)))
    assert "jobs_gpus_alloc" not in counted
    assert counted["jobs"] == 2

    waits = alone(ALL.families([waiting(gpus=None), job(gpus={"": 2})], lambda _: ((),)))
    assert waits["jobs_gpus_alloc"] == 2


def test_what_is_known_to_be_there_counts_without_any_job() -> None:
    """All statistics of an idle cluster are 0."""
    counted = samples(BY_USER.families([], lambda j: ((j.user,),), known=[("alice",)]))
    assert {tuple(numbers.items()) for numbers in counted.values()} == {((("alice",), 0.0),)}
    assert {one.name for one in BY_USER.metrics} == set(counted)


def test_a_job_may_count_under_several_labels() -> None:
    """Or under none."""
    tally = Tally("partition_jobs", "partition", without=frozenset({"_nodes_alloc", "_hold"}))
    jobs = [job(partitions=("a", "b")), job(partitions=("b",)), job(partitions=())]
    counted = samples(tally.families(jobs, lambda j: [(one,) for one in j.partitions]))

    assert counted["partition_jobs"] == {("a",): 1, ("b",): 2}
    assert not {"partition_jobs_nodes_alloc", "partition_jobs_hold"} & set(counted)
    assert {one.name for one in tally.metrics} == set(counted)


STATES = ["RUNNING", "PENDING", "SUSPENDED", "COMPLETED", "FAILED", "COMPLETING", "NEW"]
JOBS = st.lists(
    st.builds(
        job,
        state=st.sampled_from(STATES),
        user=st.sampled_from(["alice", "bob", ""]),
        tasks=st.integers(1, 50),
        cpus=st.integers(0, 9),
        memory=st.integers(0, 1 << 40),
        gpus=st.sampled_from([{}, {"a100": 1}]),
    ),
    max_size=20,
)


@given(JOBS)
def test_users_together_have_what_all_jobs_have(jobs: list[Job]) -> None:
    """Except for nodes, which they may share."""
    whole = alone(ALL.families(jobs, lambda _: ((),), known=((),)))
    users = samples(BY_USER.families(jobs, lambda j: ((j.user,),)))
    for one in STATISTICS:
        assert sum(users[f"user_jobs{one.suffix}"].values()) == whole[f"jobs{one.suffix}"]


@given(JOBS)
def test_a_job_waits_runs_is_suspended_has_ended_or_is_another(jobs: list[Job]) -> None:
    """These are all jobs, each once."""
    counted = count(*jobs)
    parts = ("pending", "running", "suspended", "finished", "other")
    assert sum(counted.get(part, 0) for part in parts) == counted.get("", 0)
