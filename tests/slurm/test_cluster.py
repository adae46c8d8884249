"""The harness itself: what it boots works, and nothing of it stays."""

from __future__ import annotations

import signal
import subprocess
import sys
from pathlib import Path

import pytest

from tests.slurm import tree
from tests.slurm.cluster import SlurmCluster
from tests.slurm.host import ClusterError, eventually

pytestmark = [pytest.mark.slurm, pytest.mark.usefixtures("slurm")]

BOOT_AND_WAIT = """
import signal
from tests.slurm import tree
from tests.slurm.cluster import SlurmCluster
with SlurmCluster(slurmd=["n1"]) as cluster:
    cluster.sbatch(user="alice")
    print(cluster.root, flush=True)
    signal.pause()
"""


def namespace_of(process: Path) -> str | None:
    """Return the pid namespace of a /proc entry, None if the process is gone."""
    try:
        return str((process / "ns/pid").readlink())
    except OSError:
        return None


def processes_in(namespace: str | None) -> list[Path]:
    """List the processes of a pid namespace."""
    assert namespace is not None
    every = Path("/proc").glob("[0-9]*")
    return [process for process in every if namespace_of(process) == namespace]


def test_a_cluster_runs_the_jobs_of_its_users_and_leaves_nothing() -> None:
    """A user's job runs where squeue says so; after the block no process is left."""
    with SlurmCluster(slurmd=["n1"]) as cluster:
        namespace = namespace_of(cluster.root.parent)
        cluster.sbatch("--account=physics", user="alice")
        listing = ["squeue", "--noheader", "--format=%u %a %T %N"]
        expected = "alice physics RUNNING n1\n"
        eventually(lambda: cluster.run(listing, user="bob") == expected, "the job to run")
        assert len(processes_in(namespace)) > 4

    assert processes_in(namespace) == []


@pytest.mark.parametrize("release", tree.RELEASES, ids=str)
def test_a_cluster_of_each_release_accounts_for_gpus(release: tree.Release) -> None:
    """slurmdbd knows the accounts, and a job's GPUs by their model."""
    with SlurmCluster(release=release, slurmd=[], with_accounting=True, rich=True) as cluster:
        cluster.sbatch("--partition=gpu", "--gres=gpu:h100:2", user="carol")
        told = cluster.version, cluster.run(["squeue", "--noheader", "--format=%a"])
        listing = ["squeue", "--noheader", "--states=RUNNING", "--Format=tres-alloc:200"]
        tres = eventually(lambda: cluster.run(listing).strip(), "the job to run")

    assert told[0].startswith(f"{release}.")
    assert told[1] == "chem\n"
    assert tres.endswith("gres/gpu=2,gres/gpu:h100=2")


def test_a_cluster_ends_with_a_test_process_that_is_killed() -> None:
    """SIGKILL for whoever booted the cluster ends its daemons, jobs and mounts as well."""
    command = [sys.executable, "-c", BOOT_AND_WAIT]
    root = Path(__file__).parents[2]
    with subprocess.Popen(command, cwd=root, stdout=subprocess.PIPE, text=True) as booted:
        assert booted.stdout is not None
        namespace = namespace_of(Path(booted.stdout.readline()).parent)
        assert len(processes_in(namespace)) > 4
        booted.send_signal(signal.SIGKILL)

    eventually(lambda: not processes_in(namespace), "the machine to end")


def test_a_command_that_fails_says_what_it_printed() -> None:
    """The error of a command inside holds its name, its user, its code and its words."""
    with (
        SlurmCluster(slurmd=[]) as cluster,
        pytest.raises(ClusterError, match="scontrol as alice ended with 1: Node n9 not found"),
    ):
        cluster.run(["scontrol", "show", "node", "n9"], user="alice")


def test_slurmctld_can_be_killed_and_started_again() -> None:
    """SIGKILL takes the answers away at once, ``start`` brings them and the jobs back."""
    with SlurmCluster(slurmd=[]) as cluster:
        job = cluster.sbatch(user="alice")
        cluster.kill()
        with pytest.raises(ConnectionRefusedError):
            cluster.get("/metrics/jobs")

        cluster.start()

        assert "slurm_jobs_pending 1" in cluster.get("/metrics/jobs").text.splitlines()
        assert cluster.run(["squeue", "--noheader", "--format=%A"]) == f"{job}\n"
