"""What people do to a cluster: jobs of many kinds, nodes in odd states, account names that bite."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from tests.slurm.host import eventually

if TYPE_CHECKING:
    from tests.slurm.cluster import SlurmCluster

SETTLED = {
    "CANCELLED": 1,
    "COMPLETED": 2,
    "CONFIGURING": 1,
    "FAILED": 1,
    "PENDING": 122,
    "RUNNING": 5,
    "SUSPENDED": 1,
}
"""Array tasks by state once ``submit_mix`` has returned."""

FORGERY = """x"} 1
slurm_jobs_running 424242
slurm_account_jobs{account="physics"} 999
slurm_account_jobs{account="chem"} 999
slurm_account_jobs{account="ghost"} 999
slurm_account_jobs{account="y"""
"""An account name that, unescaped, reads as rows of other metrics and other people's accounts."""

FORGED_VALUES = (424242, 999)

HOSTILE_ACCOUNTS = (
    FORGERY,
    'a"quote',
    "two\nlines",
    "back\\slash",
    "ends in a backslash\\",
    "fysik-µ-物理",
    'braces{}, "=" and spaces',
    "end\n# EOF\n# TYPE slurm_account_jobs counter\n# HELP slurm_account_jobs forged",
)


def submit_mix(cluster: SlurmCluster) -> None:
    """Submit jobs of every common kind and return when each is in the state it will stay in."""
    submit = cluster.sbatch
    submit("--account=physics", user="alice", script="true")
    submit("--account=chem", user="alice", script="true")
    submit("--account=chem", user="dave", script="exit 3")
    cancelled = submit("--account=bio", "--hold", user="erin")
    suspended = submit("--account=physics", "--ntasks=2", "--mem=500", user="alice")
    running = submit("--account=physics", "--ntasks=4", "--mem-per-cpu=200", user="alice")
    submit(user="bob")
    submit("--account=chem", "--licenses=matlab:2", user="carol")
    submit("--account=chem", "--licenses=matlab:2", user="dave")
    submit("--account=chem", "--partition=cloud", "--ntasks=16", user="dave")
    submit("--account=chem", "--begin=now+20hours", user="carol")
    submit("--account=physics", f"--dependency=afterok:{running}", user="bob")
    submit("--account=bio", "--array=1-20%2", "--partition=debug", "--time=20", user="erin")
    submit("--account=bio", "--array=1-100", "--partition=long", "--hold", user="erin")
    submit("--account=physics", "--partition=batch,long", "--nodes=4", "--exclusive", user="bob")
    cluster.run(["scancel", str(cancelled)])
    eventually(lambda: _state(cluster, suspended) == "RUNNING", "the job to be suspended to run")
    cluster.run(["scontrol", "suspend", str(suspended)])
    eventually(lambda: _tasks(cluster) == SETTLED, "the jobs to settle")


def spoil_nodes(cluster: SlurmCluster) -> None:
    """Drain, drown and power down some nodes, with reasons that people would write."""
    for node, state, reason in (
        ("n1", "drain", "kernel update, when empty"),
        ("n4", "drain", 'bad | disk "sda"'),
        ("old1", "down", "motherboard"),
    ):
        update = ["scontrol", "update", f"nodename={node}", f"state={state}", f"reason={reason}"]
        cluster.run(update)
    cluster.run(["scontrol", "update", "nodename=n3", "state=power_down"])
    reservation = ("users=root", "flags=maint", "starttime=now", "duration=600", "nodes=old2")
    cluster.run(["scontrol", "create", "reservation", "reservationname=rebuild", *reservation])


def submit_hostile(cluster: SlurmCluster) -> None:
    """Submit honest jobs and, as mallory, one for each of ``HOSTILE_ACCOUNTS``.

    slurmctld lists accounts in the order it met them: physics stands before the forged rows about
    it, chem after them.
    """
    cluster.sbatch("--account=physics", user="alice")
    cluster.sbatch("--account=physics", user="bob")
    for account in HOSTILE_ACCOUNTS:
        cluster.sbatch("--account", account, user="mallory")
    cluster.sbatch("--account=chem", user="carol")
    eventually(lambda: _tasks(cluster).keys() == {"RUNNING"}, "the jobs to run")


def _tasks(cluster: SlurmCluster) -> dict[str, int]:
    every = ("--all", "--array", "--states=all")
    return dict(Counter(cluster.run(["squeue", *every, "--noheader", "--format=%T"]).split()))


def _state(cluster: SlurmCluster, job: int) -> str:
    return cluster.run(["squeue", "--noheader", "--format=%T", f"--jobs={job}"]).strip()
