"""The life of jobs in the controller's memory."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.demo.controller import EPILOG, MIN_JOB_AGE, OUTCOMES, REQUEUE_DELAY
from slurm_exporter.demo.inventory import COMPUTE, SCAVENGE, Shape

if TYPE_CHECKING:
    from tests.demo.conftest import Bench

CORE = Shape(1, 1, 1_000)


def test_events_happen_in_the_order_of_time_and_see_their_own_moment(bench: Bench):
    seen: list[tuple[str, float]] = []
    bench.after(2.0, lambda: seen.append(("second", bench.now)))
    bench.after(1.0, lambda: seen.append(("first", bench.now)))
    bench.after(9.0, lambda: seen.append(("too late", bench.now)))

    bench.advance(5.0)

    assert seen == [("first", 1.0), ("second", 2.0)]
    assert bench.now == 5.0


def test_a_job_is_configured_runs_ends_is_cleaned_up_and_forgotten(bench: Bench):
    job = bench.run(bench.put(COMPUTE, CORE, minutes=10), "cn001")
    assert (job.state, job.flags) == ("running", {"configuring"})

    bench.advance(10)
    assert (job.state, job.flags) == ("running", frozenset())

    bench.advance(591)
    assert job.state in OUTCOMES
    assert job.flags == {"completing"}
    assert not bench.nodes["cn001"].jobs
    assert bench.nodes["cn001"].cleaning == 1

    bench.advance(EPILOG[1])
    assert job.flags == frozenset()
    assert bench.nodes["cn001"].cleaning == 0
    assert job.id in bench.jobs

    bench.advance(MIN_JOB_AGE)
    assert job.id not in bench.jobs


def test_a_started_task_leaves_its_array_and_the_last_one_is_the_array(bench: Bench):
    array = bench.put(COMPUTE, CORE, tasks=2)

    bench.run(array, "cn001")
    (task,) = bench.nodes["cn001"].jobs.values()
    assert task is not array
    assert (array.state, array.tasks, task.state, task.tasks) == ("pending", 1, "running", 1)

    bench.run(array, "cn002")
    assert array.state == "running"
    assert list(bench.jobs.values()) == [array, task]


def test_a_requeued_job_waits_a_while_and_its_first_run_never_ends_its_second(bench: Bench):
    job = bench.run(bench.put(COMPUTE, CORE, minutes=10), "cn001")
    bench.advance(300)
    bench.requeue(job)
    assert job.state == "pending"
    assert job.flags == {"requeued", "completing"}
    assert bench.queue() == []

    bench.advance(REQUEUE_DELAY)
    assert bench.queue() == [job]

    bench.run(job, "cn002")
    bench.advance(200)
    assert job.state == "running"
    bench.advance(401)
    assert job.state in OUTCOMES


def test_a_cancelled_array_is_one_record_and_took_no_node(bench: Bench):
    array = bench.put(COMPUTE, CORE, tasks=7)

    bench.cancel(array)

    assert (array.state, array.tasks, array.flags) == ("cancelled", 1, frozenset())
    assert bench.statistics["sdiag_jobs_canceled"] == 1
    assert not bench.waiting


def test_it_is_too_late_to_take_back_or_release_a_job_that_runs(bench: Bench):
    job = bench.run(bench.put(COMPUTE, CORE), "cn001")

    bench.cancel(job)
    bench.unflag(job)

    assert job.state == "running"
    assert job.flags == {"configuring"}


def test_the_queue_is_in_order_of_submission_with_preemptible_jobs_last(bench: Bench):
    leftover = bench.put(SCAVENGE, CORE)
    first = bench.put(COMPUTE, CORE)
    held = bench.put(COMPUTE, CORE)
    held.flags = frozenset({"hold"})
    last = bench.put(COMPUTE, CORE)

    assert bench.queue() == [first, last, leftover]


def test_what_is_submitted_started_and_ended_is_counted(bench: Bench):
    array = bench.put(COMPUTE, CORE, tasks=3)
    bench.run(array, "cn001")
    bench.run(array, "cn001")
    tasks = list(bench.nodes["cn001"].jobs.values())
    bench.finish(tasks[0], "failed")
    bench.finish(tasks[1], "node_failed")

    counted = {name: number for name, number in bench.statistics.items() if "jobs" in name}

    assert counted == {
        "sdiag_jobs_submitted": 3,
        "sdiag_jobs_started": 2,
        "sdiag_jobs_completed": 1,
    }
