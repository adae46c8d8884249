"""Fixtures of the tests that need a real Slurm: one busy cluster for all of them."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from tests.needs import need
from tests.slurm import tree
from tests.slurm.cluster import SlurmCluster
from tests.slurm.commands import Commands
from tests.slurm.exporter import Exporter, config
from tests.slurm.host import why_not
from tests.slurm.workload import spoil_more, spoil_nodes, submit_mix, submit_more

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

    from tests.slurm.tree import Release


@pytest.fixture(scope="session")
def slurm() -> None:
    """See to it that clusters can be booted, or skip, or fail where skipping is not allowed."""
    reason = why_not()
    if reason is None:
        try:
            for release in tree.RELEASES:
                tree.ensure(release)
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


@pytest.fixture(scope="session", params=tree.RELEASES, ids=str)
def release(request: pytest.FixtureRequest) -> Release:
    """Each release of Slurm in turn."""
    found: Release = request.param
    return found


@pytest.fixture(scope="session")
def rich_cluster(slurm: None, release: Release) -> Iterator[SlurmCluster]:
    """A cluster at rest, with jobs and nodes of every kind, GPUs and accounting."""
    with SlurmCluster(release=release, with_accounting=True, rich=True) as cluster:
        submit_mix(cluster)
        submit_more(cluster)
        spoil_nodes(cluster)
        spoil_more(cluster)
        yield cluster


@pytest.fixture
def commands(rich_cluster: SlurmCluster, tmp_path: Path) -> Commands:
    """The commands of the rich cluster, not run yet."""
    return Commands(rich_cluster, tmp_path / "bin")
