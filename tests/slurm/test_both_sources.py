"""One real cluster at rest, asked natively and by commands at once: the same numbers.

Where they differ, ``NAMED_DIFFERENCES`` says why and how.
"""

from __future__ import annotations

import re
from dataclasses import dataclass
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.sources.cli.catalogue import CATALOGUE
from tests.slurm import tree
from tests.slurm.cluster import SlurmCluster
from tests.slurm.commands import Commands
from tests.slurm.exporter import ENDPOINTS, cli_config, config, once, read_page, series, slurms_own
from tests.slurm.host import eventually

if TYPE_CHECKING:
    from collections.abc import Callable
    from pathlib import Path

    from tests.slurm.exporter import Page

pytestmark = [
    pytest.mark.slurm,
    pytest.mark.parametrize("release", [tree.NEWEST], indirect=True, ids=str),
]

QUIET = [name for name in ENDPOINTS if name in CATALOGUE and name != "scheduler"]
"""The endpoints whose numbers stand still on a cluster at rest."""

MEBIBYTE = 2**20


@dataclass(frozen=True, slots=True)
class Difference:
    """Families of which the two sources say something else.

    Attributes:
        families: a pattern of their names.
        why: who is right, and what the other one does.
        holds: whether a family's name, the native page and the commands' are related like this.
        corrected: the same once ``slurm.corrections`` is on; None when they are equal then.
    """

    families: str
    why: str
    holds: Callable[[str, Page, Page], bool]
    corrected: Callable[[str, Page, Page], bool] | None = None


def in_mebibytes(name: str, native: Page, cli: Page) -> bool:
    """A size that a node never told is absent, and natively 0."""
    theirs, ours = native[name].samples, cli[name].samples
    told = {one for one, number in theirs.items() if number or one in ours}
    return ours == {one: theirs[one] * MEBIBYTE for one in told}


def counts_tasks(name: str, native: Page, cli: Page) -> bool:
    """Both sources count tasks of those that wait, so that the sum is known from either."""
    ours = rest(cli, f"{name}_pending")
    for suffix in ("running", "suspended") if "partition" in name else ("started",):
        ours = {one: number + rest(cli, f"{name}_{suffix}")[one] for one, number in ours.items()}
    return rest(cli, name) == ours and at_least(name, native, cli)


def at_least(name: str, native: Page, cli: Page) -> bool:
    """The commands' numbers are not smaller, and one is larger."""
    theirs, ours = native[name].samples, cli[name].samples
    return ours != theirs and all(ours[one] >= number for one, number in theirs.items())


def in_more_partitions(jobs: int) -> Callable[[str, Page, Page], bool]:
    """So many more in all, and nowhere less."""

    def holds(name: str, native: Page, cli: Page) -> bool:
        more = sum(cli[name].samples.values()) - sum(native[name].samples.values())
        return more == jobs and at_least(name, native, cli)

    return holds


def is_powering_down(_: str, native: Page, cli: Page) -> bool:
    theirs = native["slurm_nodes_powering_up"].samples
    ours = cli["slurm_nodes_powering_down"].samples
    return list(theirs.values()) == list(ours.values()) == [2]


def all_or_nothing(name: str, native: Page, cli: Page) -> bool:
    """A node's idle CPUs are what natively is idle, or none are; and both happens."""
    theirs, ours = native[name].samples, cli[name].samples
    same = {number == theirs[one] for one, number in ours.items()}
    return same == {True, False} and all(n in {0, theirs[one]} for one, n in ours.items())


def at_most(name: str, native: Page, cli: Page) -> bool:
    return at_least(name, cli, native)


def is_nobody(name: str, native: Page, cli: Page) -> bool:
    return any(native[name].samples.values()) and not any(cli[name].samples.values())


