"""What the scheduling statistics keep and forget."""

from __future__ import annotations

from slurm_exporter.demo.sdiag import DAY, Statistics


def test_a_new_day_forgets_the_counters_and_keeps_what_slurmctld_keeps():
    statistics = Statistics(last_proc_req_start=DAY + 5)
    statistics.note_backfill_cycle(1000, 5, 3, "end")
    statistics.note_backfilled(2, 2 * DAY - 10)

    statistics.begin_new_day(2 * DAY - 1)
    assert statistics["bf_cycle_cnt"] == 1

    statistics.begin_new_day(2 * DAY + 3)
    assert statistics["bf_cycle_cnt"] == 0
    assert statistics["last_backfilled_jobs"] == 0
    assert statistics["backfilled_jobs"] == 2
    assert statistics["bf_when_last_cycle"] == 2 * DAY - 10
    assert statistics["last_proc_req_start"] == 2 * DAY + 3


def test_means_are_whole_numbers_and_0_before_the_first_cycle():
    statistics = Statistics()
    assert set(statistics.means().values()) == {0}

    statistics.note_main_cycle(100, queue=3, depth=1)
    statistics.note_main_cycle(101, queue=3, depth=2)

    assert statistics.means()["sched_mean_cycle"] == 100
    assert statistics.means()["sched_mean_depth_cycle"] == 1


def test_the_longest_cycle_is_remembered():
    statistics = Statistics()
    for micros in (10, 30, 20):
        statistics.note_main_cycle(micros, queue=0, depth=0)

    assert statistics["schedule_cycle_max"] == 30
    assert statistics["schedule_cycle_last"] == 20
    assert statistics["schedule_cycle_tot"] == 60
