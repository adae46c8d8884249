"""The endpoint ``node-states``: the state of each node, and why it is drained or down.

A node has one sample for its base state and one for each flag that is set.  The other way, a 0 or
1 for each state that there is, would take six times the samples to say the same, and has no place
for a word that a later Slurm invents.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.families.capacity import flag_word, state_word
from slurm_exporter.sources.cli.metric import Metric

if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence

    from slurm_exporter.exposition import Family
    from slurm_exporter.sources.cli.records import Node

_OUT_OF_SERVICE = frozenset({"DRAIN", "FAIL"})
_LONGEST_REASON = 200
_MORE = "..."

_STATE = Metric(
    "slurm_node_state",
    "1 for the base state of a node, spelled as in slurm_nodes_*.",
    ("node", "state"),
)
_FLAG = Metric(
    "slurm_node_flag",
    "1 for each flag of a node's state that is set, spelled as in slurm_nodes_*.",
    ("node", "flag"),
)
_REASON = Metric(
    "slurm_node_drain_reason_info",
    "1 for a node that is drained, down or failing: why, and who said so.",
    ("node", "reason", "username"),
)
_SINCE = Metric(
    "slurm_node_drain_since_timestamp_seconds",
    "Unix time at which the reason was given why a node is drained, down or failing.",
    ("node",),
)

METRICS = (_STATE, _FLAG, _REASON, _SINCE)


def families(nodes: Sequence[Node]) -> Iterator[Family]:
    """Tell the state of each node."""
    yield _STATE.family(((node.name, state_word(node.state)), 1) for node in nodes)
    yield _FLAG.family(
        ((node.name, flag_word(flag)), 1) for node in nodes for flag in sorted(node.flags)
    )
    reasons = [node for node in nodes if node.reason and _out_of_service(node)]
    yield _REASON.family(((node.name, _cut(node.reason), node.reason_user), 1) for node in reasons)
    yield _SINCE.family(
        ((node.name,), node.reason_since) for node in reasons if node.reason_since is not None
    )


def _out_of_service(node: Node) -> bool:
    """Return whether the reason holds; in 24.11 one stays behind when a node is undrained."""
    return node.state == "DOWN" or bool(node.flags & _OUT_OF_SERVICE)


def _cut(reason: str) -> str:
    """Return the begin of a reason that is very long."""
    if len(reason) <= _LONGEST_REASON:
        return reason
    return reason[: _LONGEST_REASON - len(_MORE)] + _MORE
