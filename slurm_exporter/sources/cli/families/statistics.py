"""What is counted of jobs, whether of all of them or of a user's, an account's, a partition's.

slurmctld's native endpoints count the same for each of these, under the same names with another
beginning.  A row of ``STATISTICS`` is a family in each of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from functools import lru_cache
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.metric import Labels
    from slurm_exporter.sources.cli.records import Job

HELD = frozenset(
    {
        "JobHeldAdmin",
        "JobHeldUser",
        "job requeued in held state",
        "launch failed requeued held",
        "user env retrieval failed requeued held",
    }
)
"""Reasons of jobs that wait because somebody holds them, or slurmctld itself does."""

_WAITING = frozenset({"PENDING"})
_ACTIVE = frozenset({"RUNNING", "SUSPENDED"})
_ENDED = {
    "BOOT_FAIL": "bootfail",
    "CANCELLED": "cancelled",
    "COMPLETED": "completed",
    "DEADLINE": "deadline",
    "FAILED": "failed",
    "NODE_FAIL": "node_failed",
    "OUT_OF_MEMORY": "outofmemory",
    "PREEMPTED": "preempted",
    "TIMEOUT": "timeout",
}
# Jobs that are cleaned up after have ended, and squeue does not say how.
_FINISHED = frozenset({*_ENDED, "COMPLETING", "REVOKED", "STAGE_OUT"})
_KNOWN = _WAITING | _ACTIVE | _FINISHED


@dataclass(frozen=True, slots=True)
class Kind:
    """All that decides what a job counts as.

    Attributes:
        state: the base state.
        flags: what else is said of it.
        held: whether somebody holds it.
    """

    state: str
    flags: frozenset[str]
    held: bool

    def says(self, word: str) -> bool:
        """Return whether squeue shows the job with this word."""
        return self.state == word or word in self.flags


@dataclass(frozen=True, slots=True)
class Statistic:
    """One number about jobs.

    Attributes:
        suffix: the end of the family's name.
        help: a sentence.
        counts: whether a job of some kind counts.
        amount: what it adds; one for each of its tasks when there is none.  Nothing is known of
            the whole when it gives None for one job.
    """

    suffix: str
    help: str
    counts: Callable[[Kind], bool]
    amount: Callable[[Job], int | None] | None = None


def _state(state: str) -> Callable[[Kind], bool]:
    return lambda kind: kind.state == state


def _word(word: str) -> Callable[[Kind], bool]:
    return lambda kind: kind.says(word)


def _active(kind: Kind) -> bool:
    return kind.state in _ACTIVE


STATISTICS = (
    Statistic("", "Jobs in slurmctld's memory, finished ones included.", lambda _: True),
    *(
        Statistic(f"_{suffix}", f"Jobs that ended as {state}.", _state(state))
        for state, suffix in _ENDED.items()
    ),
    Statistic("_pending", "Jobs that wait, held ones included.", _state("PENDING")),
    Statistic("_hold", "Jobs that wait because they are held.", lambda kind: kind.held),
    Statistic("_running", "Jobs that run, also while their nodes boot.", _state("RUNNING")),
    Statistic("_suspended", "Jobs that were stopped and keep their nodes.", _state("SUSPENDED")),
    Statistic("_started", "Jobs that have begun, ended or not.", lambda k: k.state != "PENDING"),
    Statistic("_finished", "Jobs that have ended.", lambda kind: kind.state in _FINISHED),
    Statistic("_other", "Jobs in states unknown to us.", lambda kind: kind.state not in _KNOWN),
    Statistic("_completing", "Ended jobs that are cleaned up after.", _word("COMPLETING")),
    Statistic("_configuring", "Jobs whose nodes boot or prepare.", _word("CONFIGURING")),
    Statistic("_expediting", "Jobs that were requeued with priority.", _word("EXPEDITING")),
    Statistic("_fed_requeued", "Jobs that a federation requeued.", _word("REQUEUE_FED")),
    Statistic("_powerup_node", "Jobs that wait for nodes to power up.", _word("POWER_UP_NODE")),
    Statistic("_requeued", "Jobs that were requeued.", _word("REQUEUED")),
    Statistic("_resizing", "Jobs that change their size.", _word("RESIZING")),
    Statistic("_revoked", "Jobs that another cluster of a federation runs.", _word("REVOKED")),
    Statistic("_signaling", "Jobs that are sent a signal.", _word("SIGNALING")),
    Statistic("_stageout", "Ended jobs whose data is staged out.", _word("STAGE_OUT")),
    Statistic("_cpus_alloc", "CPUs of running and suspended jobs.", _active, lambda j: j.cpus),
    Statistic(
        "_gpus_alloc",
        "GPUs of running and suspended jobs.",
        _active,
        lambda job: sum(job.gpus.values()) if job.gpus is not None else None,
    ),
    Statistic(
        "_memory_alloc",
        "Memory of running and suspended jobs, in bytes.",
        _active,
        lambda job: job.memory,
    ),
)


@lru_cache(maxsize=1024)
def _which(state: str, flags: frozenset[str], held: bool) -> tuple[Statistic, ...]:
    """Return what a kind of job counts in; there are few kinds, and many jobs."""
    kind = Kind(state, flags, held)
    return tuple(one for one in STATISTICS if one.counts(kind))


def _amounts(job: Job) -> list[tuple[Statistic, int | None]]:
    which = _which(job.state, job.flags, job.reason in HELD and job.state == "PENDING")
    return [(one, job.tasks if one.amount is None else one.amount(job)) for one in which]


class Tally:
    """The statistics of jobs by a label, or of all jobs."""

    def __init__(
        self, prefix: str, label: str | None, without: frozenset[str] = frozenset()
    ) -> None:
        """Prepare the families.

        Args:
            prefix: the begin of their names.
            label: the only label they have, if any.
            without: suffixes of statistics that are not made here.
        """
        labels = () if label is None else (label,)
        self._metrics = {
            one: Metric(prefix + one.suffix, one.help, labels)
            for one in STATISTICS
            if one.suffix not in without
        }
        self._nodes = Metric(
            f"{prefix}_nodes_alloc", "Nodes that have running or suspended jobs.", labels
        )
        self._with_nodes = "_nodes_alloc" not in without

    @property
    def metrics(self) -> tuple[Metric, ...]:
        """The families without their samples."""
        nodes = (self._nodes,) if self._with_nodes else ()
        return (*self._metrics.values(), *nodes)

    def families(
        self,
        jobs: Iterable[Job],
        labels: Callable[[Job], Iterable[Labels]],
        known: Iterable[Labels] = (),
    ) -> Iterator[Family]:
        """Count jobs.

        Args:
            jobs: all of them.
            labels: under which values of the label a job counts.
            known: values of the label that are there without any job too.
        """
        counts: dict[Labels, Counter[Statistic]] = {values: Counter() for values in known}
        nodes: dict[Labels, set[str]] = defaultdict(set)
        unknown: set[Statistic] = set()
        for job in jobs:
            amounts = _amounts(job)
            unknown |= {one for one, amount in amounts if amount is None}
            for values in labels(job):
                counter = counts.setdefault(values, Counter())
                for one, amount in amounts:
                    counter[one] += amount or 0
                if job.nodes and job.state in _ACTIVE:
                    nodes[values].update(job.nodes)
        for one, metric in self._metrics.items():
            if one not in unknown:
                yield metric.family((values, counter[one]) for values, counter in counts.items())
        if self._with_nodes:
            yield self._nodes.family((values, len(nodes[values])) for values in counts)