NAMED_DIFFERENCES = (
    Difference(
        r"slurm_(node_memory_.*|.*_memory_alloc|partition_nodes_mem_.*)",
        "slurmctld says MiB under names that say bytes; the commands' numbers are bytes",
        in_mebibytes,
    ),
    Difference(
        r"slurm_(user|account)_jobs",
        "slurmctld counts an array that waits as one job, and its tasks elsewhere",
        counts_tasks,
    ),
    Difference(
        r"slurm_partition_jobs",
        "the same, and a job that may run in several partitions in one of them",
        counts_tasks,
        corrected=in_more_partitions(3),
    ),
    Difference(
        r"slurm_partition_jobs_pending",
        "slurmctld counts a job that may run in several partitions in one of them",
        in_more_partitions(3),
        corrected=in_more_partitions(3),
    ),
    Difference(
        r"slurm_partition_jobs_hold",
        "the same",
        in_more_partitions(2),
        corrected=in_more_partitions(2),
    ),
    Difference(
        r"slurm_partition_jobs_(max|min)_job_nodes(_nohold)?",
        "the same",
        at_least,
        corrected=at_least,
    ),
    Difference(
        r"slurm_partition_jobs_wait_part_node_limit",
        "slurmctld tests a bit of the reason's number, which other reasons have too",
        is_nobody,
    ),
    Difference(
        r"slurm_nodes_powering_up",
        "slurmctld says here how many are powering down",
        is_powering_down,
    ),
    Difference(
        r"slurm_node_cpus_idle",
        "slurmctld takes CPUs for idle that no job can get: of dead and draining nodes",
        all_or_nothing,
        corrected=all_or_nothing,
    ),
    Difference(r"slurm_partition_nodes_cpus_idle", "the same", at_most, corrected=at_most),
)

ONLY_NATIVE = {
    "slurm_bf_cycle_tot": "sdiag prints the mean",
    "slurm_bf_depth_tot": "sdiag prints the mean",
    "slurm_bf_depth_try_tot": "sdiag prints the mean",
    "slurm_bf_queue_len_tot": "sdiag prints the mean",
    "slurm_bf_table_size_tot": "sdiag prints the mean",
    "slurm_schedule_cycle_depth": "sdiag prints the mean",
    "slurm_schedule_cycle_tot": "sdiag prints the mean",
}
"""Families of the scheduler that commands cannot have, and why."""

HIDDEN = {f"slurm_{whose}jobs_powerup_node" for whose in ("", "user_", "account_", "partition_")}
"""Families of jobs that commands cannot have: squeue shows one word, and that is CONFIGURING."""

COMMANDS_THREAD = "slurm_server_thread_cnt"
"""slurmctld's threads, of which one answers sdiag while it counts them."""


def rest(page: Page, name: str) -> dict[frozenset[tuple[str, str]], float]:
    """Return a family's numbers by their labels alone."""
    return {labels: number for (_, labels), number in page[name].samples.items()}


def without_odd_lines(page: Page) -> Page:
    """Leave out accounts whose names have several lines: natively their rows cannot be read."""
    return {
        name: family._replace(
            samples={
                one: number
                for one, number in family.samples.items()
                if not any("\n" in value for _, value in one[1])
            }
        )
        for name, family in page.items()
    }


def ask_both(
    cluster: SlurmCluster,
    commands: Commands,
    directory: Path,
    *endpoints: str,
    corrections: bool = False,
) -> tuple[Page, Page]:
    """Ask by commands while slurmctld says the same before and after: its page, and theirs."""
    settings = config(cluster.url, endpoints=endpoints, corrections=corrections)

    def undisturbed() -> tuple[Page, Page] | None:
        native = slurms_own(once(directory, settings))
        cli = slurms_own(once(directory, cli_config(commands.path, *endpoints)))
        return (native, cli) if native == slurms_own(once(directory, settings)) else None

    return eventually(undisturbed, "two equal answers of slurmctld", within=120.0)


def named(name: str) -> Difference | None:
    """Return what is said of a family in the table."""
    return next((one for one in NAMED_DIFFERENCES if re.fullmatch(one.families, name)), None)


def differing(native: Page, cli: Page) -> list[str]:
    """Return the names of shared families with other numbers."""
    shared = sorted(native.keys() & cli.keys())
    return [name for name in shared if native[name].samples != cli[name].samples]


