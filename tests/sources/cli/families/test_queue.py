"""Who waits, why and for how long."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest
from prometheus_client.openmetrics.parser import text_string_to_metric_families

from slurm_exporter.exposition import Family, Format, render
from slurm_exporter.sources.cli.families.queue import BOUNDS, Memory, families, word
from tests.sources.cli.examples import waiting

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.records import Job

JOB = waiting(reason="Priority")
RUNNING = JOB._replace(state="RUNNING", nodes=("n1",), started=130, reason="None")


def samples(found: list[Family]) -> dict[str, str]:
    """What stands on the page, by name and labels."""
    page = b"".join(render(found, ())[Format.TEXT]).decode()
    return dict(line.rsplit(" ", 1) for line in page.splitlines() if not line.startswith("#"))


def told(*jobs: Job, memory: Memory | None = None) -> dict[str, str]:
    return samples(list(families(memory or Memory(), jobs)))


def test_waiting_jobs_are_counted_by_partition_and_reason_with_what_they_ask_for() -> None:
    found = told(
        JOB,
        JOB._replace(id="2_[1-5]", tasks=5, gpus={"a100": 2}),
        JOB._replace(id="3", reason="Resources", partitions=("batch", "long")),
        RUNNING,
    )

    assert found['slurm_queue_pending{partition="batch",reason="Priority"}'] == "6"
    assert found['slurm_queue_pending_cpus{partition="batch",reason="Priority"}'] == "12"
    assert found['slurm_queue_pending_gpus{partition="batch",reason="Priority"}'] == "10"
    assert found['slurm_queue_pending{partition="batch",reason="Resources"}'] == "1"
    assert found['slurm_queue_pending{partition="long",reason="Resources"}'] == "1"


def test_a_reason_that_there_was_stays_at_zero() -> None:
    """So that a graph goes down to the ground, and an alert sees it."""
    memory = Memory()
    told(JOB, memory=memory)

    assert told(memory=memory)['slurm_queue_pending{partition="batch",reason="Priority"}'] == "0"


def test_gpus_are_absent_where_slurm_does_not_account_for_them() -> None:
    found = told(JOB._replace(gpus=None), JOB._replace(id="2", gpus={"": 1}))

    assert not [name for name in found if name.startswith("slurm_queue_pending_gpus")]


def test_the_oldest_job_is_the_one_that_has_been_ready_for_longest() -> None:
    """Not one that is held or depends on another, nor one that is to begin at a certain time."""
    found = told(
        JOB,
        JOB._replace(id="2", eligible=90, partitions=("batch", "long")),
        JOB._replace(id="3", eligible=None, reason="JobHeldUser"),
        JOB._replace(id="4", eligible=10, reason="BeginTime"),
        JOB._replace(id="5", eligible=10, reason="Dependency"),
        JOB._replace(id="6", eligible=10, reason="job requeued in held state"),
        JOB._replace(id="7", eligible=10, reason="Reservation course was deleted"),
    )

    assert found['slurm_queue_oldest_eligible_timestamp_seconds{partition="batch"}'] == "90"
    assert found['slurm_queue_oldest_eligible_timestamp_seconds{partition="long"}'] == "90"


@pytest.mark.parametrize("reason", ["JobHeldUser", "JobHeldAdmin", "Dependency", "BeginTime"])
def test_nobody_waits_longest_whose_job_is_to_begin_tomorrow(reason: str) -> None:
    """slurmctld gives the time of ``--begin`` as eligible, also while there is another reason."""
    assert not [name for name in told(JOB._replace(reason=reason)) if "oldest" in name]


def test_a_wait_is_counted_once_when_the_job_has_begun() -> None:
    memory = Memory()
    told(JOB, memory=memory)
    for _ in range(3):
        found = told(RUNNING, memory=memory)

    assert found['slurm_queue_wait_seconds_sum{partition="batch"}'] == "30"
    assert found['slurm_queue_wait_seconds_count{partition="batch"}'] == "1"
    assert found['slurm_queue_wait_seconds_bucket{partition="batch",le="10.0"}'] == "0"
    assert found['slurm_queue_wait_seconds_bucket{partition="batch",le="60.0"}'] == "1"
    assert found['slurm_queue_wait_seconds_bucket{partition="batch",le="+Inf"}'] == "1"


def test_a_job_that_ran_between_two_polls_is_counted_too() -> None:
    memory = Memory()
    told(memory=memory)
    found = told(RUNNING._replace(state="COMPLETED"), memory=memory)

    assert found['slurm_queue_wait_seconds_count{partition="batch"}'] == "1"


def test_jobs_that_began_before_we_looked_are_not_counted() -> None:
    """Nobody knows how many there were; but the partition's series begins at zero."""
    found = told(RUNNING)

    assert found['slurm_queue_wait_seconds_count{partition="batch"}'] == "0"


