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
        # What squeue prints instead, where slurmctld holds a job itself or did it on a requeue.
        "job requeued in held state",
        "job requeued in special exit state",
        "launch failed requeued held",
        "user env retrieval failed requeued held",
    }
)
"""Reasons of jobs that wait because somebody holds them."""

_WAITING = frozenset({"PENDING"})
ACTIVE = frozenset({"RUNNING", "SUSPENDED"})
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
FINISHED = frozenset({*_ENDED, "COMPLETING", "REVOKED", "STAGE_OUT"})
_KNOWN = _WAITING | ACTIVE | FINISHED


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


@dataclass(frozen=True, slots=True, eq=False)
class Statistic:
    """One number about jobs.

    Attributes:
        suffix: the end of the family's name.
        help: a sentence.
        counts: whether a job of some kind counts.
        amount: what it adds; one for each of its tasks when there is none.  Nothing is known of
            the whole when it gives None for one job.
        unit: of the number, unless it is a number of things.
    """

    suffix: str
    help: str
    counts: Callable[[Kind], bool]
    amount: Callable[[Job], int | None] | None = None
    unit: str = ""


def _state(state: str) -> Callable[[Kind], bool]:
    return lambda kind: kind.state == state


def _word(word: str) -> Callable[[Kind], bool]:
    return lambda kind: kind.says(word)


def _active(kind: Kind) -> bool:
    return kind.state in ACTIVE


# Not slurmctld's powerup_node: of a job whose nodes power up squeue shows that it is configuring.
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
    Statistic("_finished", "Jobs that have ended.", lambda kind: kind.state in FINISHED),
    Statistic("_other", "Jobs in states unknown to us.", lambda kind: kind.state not in _KNOWN),
    Statistic("_completing", "Ended jobs that are cleaned up after.", _word("COMPLETING")),
    Statistic("_configuring", "Jobs whose nodes boot or prepare.", _word("CONFIGURING")),
    Statistic("_expediting", "Jobs that were requeued with priority.", _word("EXPEDITING")),
    Statistic("_fed_requeued", "Jobs that a federation requeued.", _word("REQUEUE_FED")),
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
        "bytes",
    ),
)


_Which = tuple[tuple[Statistic, ...], tuple[Statistic, ...]]


@lru_cache(maxsize=1024)
def _which(state: str, flags: frozenset[str], held: bool) -> _Which:
    """Return in what a kind of job counts with its tasks, and in what with an amount of its own.

    There are few kinds, and many jobs.
    """
    kind = Kind(state, flags, held)
    which = [one for one in STATISTICS if one.counts(kind)]
    counted = tuple(one for one in which if one.amount is None)
    return counted, tuple(one for one in which if one.amount is not None)


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
            one: Metric(prefix + one.suffix, one.help, labels, unit=one.unit)
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
        numbers = _Numbers(known)
        for job in jobs:
            numbers.add(job, labels(job))
        totals = numbers.totals()
        for one, metric in self._metrics.items():
            if one not in numbers.unknown:
                yield metric.family((values, total[one]) for values, total in totals.items())
        if self._with_nodes:
            yield self._nodes.family((values, len(numbers.nodes[values])) for values in totals)


class _Numbers:
    """The numbers of one answer while they grow.

    Attributes:
        nodes: the names of nodes that have jobs, by label values.
        unknown: statistics of which a part is not known, so nothing is.
    """

    def __init__(self, known: Iterable[Labels]) -> None:
        self._totals: dict[Labels, Counter[Statistic]] = {values: Counter() for values in known}
        self._tasks: dict[tuple[Labels, tuple[Statistic, ...]], int] = defaultdict(int)
        self.nodes: dict[Labels, set[str]] = defaultdict(set)
        self.unknown: set[Statistic] = set()

    def add(self, job: Job, labels: Iterable[Labels]) -> None:
        """Count a job under each of these."""
        held = job.state == "PENDING" and job.reason in HELD
        counted, summed = _which(job.state, job.flags, held)
        for values in labels:
            # What jobs of a kind count in is looked at once for all of them, when all are there.
            self._tasks[values, counted] += job.tasks
            if summed:
                self._sum(job, values, summed)

    def _sum(self, job: Job, values: Labels, summed: Iterable[Statistic]) -> None:
        total = self._totals.setdefault(values, Counter())
        for one in summed:
            amount = one.amount(job) if one.amount is not None else None
            if amount is None:
                self.unknown.add(one)
            else:
                total[one] += amount
        self.nodes[values].update(job.nodes)

    def totals(self) -> dict[Labels, Counter[Statistic]]:
        """Return each statistic by label values."""
        for (values, counted), tasks in self._tasks.items():
            total = self._totals.setdefault(values, Counter())
            for one in counted:
                total[one] += tasks
        self._tasks.clear()
        return self._totals
