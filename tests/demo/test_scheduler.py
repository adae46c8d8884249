"""Who starts when, and on which nodes."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.demo.inventory import COMPUTE, DEBUG, SCAVENGE, Shape
from slurm_exporter.demo.scheduler import (
    BACKFILL_SECONDS,
    MAIN_SECONDS,
    MAX_JOB_TEST,
    Plan,
    Scheduler,
)

if TYPE_CHECKING:
    from tests.demo.conftest import Bench

WHOLE = Shape(1, 32, 1_000)
PAIR = Shape(2, 32, 1_000)
ALL = Shape(4, 32, 1_000)


@pytest.fixture
def scheduler(bench: Bench) -> Scheduler:
    """A scheduler that has seen an empty queue once."""
    scheduler = Scheduler(bench)
    scheduler.begin()
    return scheduler


@pytest.mark.usefixtures("scheduler")
class TestMainCycle:
    def test_starts_what_fits_on_the_first_nodes_that_are_enough(self, bench: Bench):
        job = bench.put(DEBUG, PAIR)

        bench.advance(MAIN_SECONDS)

        assert [node.name for node in job.nodes] == ["dv001", "dv002"]

    def test_starts_as_many_tasks_of_an_array_as_there_is_room_for(self, bench: Bench):
        array = bench.put(DEBUG, WHOLE, tasks=6)

        bench.advance(MAIN_SECONDS)

        assert array.tasks == 2
        assert {node.base_state for node in bench.partition_nodes["debug"]} == {"alloc"}

    def test_leaves_a_partition_alone_behind_a_job_that_does_not_fit(self, bench: Bench):
        bench.run(bench.put(DEBUG, WHOLE), "dv001")
        too_large = bench.put(DEBUG, ALL)
        small = bench.put(DEBUG, WHOLE)
        elsewhere = bench.put(COMPUTE, WHOLE)

        bench.advance(MAIN_SECONDS)

        assert (too_large.state, small.state) == ("pending", "pending")
        assert elsewhere.state == "running"

    def test_lets_preemptible_jobs_wait_while_another_partition_is_full(self, bench: Bench):
        bench.put(DEBUG, WHOLE, tasks=5)
        leftover = bench.put(SCAVENGE, Shape(1, 1, 1_000))

        bench.advance(MAIN_SECONDS)

        assert leftover.state == "pending"

    def test_preempts_for_a_job_that_then_fits_in_the_next_cycle(self, bench: Bench):
        leftovers = bench.put(SCAVENGE, Shape(1, 48, 1_000), tasks=112)
        bench.advance(MAIN_SECONDS)
        assert leftovers.state == "running"
        job = bench.put(COMPUTE, PAIR)

        bench.advance(MAIN_SECONDS)
        states = [record.state for record in bench.jobs.values()]
        assert states.count("preempted") == 2

        bench.advance(MAIN_SECONDS)
        assert job.state == "running"

    def test_does_not_preempt_for_a_preemptible_job(self, bench: Bench):
        bench.put(SCAVENGE, Shape(1, 48, 1_000), tasks=120)

        bench.advance(2 * MAIN_SECONDS)

        assert "preempted" not in {record.state for record in bench.jobs.values()}

    def test_starts_nothing_on_nodes_that_are_marked(self, bench: Bench):
        for node in bench.partition_nodes["debug"]:
            node.flags = frozenset({"drain"})
        job = bench.put(DEBUG, WHOLE)

        bench.advance(BACKFILL_SECONDS)

        assert job.state == "pending"

    def test_counts_cycles_their_depth_and_their_time(self, bench: Bench):
        bench.put(DEBUG, WHOLE, tasks=5)
        bench.put(DEBUG, WHOLE)
        bench.advance(MAIN_SECONDS)

        seen = bench.statistics

        assert seen["schedule_cycle_cnt"] == seen["sched_exit_end"] == 2
        assert seen["schedule_cycle_depth"] == 1
        assert seen["schedule_queue_len"] == 2
        assert seen["schedule_cycle_max"] >= seen["schedule_cycle_last"] > 0
        assert seen["schedule_cycle_tot"] > seen["schedule_cycle_last"]


@pytest.mark.usefixtures("scheduler")
class TestBackfillCycle:
    def test_starts_short_jobs_on_promised_nodes_and_long_ones_not(self, bench: Bench):
        """The large job needs all nodes when the running one ends, in ten minutes."""
        bench.run(bench.put(DEBUG, WHOLE, minutes=10), "dv001")
        large = bench.put(DEBUG, ALL)
        long = bench.put(DEBUG, WHOLE, minutes=20)
        short = bench.put(DEBUG, WHOLE, minutes=5)

        bench.advance(BACKFILL_SECONDS)

        assert (large.state, long.state, short.state) == ("pending", "pending", "running")
        assert bench.statistics["backfilled_jobs"] == 1

    def test_marks_the_idle_nodes_that_it_keeps_as_planned_until_the_job_starts(self, bench: Bench):
        bench.run(bench.put(DEBUG, WHOLE, minutes=10), "dv001")
        large = bench.put(DEBUG, ALL)
        bench.advance(BACKFILL_SECONDS)
        planned = [node.name for node in bench.nodes.values() if node.planned]
        assert planned == ["dv002", "dv003", "dv004"]

        bench.advance(600 + BACKFILL_SECONDS)
        assert large.state == "running"
        assert not any(node.planned for node in bench.nodes.values())

    def test_promises_nodes_to_one_job_of_a_partition_and_to_no_preemptible_one(self, bench: Bench):
        for name in ("dv001", "dv002"):
            bench.run(bench.put(DEBUG, WHOLE), name)
        plan = Plan(bench)
        plan.promise(bench.put(SCAVENGE, Shape(1, 1, 1)))
        plan.promise(bench.put(DEBUG, Shape(3, 32, 1_000)))
        plan.promise(bench.put(DEBUG, ALL))

        assert len(plan) == 3

    def test_does_not_try_the_like_of_a_job_that_did_not_fit(self, bench: Bench):
        bench.put(DEBUG, WHOLE, tasks=5)
        bench.put(DEBUG, WHOLE)

        bench.advance(BACKFILL_SECONDS)

        assert bench.statistics["bf_last_depth"] == 2
        assert bench.statistics["bf_last_depth_try"] == 1

    def test_stops_at_the_most_jobs_that_it_may_look_at(self, bench: Bench):
        for _ in range(MAX_JOB_TEST + 5):
            bench.put(DEBUG, ALL)

        bench.advance(BACKFILL_SECONDS)

        assert bench.statistics["bf_last_depth"] == MAX_JOB_TEST
        assert bench.statistics["bf_queue_len"] == MAX_JOB_TEST + 4
        assert bench.statistics["bf_exit_max_job_test"] == 1

    def test_notes_when_it_ran(self, bench: Bench):
        bench.advance(BACKFILL_SECONDS + 1)

        assert bench.statistics["bf_when_last_cycle"] == BACKFILL_SECONDS


@pytest.mark.usefixtures("scheduler")
def test_pending_and_running_jobs_are_counted_every_half_minute(bench: Bench):
    bench.put(DEBUG, WHOLE, tasks=6)
    bench.advance(29)
    assert bench.statistics["sdiag_jobs_running"] == 0

    bench.advance(1)
    assert bench.statistics["sdiag_jobs_running"] == 4
    assert bench.statistics["sdiag_jobs_pending"] == 2
    assert bench.statistics["sdiag_job_states_ts"] == 30
