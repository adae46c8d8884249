"""Partitions from scontrol."""

from __future__ import annotations

import pytest

from slurm_exporter.sources.cli.commands.partition import PARTITION
from slurm_exporter.sources.cli.records import Partition
from tests.sources.cli.recordings import MARK, RELEASES, recorded, records


@pytest.mark.parametrize("release", RELEASES)
def test_partitions_of_a_release_are_read(release: str) -> None:
    """The hidden one, too."""
    assert records(PARTITION, recorded(PARTITION, release)) == (
        Partition(name="batch", cpus=32, nodes=4),
        Partition(name="long", cpus=40, nodes=6),
        Partition(name="debug", cpus=16, nodes=2),
        Partition(name="cloud", cpus=32, nodes=2),
        Partition(name="closed", cpus=8, nodes=2),
        Partition(name="gpu", cpus=16, nodes=2),
        Partition(name="rest", cpus=20, nodes=10),
        Partition(name="ünï", cpus=48, nodes=6),
    )


def test_a_partition_without_its_numbers_costs_itself() -> None:
    text = "PartitionName=a\n   TotalNodes=1\n\nPartitionName=b\n   TotalCPUs=8 TotalNodes=1\n\n"
    read = PARTITION.read(text, MARK)

    assert read.records == (Partition("b", 8, 1),)
    assert read.malformed == 1


def test_hidden_partitions_are_asked_for() -> None:
    assert PARTITION.arguments == ("--all", "--local", "show", "partition")
