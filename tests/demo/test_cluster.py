"""The simulated cluster as a whole."""

from __future__ import annotations

from slurm_exporter.demo.cluster import WARM_UP, Cluster
from slurm_exporter.demo.endpoints import ENDPOINTS, answer
from slurm_exporter.demo.server import SEED

NOON = 1_795_219_200.0 + 43_200


def everything(cluster: Cluster) -> str:
    """All that is told of it at this moment."""
    return "".join(answer(endpoint, cluster) for endpoint in ENDPOINTS)


def test_the_same_seed_tells_the_same_story_and_another_one_another():
    first, again, other = Cluster(5, NOON), Cluster(5, NOON), Cluster(6, NOON)
    for cluster in (first, again, other):
        cluster.advance(100)

    assert everything(first) == everything(again)
    assert everything(first) != everything(other)


def test_a_story_does_not_depend_on_how_often_it_is_looked_at():
    patient, curious = Cluster(5, NOON), Cluster(5, NOON)
    patient.advance(300)
    for _ in range(60):
        curious.advance(5)
        everything(curious)

    assert everything(patient) == everything(curious)


def test_looking_changes_nothing():
    cluster = Cluster(5, NOON)

    assert everything(cluster) == everything(cluster)


def test_slurmctld_has_been_running_for_a_while_when_a_cluster_is_made():
    cluster = Cluster(5, NOON)

    assert cluster.unix_time == NOON
    assert cluster.statistics["last_proc_req_start"] == NOON - WARM_UP


def test_the_story_of_the_demo_begins_with_something_of_everything():
    cluster = Cluster(SEED, NOON)
    states = {job.state for job in cluster.jobs.values()}
    job_flags = {flag for job in cluster.jobs.values() for flag in job.flags}
    node_flags = {flag for node in cluster.nodes.values() for flag in node.flags}

    assert states == {
        *("pending", "running", "completed", "failed", "cancelled", "timeout"),
        *("outofmemory", "node_failed", "preempted"),
    }
    assert job_flags >= {"hold", "completing"}
    assert node_flags >= {"down", "drain", "noresp", "reboot_req", "maint", "resv"}
    assert len({job.user for job in cluster.jobs.values()}) == 16
    assert len({job.account for job in cluster.jobs.values()}) == 7


def test_the_cluster_stays_busy_and_its_queue_stays_short_for_hours():
    """It neither runs empty nor fills up, and keeps no memory of what is over."""
    cluster = Cluster(3, NOON)
    busy = []
    for _ in range(3):
        cluster.advance(3600)
        cpus = [(node.cpus_alloc, node.kind.cpus_effective) for node in cluster.nodes.values()]
        busy.append(sum(used for used, _ in cpus) / sum(total for _, total in cpus))
        assert 100 < len(cluster.jobs) < 1500
        assert sum(job.tasks for job in cluster.jobs.values()) < 4000
        assert sum(bool(node.flags) for node in cluster.nodes.values()) < 25

    assert sum(busy) / len(busy) > 0.8
    assert min(busy) > 0.5