def test_a_job_whose_nodes_boot_waits_until_they_have() -> None:
    """It has a start before, which slurmctld 22.05 to 26.05 replace then; it counts once."""
    memory = Memory()
    told(memory=memory)
    told(RUNNING._replace(flags=frozenset({"CONFIGURING"})), memory=memory)
    found = told(RUNNING._replace(started=170), memory=memory)

    assert found['slurm_queue_wait_seconds_sum{partition="batch"}'] == "70"
    assert found['slurm_queue_wait_seconds_count{partition="batch"}'] == "1"


def test_a_requeued_job_that_is_cleaned_up_after_has_not_begun_again() -> None:
    """Slurm 26.05 gives it the time at which it could start, and the node that it still has."""
    memory = Memory()
    told(RUNNING, memory=memory)
    told(RUNNING._replace(state="COMPLETING", started=900), memory=memory)
    found = told(RUNNING._replace(state="PENDING", started=None, nodes=()), memory=memory)

    assert found['slurm_queue_wait_seconds_count{partition="batch"}'] == "0"


def test_a_job_that_is_cleaned_up_after_counts_once() -> None:
    """Whether it was seen before, or began and ended between two polls."""
    memory = Memory()
    told(memory=memory)
    told(RUNNING, memory=memory)
    other = RUNNING._replace(id="2")
    for state in ("COMPLETING", "COMPLETED"):
        jobs = (job._replace(state=state) for job in (RUNNING, other))
        found = told(*jobs, memory=memory)

    assert found['slurm_queue_wait_seconds_count{partition="batch"}'] == "2"


def test_a_requeued_job_waits_anew() -> None:
    memory = Memory()
    told(RUNNING, memory=memory)
    found = told(RUNNING._replace(eligible=200, started=900), memory=memory)

    assert found['slurm_queue_wait_seconds_sum{partition="batch"}'] == "700"


@pytest.mark.parametrize(
    "job",
    [
        JOB._replace(state="CANCELLED", started=500, ended=500),
        JOB._replace(started=999),
        RUNNING._replace(eligible=None),
    ],
    ids=["cancelled while it waited", "expected to start", "nobody knows since when"],
)
def test_a_job_that_never_began_has_not_waited(job: Job) -> None:
    memory = Memory()
    told(memory=memory)
    found = told(job, memory=memory)

    assert found.get('slurm_queue_wait_seconds_count{partition="batch"}', "0") == "0"


def test_the_histogram_is_one_in_openmetrics() -> None:
    """All samples with the same labels stand together, as that format wants it."""
    memory = Memory()
    jobs = (RUNNING, RUNNING._replace(id="2", partitions=("long",)))
    page = b"".join(render(list(families(memory, jobs)), ())[Format.OPENMETRICS])
    found = {f.name: f for f in text_string_to_metric_families(page.decode() + "# EOF\n")}

    assert found["slurm_queue_wait_seconds"].type == "histogram"
    assert len(found["slurm_queue_wait_seconds"].samples) == 2 * (len(BOUNDS) + 3)


@pytest.mark.parametrize(
    ("reason", "shown"),
    [
        ("Priority", "Priority"),
        ("AssocGrpCPUMinutesLimit", "AssocGrpCPUMinutesLimit"),
        ("ReqNodeNotAvail, UnavailableNodes:n[1-7]", "ReqNodeNotAvail"),
        ("ReqNodeNotAvail(Unavailable:n1)", "ReqNodeNotAvail"),
        (
            "Nodes required for job are DOWN, DRAINED, REBOOTING or reserved for jobs in",
            "Resources",
        ),
        ("Nodes required for job are DOWN, DRAINED or reserved for jobs", "Resources"),
        ("launch failed requeued held", "JobLaunchFailure"),
        ("launch failure limit exceeded requeued held", "JobHoldMaxRequeue"),
        ("Reservation", "Reservation"),
        ("Reservation course 1 was deleted", "ReservationDeleted"),
        ("Something new, with the node n17 in it", "other"),
        ("", "other"),
    ],
)
def test_a_reason_is_a_word(reason: str, shown: str) -> None:
    """What is added to it, such as names of nodes, would make a series each."""
    assert word(reason) == shown
