"""The endpoint ``history``: how jobs ended since some time, and what they used."""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING, NamedTuple

from slurm_exporter.sources.cli.metric import Metric
from slurm_exporter.sources.cli.records import FINAL_STATES

if TYPE_CHECKING:
    from collections.abc import Callable, Collection, Iterator

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.metric import Labels
    from slurm_exporter.sources.cli.records import Ended

OTHER = "other"

# Slurm's own words in lower case, as sacct's --state takes them.
STATES = (*(state.lower() for state in FINAL_STATES), OTHER)

MOST = 100_000
"""Series of accounts, and of users, that are told apart; where Slurm lets them, users choose
names of accounts.  Nobody invents partitions."""

Key = tuple[str, str]
"""A name and the state."""

Totals = dict[str, dict[Key, Counter[str]]]
"""What was counted so far: by what it is counted, then key, then the suffix of the family."""


class _Figure(NamedTuple):
    """One number of ended jobs.

    Attributes:
        suffix: the end of the family's name.
        help: a sentence.
        amount: what a run adds.
        finer: whether it is told of accounts and users too.
    """

    suffix: str
    help: str
    amount: Callable[[Ended], int]
    finer: bool = False


_FIGURES = (
    _Figure(
        "jobs_total",
        "Jobs by how they ended, each time that they did; tasks of arrays count one by one.",
        lambda one: one.tasks,
        finer=True,
    ),
    _Figure(
        "started_jobs_total",
        "Those of them that had begun to run.",
        lambda one: int(one.waited is not None),
    ),
    _Figure(
        "wait_seconds_total",
        "How long those that had begun were ready before.",
        lambda one: one.waited or 0,
    ),
    _Figure("run_seconds_total", "How long they ran.", lambda one: one.ran),
    _Figure(
        "cpu_seconds_total",
        "CPUs that they had, each for the time that they ran.",
        lambda one: one.cpu_seconds,
        finer=True,
    ),
    _Figure(
        "gpu_seconds_total",
        "GPUs that they had, each for the time that they ran; absent while nobody had any.",
        lambda one: one.gpu_seconds,
        finer=True,
    ),
)

_LABELS = {"partition": "partition", "account": "account", "user": "username"}
_PREFIXES = {
    "partition": "slurm_history_",
    "account": "slurm_history_account_",
    "user": "slurm_history_user_",
}
_FAMILIES = {
    (by, figure.suffix): Metric(
        _PREFIXES[by] + figure.suffix, figure.help, (label, "state"), "counter"
    )
    for by, label in _LABELS.items()
    for figure in _FIGURES
    if by == "partition" or figure.finer
}
_SINCE = Metric(
    "slurm_history_since_timestamp_seconds", "From when on jobs that end have been counted."
)
_UNTIL = Metric(
    "slurm_history_until_timestamp_seconds", "Until when jobs that ended have been counted."
)
_SAVED = Metric(
    "slurm_history_state_saved",
    "Whether what was counted is in a file, so that a restart goes on with it; 1 or 0.",
)

METRICS = (*_FAMILIES.values(), _SINCE, _UNTIL, _SAVED)


def count(totals: Totals, one: Ended, by: Collection[str]) -> None:
    """Add a run to what was counted.

    Args:
        totals: changed in place.
        one: the run.
        by: ``account`` and ``user``, if they are wanted.
    """
    state = one.state.lower() if one.state in FINAL_STATES else OTHER
    amounts = {figure.suffix: figure.amount(one) for figure in _FIGURES}
    names = {"partition": one.partition, "account": one.account, "user": one.user}
    for kind in ("partition", *by):
        sums, key = totals.setdefault(kind, {}), (names[kind], state)
        if kind != "partition" and key not in sums and len(sums) >= MOST:
            key = (OTHER, state)
        sums.setdefault(key, Counter()).update(amounts)


def families(totals: Totals, since: int, until: int, *, saved: bool) -> Iterator[Family]:
    """Tell what was counted.

    Args:
        totals: see ``count``.
        since: unix time.
        until: unix time.
        saved: whether all of it is in a file.
    """
    for (kind, suffix), metric in _FAMILIES.items():
        sums = totals.get(kind, {})
        numbers: dict[Labels, int] = {}
        if (kind, suffix) == ("partition", "jobs_total"):
            # From 0 on, so that the first job that fails is an increase.
            partitions = dict.fromkeys(name for name, _ in sums)
            numbers = {(name, state): 0 for name in partitions for state in STATES}
        numbers |= {key: counts[suffix] for key, counts in sums.items()}
        if suffix != "gpu_seconds_total" or any(numbers.values()):
            yield metric.family(numbers)
    yield _SINCE.single(since)
    yield _UNTIL.single(until)
    yield _SAVED.single(int(saved))
