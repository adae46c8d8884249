"""What is counted of nodes, whether of all of them or of a partition's.

slurmctld's native endpoints count the same for both, under names that differ here and there.  A
row of ``STATES`` is a family in each of them.
"""

from __future__ import annotations

from collections import Counter, defaultdict
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Mapping

    from slurm_exporter.sources.cli.records import Node

_BASE = {
    "ALLOCATED": "alloc",
    "DOWN": "down",
    "FUTURE": "future",
    "IDLE": "idle",
    "MIXED": "mixed",
    "UNKNOWN": "unknown",
}
_FLAGS = {
    "BLOCKED": "blocked",
    "CLOUD": "cloud",
    "COMPLETING": "completing",
    "DRAIN": "drain",
    "DYNAMIC_FUTURE": "dyn_future",
    "DYNAMIC_NORM": "dyn_normal",
    "EXTERNAL": "external",
    "FAIL": "fail",
    "INVALID_REG": "invalid_reg",
    "MAINTENANCE": "maint",
    "NOT_RESPONDING": "noresp",
    "PLANNED": "planned",
    "POWERED_DOWN": "powered_down",
    "POWERING_DOWN": "powering_down",
    "POWERING_UP": "powering_up",
    "POWER_DOWN": "power_down",
    "POWER_UP": "power_up",
    "REBOOT_ISSUED": "reboot_issued",
    "REBOOT_REQUESTED": "reboot_req",
    "RESERVED": "resv",
}

_WITH_JOBS = frozenset({"ALLOCATED", "MIXED"})
_WORKING = frozenset({"ALLOCATED", "IDLE", "MIXED"})
# sinfo takes only the CPUs of drained and down nodes for not idle; neither do these get new work.
_NO_NEW_WORK = frozenset({"DRAIN", "FAIL", "INVALID_REG", "NOT_RESPONDING"})


def state_word(state: str) -> str:
    """Return what a base state is called in our families."""
    return _BASE.get(state, state.lower())


def flag_word(flag: str) -> str:
    """Return what a flag is called in our families."""
    return _FLAGS.get(flag, flag.lower())


def idle_cpus(node: Node) -> int:
    """Return how many CPUs could be given to jobs now; none of a node that takes no work."""
    if node.state not in _WORKING or node.flags & _NO_NEW_WORK:
        return 0
    return max(0, node.cpus_effective - node.cpus_alloc)


@dataclass(frozen=True, slots=True)
class State:
    """A number of nodes.

    Attributes:
        suffix: the end of the family's name.
        help: a sentence.
        counts: whether a node counts.
        of_partition: the end of the name where it is counted for partitions.
    """

    suffix: str
    help: str
    counts: Callable[[Node], bool]
    of_partition: str


def _base(state: str, text: str) -> State:
    suffix = _BASE[state]
    return State(suffix, text, lambda node: node.state == state, suffix)


def _flag(flag: str, text: str, of_partition: str | None = None) -> State:
    suffix = _FLAGS[flag]
    return State(suffix, text, lambda node: flag in node.flags, of_partition or suffix)


def _drained(node: Node) -> bool:
    return "DRAIN" in node.flags and node.state not in _WITH_JOBS


def _draining(node: Node) -> bool:
    return "DRAIN" in node.flags and node.state in _WITH_JOBS


def _other(node: Node) -> bool:
    return node.state not in _BASE


STATES = (
    _base("ALLOCATED", "Nodes of which jobs have all CPUs."),
    _flag("BLOCKED", "Nodes that a job's exclusive use of their topology keeps from others."),
    _flag("COMPLETING", "Nodes that are cleaned up after a job.", "cg"),
    _flag("CLOUD", "Nodes that exist only when they are needed."),
    _base("DOWN", "Nodes that cannot be used."),
    State("drain", "Nodes that get no new work and have none left.", _drained, "drain"),
    State("drained", "The same as drain.", _drained, "drained"),
    State("draining", "Nodes that get no new work and still have jobs.", _draining, "draining"),
    _flag("DYNAMIC_FUTURE", "Dynamic nodes that came from a future node."),
    _flag("DYNAMIC_NORM", "Dynamic nodes."),
    _flag("EXTERNAL", "Nodes that another system manages."),
    _flag("FAIL", "Nodes that are expected to fail, and get no new work."),
    _base("FUTURE", "Nodes that are configured and do not exist yet."),
    _base("IDLE", "Nodes without jobs."),
    _flag("INVALID_REG", "Nodes that registered with another hardware than is configured."),
    _flag("MAINTENANCE", "Nodes in a reservation for maintenance."),
    _base("MIXED", "Nodes of which jobs have some CPUs."),
    _flag("NOT_RESPONDING", "Nodes that do not answer.", "no_resp"),
    _flag("PLANNED", "Nodes that wait for a planned job."),
    _flag("POWER_DOWN", "Nodes that are to be powered down."),
    _flag("POWER_UP", "Nodes that are to be powered up."),
    _flag("POWERED_DOWN", "Nodes that are powered down."),
    _flag("POWERING_DOWN", "Nodes that are being powered down."),
    _flag("POWERING_UP", "Nodes that are being powered up."),
    _flag("REBOOT_ISSUED", "Nodes that were told to reboot."),
    _flag("REBOOT_REQUESTED", "Nodes that are to reboot.", "reboot_requested"),
    _flag("RESERVED", "Nodes in a reservation."),
    _base("UNKNOWN", "Nodes that have not answered since slurmctld started."),
    State("other", "Nodes in base states unknown to us.", _other, "other"),
)


def by_partition(nodes: Iterable[Node]) -> Mapping[tuple[str, ...], list[Node]]:
    """Return nodes by all of their partitions; there are few such groups, and many nodes."""
    groups: dict[tuple[str, ...], list[Node]] = defaultdict(list)
    for node in nodes:
        groups[node.partitions].append(node)
    return groups


def sums(
    groups: Mapping[tuple[str, ...], list[Node]], amount: Callable[[Node], int]
) -> Counter[str]:
    """Return the sum over the nodes of each partition; a node counts in each of its own."""
    totals: Counter[str] = Counter()
    for partitions, nodes in groups.items():
        total = sum(map(amount, nodes))
        for partition in partitions:
            totals[partition] += total
    return totals
