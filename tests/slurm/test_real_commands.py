"""Slurm asked by its commands: real clusters of three releases, counted in another way too."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.sources.cli.catalogue import CATALOGUE
from tests.slurm import truth
from tests.slurm.exporter import about, cli_config, once
from tests.slurm.host import eventually

if TYPE_CHECKING:
    from pathlib import Path

    from tests.slurm.cluster import SlurmCluster
    from tests.slurm.commands import Commands
    from tests.slurm.exporter import Page, Series
    from tests.slurm.truth import Count

pytestmark = pytest.mark.slurm

COUNTED = sorted({"jobs", "jobs-users-accts", "nodes", "partitions"} & CATALOGUE.keys())
"""The endpoints that are counted independently, as far as commands are asked for them."""


def difference(page: Page, expected: Count) -> dict[Series, tuple[object, object]]:
    """Return what the page says differently, or has too much in a family: ours and theirs."""
    families = {name for name, _ in expected}
    ours = {
        one: value for name in families & page.keys() for one, value in page[name].samples.items()
    }
    return {
        one: (ours.get(one), expected.get(one))
        for one in ours.keys() | expected.keys()
        if ours.get(one) != expected.get(one)
    }


def test_every_endpoint_is_up_and_every_row_is_read(commands: Commands, tmp_path: Path) -> None:
    """Also those of odd names, of nodes that never came, of 3,334 tasks in one row."""
    page = once(tmp_path, cli_config(commands.path, *CATALOGUE))

    assert {name: about(page, "endpoint_up", name) for name in CATALOGUE} == dict.fromkeys(
        CATALOGUE, 1
    )
    dropped = page["slurm_exporter_samples_dropped"].samples
    assert [one for one, number in dropped.items() if number] == []


@pytest.mark.parametrize("endpoint", COUNTED)
def test_the_page_equals_an_independent_count(
    rich_cluster: SlurmCluster, commands: Commands, tmp_path: Path, endpoint: str
) -> None:
    """Of jobs by state, user, account and partition, of CPUs, memory and GPUs, of nodes."""

    def undisturbed() -> tuple[Page, Count] | None:
        before = truth.count(rich_cluster)[endpoint]
        page = once(tmp_path, cli_config(commands.path, endpoint))
        return (page, before) if before == truth.count(rich_cluster)[endpoint] else None

    page, expected = eventually(undisturbed, "two equal counts in a row", within=120.0)

    assert len(expected) > 20
    assert difference(page, expected) == {}
