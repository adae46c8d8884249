"""The endpoint scheduler."""

from __future__ import annotations

import pytest

from slurm_exporter.sources.cli.commands.sdiag import SDIAG
from slurm_exporter.sources.cli.families import scheduler
from tests import fake_slurmctld
from tests.sources.cli.recordings import RELEASES, recorded, records, samples

NATIVE_ONLY = {
    "slurm_bf_cycle_tot",
    "slurm_bf_depth_tot",
    "slurm_bf_depth_try_tot",
    "slurm_bf_queue_len_tot",
    "slurm_bf_table_size_tot",
    "slurm_schedule_cycle_depth",
    "slurm_schedule_cycle_tot",
}
"""sdiag prints only means of these, rounded down."""


def test_all_native_families_are_there_that_sdiag_knows() -> None:
    """Under the same names, without labels, as gauges."""
    lines = fake_slurmctld.recorded("scheduler").decode().splitlines()
    native = {line.split()[2] for line in lines if line.startswith("# TYPE")}

    assert {metric.name for metric in scheduler.METRICS} == native - NATIVE_ONLY
    assert {(metric.labels, metric.type) for metric in scheduler.METRICS} == {((), "gauge")}


@pytest.mark.parametrize("release", RELEASES)
def test_families_are_what_a_release_prints(release: str) -> None:
    """The reasons why cycles ended are absent in 22.05, not 0."""
    found = samples(scheduler.families(records(SDIAG, recorded(SDIAG, release))))
    missing = {metric.name for metric in scheduler.METRICS} - set(found)

    assert len(missing) == (12 if release == "22.05.8" else 0)
    assert all("_exit_" in name for name in missing)


def test_numbers_are_sdiags() -> None:
    """Cycle times stay microseconds, as slurmctld's own metrics have them."""
    text = "sdiag output at x (1795239500)\nMain schedule statistics\n\tMax cycle:    1898\n"

    assert samples(scheduler.families(records(SDIAG, text))) == {
        "slurm_sched_stats_timestamp": {(): 1795239500},
        "slurm_schedule_cycle_max": {(): 1898},
    }
