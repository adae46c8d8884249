"""All nodes, with what is allocated of them: ``scontrol show node``."""

from __future__ import annotations

import contextlib
import re
from functools import lru_cache
from itertools import takewhile
from typing import TYPE_CHECKING, NamedTuple

from slurm_exporter.sources.cli import gres, values
from slurm_exporter.sources.cli.command import Command, Table, table
from slurm_exporter.sources.cli.commands.blocks import ENDING, blocks, number, value, words
from slurm_exporter.sources.cli.records import Node

if TYPE_CHECKING:
    from collections.abc import Mapping

    from slurm_exporter.sources.cli.records import Gpus

_KEY = "NodeName="
_MEBIBYTE = 1024**2

# Behind the first of these stands what administrators write.
_FREE = re.compile(r"\n   (Reason|Comment|Extra)=")
_FURTHER_LINE = " " * 10

# Before 21.08 the base state was the word that sinfo shows, with a sign behind it.
_SIGNS = {
    "*": "NOT_RESPONDING",
    "~": "POWERED_DOWN",
    "#": "POWERING_UP",
    "%": "POWERING_DOWN",
    "!": "POWER_DOWN",
    "$": "MAINTENANCE",
    "@": "REBOOT_REQUESTED",
    "^": "REBOOT_ISSUED",
    "-": "PLANNED",
}
_IDLE = {"MAINT": "MAINTENANCE", "PLANNED": "PLANNED", "RESERVED": "RESERVED"}
_FLAGS = {"POWER": "POWERED_DOWN"}


class _Reason(NamedTuple):
    text: str = ""
    user: str = ""
    since: int | None = None


def _read(text: str, _mark: str) -> Table[Node]:
    read = table(blocks(text, _KEY), _node)
    once: dict[str, Node] = {}
    for node in read.records:
        once.setdefault(node.name, node)  # somebody may have pasted nodes into a comment
    return Table(tuple(once.values()), read.malformed + len(read.records) - len(once))


def _node(block: str) -> Node:
    free = _FREE.search(block)
    pairs = words(block[: free.start()] if free else block)
    reason = _reason(block[free.end() :]) if free and free[1] == "Reason" else _Reason()
    memory = number(pairs, "RealMemory")
    memory_free = pairs.get("FreeMem", "N/A")
    state, flags = _state(value(pairs, "State"))
    answered = memory_free != "N/A"
    cpus = number(pairs, "CPUTot")
    return Node(
        name=pairs["NodeName"],
        state=state,
        flags=flags,
        partitions=_split(pairs.get("Partitions", "")),
        cpus=cpus,
        cpus_effective=int(pairs.get("CPUEfctv", cpus)),
        cpus_alloc=number(pairs, "CPUAlloc"),
        load=_load(pairs.get("CPULoad", "N/A")) if answered else None,
        memory=memory * _MEBIBYTE,
        memory_effective=(memory - int(pairs.get("MemSpecLimit", 0))) * _MEBIBYTE,
        memory_alloc=number(pairs, "AllocMem") * _MEBIBYTE,
        memory_free=int(memory_free) * _MEBIBYTE if answered else None,
        gpus=gres.gpus(pairs.get("Gres", "")),
        gpus_alloc=_used(pairs),
        reason=reason.text,
        reason_user=reason.user,
        reason_since=reason.since,
    )


def _used(pairs: Mapping[str, str]) -> Gpus | None:
    """Return the allocated GPUs; there is no such line where there is nothing to allocate."""
    if "GresUsed" in pairs:
        return gres.gpus(pairs["GresUsed"])
    return None if gres.gpus(pairs.get("Gres", "")) else {}


def _load(text: str) -> float | None:
    return None if text in values.UNKNOWN else float(text)


def _reason(text: str) -> _Reason:
    """Read a reason; who gave it and when stand at the end of its first line, if anybody did."""
    first, *others = text.split("\n")
    more = [line.strip() for line in takewhile(lambda line: line.startswith(_FURTHER_LINE), others)]
    said, _, signature = first.rpartition(" [")
    user, _, when = signature.removesuffix("]").rpartition("@")
    if user:
        with contextlib.suppress(ValueError):
            return _Reason(" ".join([said, *more]), user, values.moment(when))
    return _Reason(" ".join([first, *more]))


@lru_cache(maxsize=1024)
def _state(text: str) -> tuple[str, frozenset[str]]:
    base, *flags = text.split("+")
    while base[-1:] in _SIGNS:
        flags.append(_SIGNS[base[-1]])
        base = base[:-1]
    if base in _IDLE:
        flags.append(_IDLE[base])
        base = "IDLE"
    return base, frozenset(_FLAGS.get(flag, flag) for flag in flags)


@lru_cache(maxsize=4096)
def _split(partitions: str) -> tuple[str, ...]:
    return tuple(name for name in partitions.split(",") if name)


NODE = Command(
    "scontrol",
    ("--all", "--details", "--future", "--local", "show", "node"),
    _read,
    ending=ENDING,
    nothing="No nodes in the system\n",
)