def test_every_shared_family_is_equal_or_differs_as_named(
    rich_cluster: SlurmCluster, commands: Commands, tmp_path: Path
) -> None:
    """Every kind of job and node state, once through HTTP and once through commands."""
    native, cli = ask_both(rich_cluster, commands, tmp_path, *QUIET)
    lines = series("slurm_account_jobs", account="two\nlines")
    assert cli["slurm_account_jobs"].samples[lines] == 1
    cli = without_odd_lines(cli)

    assert native.keys() - cli.keys() == HIDDEN
    differences = {name: named(name) for name in differing(native, cli)}
    assert [name for name, one in differences.items() if one is None] == []
    wrong = [(name, one) for name, one in differences.items() if not one.holds(name, native, cli)]
    assert wrong == []
    # A difference that is gone is to be gone from the table as well.
    assert set(differences.values()) == set(NAMED_DIFFERENCES)


def test_corrections_leave_what_slurmctld_does_not_tell(
    rich_cluster: SlurmCluster, commands: Commands, tmp_path: Path
) -> None:
    """With ``slurm.corrections`` native numbers are those of the commands, or absent."""
    native, cli = ask_both(rich_cluster, commands, tmp_path, *QUIET, corrections=True)
    cli = without_odd_lines(cli)

    left = {name: named(name) for name in differing(native, cli)}
    wrong = [
        name
        for name, one in left.items()
        if one is None or one.corrected is None or not one.corrected(name, native, cli)
    ]
    assert wrong == []
    assert set(left.values()) == {one for one in NAMED_DIFFERENCES if one.corrected}


def test_every_statistic_of_the_scheduler_is_the_same(
    rich_cluster: SlurmCluster, commands: Commands, tmp_path: Path
) -> None:
    """Each lies, some time, between two native answers around sdiag."""

    def native() -> Page:
        return read_page(rich_cluster.get("/metrics/scheduler").text)

    unproven = set(native()) - {COMMANDS_THREAD} - ONLY_NATIVE.keys()
    assert len(unproven) > 45

    def all_proven() -> bool:
        before = native()
        page = once(tmp_path, cli_config(commands.path, "scheduler"))
        after = native()
        assert before.keys() - page.keys() == ONLY_NATIVE.keys()
        for name in tuple(unproven):
            one = series(name)
            first, last = sorted((before[name].samples[one], after[name].samples[one]))
            if first <= page[name].samples[one] <= last:
                unproven.remove(name)
        return not unproven

    eventually(all_proven, unproven, within=120.0)


def test_gpus_are_counted_where_slurm_does_not_account_for_them(
    slurm: None, release: tree.Release, tmp_path: Path
) -> None:
    """slurmctld has no total, only what is allocated; of jobs nobody knows, so nothing is said."""
    with SlurmCluster(release=release, rich=True) as cluster:
        cluster.sbatch("--partition=gpu", "--gres=gpu:a100:2", user="alice")
        listing = ["squeue", "--noheader", "--format=%T"]
        eventually(lambda: cluster.run(listing) == "RUNNING\n", "the job to run")
        commands = Commands(cluster, tmp_path / "bin")
        native, cli = ask_both(cluster, commands, tmp_path, "jobs", "nodes", "partitions")

    assert set(native["slurm_node_gpus"].samples.values()) == {0}
    assert cli["slurm_node_gpus"].samples[series("slurm_node_gpus", node="g1")] == 6
    assert cli["slurm_node_gpus_alloc"] == native["slurm_node_gpus_alloc"]._replace(
        help=cli["slurm_node_gpus_alloc"].help
    )
    assert sum(cli["slurm_node_gpus_alloc"].samples.values()) == 2
    assert native["slurm_jobs_gpus_alloc"].samples == {series("slurm_jobs_gpus_alloc"): 0}
    assert "slurm_jobs_gpus_alloc" not in cli
    gpu = series("slurm_partition_gpus", partition="gpu")
    assert native["slurm_partition_gpus"].samples[gpu] == 0
    assert cli["slurm_partition_gpus"].samples[gpu] == 12
