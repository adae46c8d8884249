"""The endpoint ``queue``: who waits, why, since when, and how long those waited who have begun."""

from __future__ import annotations

import re
from functools import lru_cache
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.families.statistics import HELD
from slurm_exporter.sources.cli.metric import Histogram, Metric, histogram_family

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.metric import Labels
    from slurm_exporter.sources.cli.records import Job

_MINUTE, _HOUR, _DAY = 60, 3600, 86400
BOUNDS = (
    *(10, _MINUTE, 5 * _MINUTE, 15 * _MINUTE, 30 * _MINUTE),
    *(_HOUR, 2 * _HOUR, 6 * _HOUR, 12 * _HOUR),
    *(_DAY, 2 * _DAY, 7 * _DAY),
)
"""Upper bounds of wait times, in seconds."""

_WORD = re.compile(r"([A-Za-z]\w*)(?:[,(:].*)?", re.ASCII | re.DOTALL)

# Sentences that Slurm writes where it has a word for the same.
_SENTENCES = {
    "Nodes required for job are": "Resources",
    "Reservation ": "ReservationDeleted",
    "launch failed requeued held": "JobLaunchFailure",
    "launch failure limit exceeded requeued held": "JobHoldMaxRequeue",
    "job requeued in special exit state": "JobHeldUser",
    "job requeued in held state": "JobHeldUser",
}
OTHER = "other"

# Slurm calls the time that one of these is to begin at eligible, whether or not it is over.  The
# last two are held, though it does not say so.
_NOT_READY = frozenset(
    {
        "BeginTime",
        "Dependency",
        "DependencyNeverSatisfied",
        "JobHoldMaxRequeue",
        "ReservationDeleted",
    }
)

_PREPARING = frozenset({"CONFIGURING", "POWER_UP_NODE"})

_BY_REASON = ("partition", "reason")
_AMOUNTS: tuple[tuple[Metric, Callable[[Job], int | None]], ...] = (
    (
        Metric(
            "slurm_queue_pending",
            "Jobs that wait, by Slurm's word for the reason; tasks of arrays count one by one.",
            _BY_REASON,
        ),
        lambda _: 1,
    ),
    (
        Metric("slurm_queue_pending_cpus", "CPUs that waiting jobs ask for.", _BY_REASON),
        lambda job: job.cpus,
    ),
    (
        Metric("slurm_queue_pending_gpus", "GPUs that waiting jobs ask for.", _BY_REASON),
        lambda job: None if job.gpus is None else sum(job.gpus.values()),
    ),
)
"""What is summed over the tasks that wait; nothing is known of the sum if one amount is None."""

_OLDEST = Metric(
    "slurm_queue_oldest_eligible_timestamp_seconds",
    "Since when the job has been ready to start that waits longest; absent when none is.",
    ("partition",),
)
_WAIT = Metric(
    "slurm_queue_wait_seconds",
    "How long jobs were ready before they started, of those that started while we looked.",
    ("partition",),
    "histogram",
)

METRICS = (*(metric for metric, _ in _AMOUNTS), _OLDEST, _WAIT)


_Starts = frozenset[tuple[str, int | None]]


class Memory:
    """What is remembered from poll to poll.

    Attributes:
        pairs: partitions and reasons that there were; they stay on the page, at 0.
        begun: jobs that have started, as far as the last poll knew; None before the first.
        waits: how long jobs waited, by partition.
    """

    def __init__(self) -> None:
        self.pairs: dict[Labels, None] = {}
        self.begun: _Starts | None = None
        self.waits: dict[Labels, Histogram] = {}


def families(memory: Memory, jobs: Sequence[Job]) -> Iterator[Family]:
    """Tell of waiting jobs, and of those that have begun since the last time."""
    waiting = [job for job in jobs if job.state == "PENDING"]
    yield from _pending(memory, waiting)
    yield _OLDEST.family(_oldest(waiting))
    _learn(memory, jobs)
    yield histogram_family(_WAIT, BOUNDS, memory.waits)


def _pending(memory: Memory, waiting: Sequence[Job]) -> Iterator[Family]:
    labels = [[(partition, word(job.reason)) for partition in job.partitions] for job in waiting]
    memory.pairs |= dict.fromkeys(pair for pairs in labels for pair in pairs)
    for metric, amount in _AMOUNTS:
        sums = dict.fromkeys(memory.pairs, 0)
        for job, pairs in zip(waiting, labels, strict=True):
            each = amount(job)
            if each is None:
                break
            for pair in pairs:
                sums[pair] += job.tasks * each
        else:
            yield metric.family(sums)


def _oldest(waiting: Sequence[Job]) -> dict[Labels, int]:
    oldest: dict[Labels, int] = {}
    for job in waiting:
        if job.eligible is None or job.reason in HELD or word(job.reason) in _NOT_READY:
            continue
        for partition in job.partitions:
            first = oldest.get((partition,), job.eligible)
            oldest[partition,] = min(first, job.eligible)
    return oldest


def _learn(memory: Memory, jobs: Sequence[Job]) -> None:
    """Count the wait of each job that has begun since the last time."""
    known = memory.begun
    begun = {(job.id, job.started): job for job in jobs if _has_begun(job, known)}
    memory.begun = frozenset(begun)
    for job in begun.values():
        memory.waits.setdefault(job.partitions[:1], Histogram((0,) * (len(BOUNDS) + 1), 0))
    if known is None:
        return
    for key, job in begun.items():
        if key not in known and job.eligible is not None and job.started is not None:
            waited, partition = max(0, job.started - job.eligible), job.partitions[:1]
            memory.waits[partition] = memory.waits[partition].plus(waited, BOUNDS)


def _has_begun(job: Job, known: _Starts | None) -> bool:
    # One that was cancelled before it could begin has a start as well, but never had a node; one
    # whose nodes boot is given another start when they have.
    if job.started is None or not job.nodes or job.flags & _PREPARING:
        return False
    # One that is cleaned up after may have been requeued, with a guess at its next start.
    return known is None or job.state != "COMPLETING" or (job.id, job.started) in known


@lru_cache(maxsize=1024)
def word(reason: str) -> str:
    """Return Slurm's word for a reason, without what is added to it.

    There are some hundred words.  Sentences that are none are ``other``: they hold names of nodes
    and jobs, and would make a series each.
    """
    match = _WORD.fullmatch(reason)
    if match is not None:
        return match[1]
    known = (name for begin, name in _SENTENCES.items() if reason.startswith(begin))
    return next(known, OTHER)
