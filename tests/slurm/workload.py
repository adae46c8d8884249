"""What people do to a cluster: jobs of many kinds, nodes in odd states, account names that bite."""

from __future__ import annotations

from collections import Counter
from functools import partial
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

ODD_ACCOUNTS = (
    'it\'s a "quote"',
    "a|pipe, a comma; a\ttab",
    "two\nlines",
    "back\\slash\\",
    "fysik-µ-物理",
    "x" * 200,
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
    eventually(partial(_is, cluster, suspended, "RUNNING"), "the job to be suspended to run")
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


def submit_more(cluster: SlurmCluster) -> None:
    """Submit what ``submit_mix`` has not, on a rich cluster, and return when all is at rest.

    GPUs, arrays with steps and limits, jobs in several parts or partitions, odd account names,
    and jobs that were requeued, that ran out of time and that lost their node.
    """
    submit, run = cluster.sbatch, cluster.run
    gpu = ("--account=chem", "--partition=gpu")
    submit(*gpu, "--gres=gpu:a100:1", user="carol")
    submit(*gpu, "--gres=gpu:2", "--mem=1G", user="dave")
    submit(*gpu, "--gpus=3", "--nodes=1", user="carol")
    parts = ("--gres=gpu:h100:1", ":", "--account=chem", "--ntasks=2", "--time=50")
    het = submit(*gpu, "--time=50", *parts, user="dave")
    submit(*gpu, "--gres=gpu:h100:2", "--nodes=2", "--exclusive", user="carol")
    submit("--account=bio", "--array=0-9999:3%2", "--hold", user="erin")
    submit("--account=bio", "--array=1,5-9:2,100", "--begin=now+20hours", user="erin")
    submit("--account=bio", "--array=1-9%1", "--partition=rest", user="erin")
    submit("--account=bio", "--partition=long,rest,ünï", "--nodes=20", "--hold", user="erin")
    for account in ODD_ACCOUNTS:
        submit("--account", account, "--hold", user="mallory")
    submit("--hold", user="CORP\\dan")
    submit("--partition=ünï", "--begin=now+20hours", user="ünï")
    short = submit("--account=bio", "--partition=rest", "--time=2", user="erin")
    requeued = submit("--account=bio", "--partition=rest", user="erin")
    lost = submit("--account=bio", "--partition=rest", "--nodelist=r3", "--no-requeue", user="erin")
    for job in (het, short, requeued, lost):
        eventually(partial(_is, cluster, job, "RUNNING"), f"job {job} to run")
    run(["scontrol", "update", f"jobid={short}", "endtime=now+5"])
    run(["scontrol", "requeuehold", str(requeued)])
    run(["scontrol", "update", "nodename=r3", "state=down", "reason=lost"])
    eventually(partial(_is, cluster, lost, "NODE_FAIL"), "a job to lose its node")
    eventually(partial(_is, cluster, short, "TIMEOUT"), "a job to run out of time")


def spoil_more(cluster: SlurmCluster) -> None:
    """Bring nodes of a rich cluster into the states that ``spoil_nodes`` does not."""
    for node, state, reason in (
        ("spare1", "fail", "fan ünï-µ"),
        ("spare2", "down", "two\nlines, then = and [1-2]"),
        ("spare3", "drain", "x" * 200),
        ("r2", "drain", "a\tb Reason=c"),
    ):
        update = ["scontrol", "update", f"nodename={node}", f"state={state}", f"reason={reason}"]
        cluster.run(update)
    cluster.run(["scontrol", "update", "nodename=r3", "state=power_down_force"])
    cluster.run(["scontrol", "reboot", "ASAP", "nextstate=resume", "reason=kernel", "n2"])
    cluster.run(["scontrol", "reboot", "reason=kernel", "r4"])
    later = ("users=alice", "starttime=now+20hours", "duration=600", "nodes=n2")
    now = ("accounts=chem", "starttime=now", "duration=600", "nodes=spare4")
    for name, reservation in (("course ünï", later), ("now", now)):
        create = ["scontrol", "create", "reservation", f"reservationname={name}"]
        cluster.run([*create, *reservation])
    at_rest = {"n2 draining@", "old2 maint*", "r3 idle%", "r4 reboot^"}
    eventually(lambda: at_rest <= _nodes(cluster), "the nodes to come to rest")


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


def _nodes(cluster: SlurmCluster) -> set[str]:
    listed = ["sinfo", "--all", "--Node", "--noheader", "--format=%N %T"]
    return set(cluster.run(listed).splitlines())


def _is(cluster: SlurmCluster, job: int, state: str) -> bool:
    listed = ["squeue", "--noheader", "--states=all", "--format=%T", f"--jobs={job}"]
    return set(cluster.run(listed).split()) == {state}
