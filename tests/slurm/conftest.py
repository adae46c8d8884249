"""Fixtures of the tests that need a real Slurm: one busy cluster for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.needs import need
from tests.slurm import tree
from tests.slurm.cluster import SlurmCluster
from tests.slurm.exporter import Exporter, config
from tests.slurm.host import why_not
from tests.slurm.workload import spoil_nodes, submit_mix

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path


@pytest.fixture(scope="session")
def slurm() -> None:
    """See to it that clusters can be booted, or skip, or fail where skipping is not allowed."""
    reason = why_not()
    if reason is None:
        try:
            tree.ensure()
        except tree.TreeError as error:
            reason = str(error)
    need("slurm", reason)


@pytest.fixture(scope="session")
def busy_cluster(slurm: None) -> Iterator[SlurmCluster]:
    """One cluster with jobs of every kind and nodes in odd states, for the whole session."""
    with SlurmCluster() as cluster:
        submit_mix(cluster)
        spoil_nodes(cluster)
        yield cluster


@pytest.fixture
def cluster(busy_cluster: SlurmCluster) -> Iterator[SlurmCluster]:
    """The busy cluster, whose slurmctld runs before and after the test."""
    yield busy_cluster
    busy_cluster.start()


@pytest.fixture
def exporter(cluster: SlurmCluster, tmp_path: Path) -> Iterator[Exporter]:
    """An exporter that polls the busy cluster every second."""
    with Exporter(tmp_path, config(cluster.url)) as running:
        yield running
