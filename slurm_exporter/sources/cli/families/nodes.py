"""The endpoint ``nodes``: what each node has, and how many are in which state."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.families.capacity import STATES, idle_cpus
from slurm_exporter.sources.cli.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator, Sequence

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.metric import Number
    from slurm_exporter.sources.cli.records import Node


def _gpus_alloc(node: Node) -> int | None:
    return None if node.gpus_alloc is None else sum(node.gpus_alloc.values())


def _row(
    name: str, text: str, amount: Callable[[Node], Number | None]
) -> tuple[Metric, Callable[[Node], Number | None]]:
    return Metric(name, text, ("node",)), amount


# A node for which a row has no number is left out of the family.
_EACH = (
    _row("slurm_node_cpus", "CPUs of a node.", lambda node: node.cpus),
    _row("slurm_node_cpus_alloc", "CPUs that jobs have.", lambda node: node.cpus_alloc),
    _row(
        "slurm_node_cpus_effective",
        "CPUs that jobs can have; the others are kept for the system.",
        lambda node: node.cpus_effective,
    ),
    _row(
        "slurm_node_cpus_idle",
        "CPUs that jobs could have now: none of a node that takes no work.",
        idle_cpus,
    ),
    _row("slurm_node_cpu_load", "Load average of a node's system.", lambda node: node.load),
    _row(
        "slurm_node_gpus",
        "GPUs that a node is configured with.",
        lambda node: sum(node.gpus.values()),
    ),
    _row("slurm_node_gpus_alloc", "GPUs that jobs have.", _gpus_alloc),
    _row("slurm_node_memory_bytes", "Memory of a node.", lambda node: node.memory),
    _row("slurm_node_memory_alloc_bytes", "Memory that jobs have.", lambda n: n.memory_alloc),
    _row(
        "slurm_node_memory_effective_bytes",
        "Memory that jobs can have; the rest is kept for the system.",
        lambda node: node.memory_effective,
    ),
    _row(
        "slurm_node_memory_free_bytes",
        "Memory that a node's system calls free.",
        lambda node: node.memory_free,
    ),
)
_ALL = Metric("slurm_nodes", "Nodes.")
_STATES = tuple((Metric(f"slurm_nodes_{one.suffix}", one.help), one) for one in STATES)

METRICS = (*(metric for metric, _ in _EACH), _ALL, *(metric for metric, _ in _STATES))


def families(nodes: Sequence[Node]) -> Iterator[Family]:
    """Tell of each node, and count them all."""
    for metric, amount in _EACH:
        numbers = ((node.name, amount(node)) for node in nodes)
        yield metric.family(((name,), number) for name, number in numbers if number is not None)
    yield _ALL.single(len(nodes))
    for metric, state in _STATES:
        yield metric.single(sum(map(state.counts, nodes)))
