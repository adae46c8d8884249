"""The endpoint ``gpus``: GPUs by model, and who has them.

Nodes tell of their GPUs whether or not Slurm accounts for them.  Jobs tell only if it does
(``AccountingStorageTRES`` with ``gres/gpu``), and name models only if those are accounted for.
"""

from __future__ import annotations

from collections import Counter
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.families.statistics import ACTIVE
from slurm_exporter.sources.cli.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator, Sequence

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.metric import Labels
    from slurm_exporter.sources.cli.records import Gpus, Job, Node

_ALL = Metric("slurm_gpus", "GPUs that a node is configured with.", ("node", "model"))
_ALLOC = Metric("slurm_gpus_alloc", "GPUs of a node that jobs have.", ("node", "model"))
_PARTITION_ALL = Metric(
    "slurm_partition_gpus_configured",
    "GPUs that a partition's nodes are configured with.",
    ("partition", "model"),
)
_PARTITION_ALLOC = Metric(
    "slurm_partition_gpus_alloc",
    "GPUs of a partition's nodes that jobs of any partition have.",
    ("partition", "model"),
)
_USER_ALLOC = Metric(
    "slurm_user_gpus_alloc", "GPUs that a user's jobs have.", ("username", "model")
)
_ACCOUNT_ALLOC = Metric(
    "slurm_account_gpus_alloc", "GPUs that an account's jobs have.", ("account", "model")
)

METRICS = (_ALL, _ALLOC, _PARTITION_ALL, _PARTITION_ALLOC, _USER_ALLOC, _ACCOUNT_ALLOC)


def families(nodes: Sequence[Node], jobs: Sequence[Job]) -> Iterator[Family]:
    """Count GPUs; those of a node in several partitions count in each of them."""
    used = [(node, _used(node)) for node in nodes if node.gpus_alloc is not None]
    yield _ALL.family(_counted(((node.name,), node.gpus) for node in nodes))
    yield _ALLOC.family(_counted(((node.name,), gpus) for node, gpus in used))
    yield _PARTITION_ALL.family(_counted((node.partitions, node.gpus) for node in nodes))
    yield _PARTITION_ALLOC.family(_counted((node.partitions, gpus) for node, gpus in used))
    active = [job for job in jobs if job.state in ACTIVE]
    known = [(job, job.gpus) for job in active if job.gpus is not None]
    if len(known) == len(active):
        yield _USER_ALLOC.family(_counted(((job.user,), gpus) for job, gpus in known))
        yield _ACCOUNT_ALLOC.family(_counted(((job.account,), gpus) for job, gpus in known))


def _used(node: Node) -> Gpus:
    """Return the allocated GPUs, with a 0 for models of which nobody has any."""
    return {**dict.fromkeys(node.gpus, 0), **(node.gpus_alloc or {})}


def _counted(owners: Iterable[tuple[tuple[str, ...], Gpus]]) -> Counter[Labels]:
    """Add up the GPUs of each owner by model."""
    counts: Counter[Labels] = Counter()
    for names, gpus in owners:
        for name in names:
            for model, count in gpus.items():
                counts[name, model] += count
    return counts
