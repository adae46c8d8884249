"""What all endpoints of a cluster share."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import DEFAULT_ENDPOINTS, Cli, Slurm
from slurm_exporter.sources.auto import AutoSource
from slurm_exporter.sources.cli.catalogue import CATALOGUE
from slurm_exporter.sources.cli.source import CliSource
from slurm_exporter.sources.cluster import Cluster
from slurm_exporter.sources.openmetrics import OpenMetricsSource
from tests import fake_slurmctld as fake
from tests.fake_commands import FakeCommands

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_slurmctld import FakeSlurmctld

JOBS, USERS = DEFAULT_ENDPOINTS[0], DEFAULT_ENDPOINTS[3]


@pytest.mark.parametrize(
    ("source", "kind"),
    [("auto", AutoSource), ("openmetrics", OpenMetricsSource), ("cli", CliSource)],
)
@pytest.mark.parametrize("name", sorted(CATALOGUE.keys() & {one.name for one in DEFAULT_ENDPOINTS}))
def test_each_endpoint_is_asked_as_it_says(name: str, source: str, kind: type) -> None:
    endpoint = next(one for one in DEFAULT_ENDPOINTS if one.name == name)
    asks = Cluster(Slurm()).source(replace(endpoint, source=source))
    assert type(asks) is kind


def test_endpoints_share_commands_whatever_their_source(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    """One that was told to use them, and one that found out."""
    commands = FakeCommands(tmp_path)
    slurmctld.behaviours["/metrics/jobs-users-accts"] = fake.close()
    cluster = Cluster(Slurm(urls=(slurmctld.url,), cli=Cli(str(commands.path))))
    assert cluster.source(replace(JOBS, source="cli")).poll().families
    assert cluster.source(USERS).poll().families
    assert commands.runs == {"squeue": 1}


@pytest.mark.parametrize(("share", "runs"), [(0.001, 1), (1.0, 2)])
def test_a_command_runs_for_no_more_than_its_share_of_the_time(
    tmp_path: Path, share: float, runs: int
) -> None:
    """However short the interval of an endpoint is."""
    commands = FakeCommands(tmp_path)
    cluster = Cluster(Slurm(cli=Cli(str(commands.path)), max_duty_cycle=share))
    source = cluster.source(replace(JOBS, source="cli", cli_interval=1e-6))
    for _ in range(2):
        took = source.poll().took
        time.sleep(took)
    assert commands.runs == {"squeue": runs}


def test_one_endpoint_may_differ_from_the_others(tmp_path: Path, slurmctld: FakeSlurmctld) -> None:
    """Its choice is its own, and decides nothing for those that are to find out."""
    commands = FakeCommands(tmp_path)
    slurm = Slurm(urls=(slurmctld.url,), cli=Cli(str(commands.path)))
    cluster = Cluster(slurm)
    cluster.source(replace(JOBS, source="cli")).poll()
    assert cluster.source(USERS).poll().source == "openmetrics"
    assert slurmctld.requests == {"/metrics/jobs-users-accts": 1}


def test_a_reload_that_changes_nothing_forgets_nothing() -> None:
    """Neither who answers, nor which controller is in charge."""
    cluster = Cluster(Slurm())
    assert cluster.reconfigured(Slurm()) is cluster


def test_a_reload_that_changes_something_else_keeps_what_was_counted() -> None:
    """Two that keep it would lock each other out."""
    cluster = Cluster(Slurm())
    assert cluster.reconfigured(Slurm(timeout=9.0)).keeper is cluster.keeper


def test_a_reload_keeps_what_still_holds_of_slurmctld_and_finds_out_anew(
    tmp_path: Path, slurmctld: FakeSlurmctld
) -> None:
    """After an upgrade, say, with a longer timeout."""
    commands = FakeCommands(tmp_path)
    slurm = Slurm(urls=(slurmctld.url,), cli=Cli(str(commands.path)))
    slurmctld.behaviours["/metrics/jobs"] = fake.close()
    before = Cluster(slurm)
    assert before.source(JOBS).poll().source == "cli"

    slurmctld.behaviours["/metrics/jobs"] = fake.answer(fake.recorded("jobs"))
    assert before.source(JOBS).poll().source == "cli"
    after = before.reconfigured(replace(slurm, timeout=9.0))
    assert after.slurmctld.controllers is before.slurmctld.controllers
    assert after.source(JOBS).poll().source == "openmetrics"
