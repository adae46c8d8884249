"""All partitions, hidden ones included: ``scontrol show partition``."""

from __future__ import annotations

from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.command import Command, table
from slurm_exporter.sources.cli.commands.blocks import ENDING, blocks, number, words
from slurm_exporter.sources.cli.records import Partition

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.command import Table

_KEY = "PartitionName="


def _read(text: str, _mark: str) -> Table[Partition]:
    return table(blocks(text, _KEY), _partition)


def _partition(block: str) -> Partition:
    pairs = words(block)
    return Partition(
        name=pairs["PartitionName"],
        cpus=number(pairs, "TotalCPUs"),
        nodes=number(pairs, "TotalNodes"),
    )


PARTITION = Command(
    "scontrol",
    ("--all", "--local", "show", "partition"),
    _read,
    ending=ENDING,
    nothing="No partitions in the system\n",
)
