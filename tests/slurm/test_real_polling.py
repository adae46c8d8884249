"""How often real Slurms are asked by commands, which source is chosen, and what a crash does."""

from __future__ import annotations

import re
import time
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config.model import DEFAULT_ENDPOINTS
from slurm_exporter.sources.cli.catalogue import CATALOGUE
from tests.slurm import tree
from tests.slurm.cluster import SlurmCluster
from tests.slurm.commands import Commands
from tests.slurm.exporter import Exporter, about, cli_config, slurms_own
from tests.slurm.host import eventually

if TYPE_CHECKING:
    from collections.abc import Iterator
    from pathlib import Path

pytestmark = pytest.mark.slurm

DEFAULTS = [endpoint for endpoint in DEFAULT_ENDPOINTS if endpoint.name in CATALOGUE]
NAMES = [endpoint.name for endpoint in DEFAULTS]
FASTER = 10
"""How many times faster than by default the polls of the counting test come."""

TIMING = "interval: 2s, timeout: 2s, stale_after: 4s, max_age: 5m"


@pytest.fixture
def cluster(slurm: None, release: tree.Release) -> Iterator[SlurmCluster]:
    """A small cluster of each release, with a job that waits."""
    with SlurmCluster(release=release, slurmd=[]) as cluster:
        cluster.sbatch(user="alice")
        yield cluster


@pytest.fixture
def commands(cluster: SlurmCluster, tmp_path: Path) -> Commands:
    """Its commands."""
    return Commands(cluster, tmp_path / "bin")


def all_up(exporter: Exporter) -> bool:
    page = exporter.page()
    return all(about(page, "endpoint_up", name) == 1 for name in NAMES)


def all_down(exporter: Exporter) -> bool:
    page = exporter.page()
    return all(about(page, "endpoint_up", name) == 0 for name in NAMES)


@pytest.mark.parametrize("release", [tree.OLDEST], indirect=True, ids=str)
def test_by_default_four_commands_a_minute_are_run(
    cluster: SlurmCluster, commands: Commands, tmp_path: Path
) -> None:
    """Whatever the number of endpoints and of scrapes: each of four commands once."""
    timing = {
        one.name: f"interval: {one.cli_interval / FASTER:g}s, timeout: 5s" for one in DEFAULTS
    }
    minute = 60 / FASTER
    settings = cli_config(commands.path, *NAMES, timing=timing)
    with Exporter(tmp_path, settings) as exporter:
        eventually(lambda: all_up(exporter), "all endpoints")
        begin, already = time.monotonic(), len(commands.calls)
        while time.monotonic() < begin + 2 * minute:
            exporter.page()
            time.sleep(0.05)
        calls = commands.calls[already:]

    lines = {re.sub(r"\x1e[0-9a-f]+", "", call) for call in commands.calls}
    assert len(lines) == 4
    # A poll at either end of the two minutes may belong to the minute beside them.
    assert 4 <= len(calls) <= 2 * 4 + 4


def test_a_crash_of_slurmctld_leaves_the_last_numbers_until_it_is_back(
    cluster: SlurmCluster, commands: Commands, tmp_path: Path
) -> None:
    """squeue fails or hangs; the page keeps what it had, flagged, and recovers by itself."""
    settings = cli_config(commands.path, *NAMES, timing=TIMING)
    with Exporter(tmp_path, settings) as exporter:
        eventually(lambda: all_up(exporter), "all endpoints")
        before = slurms_own(exporter.page())
        cluster.kill()

        eventually(lambda: all_down(exporter), "the polls to fail")
        eventually(lambda: exporter.about("endpoint_stale", "jobs") == 1, "the stale flag")
        assert exporter.last_error("jobs")["reason"] in {"timeout", "command"}
        assert slurms_own(exporter.page())["slurm_jobs"] == before["slurm_jobs"]
        assert slurms_own(exporter.page()).keys() == before.keys()

        cluster.start()

        eventually(lambda: all_up(exporter), "all endpoints again")
        assert exporter.about("endpoint_stale", "jobs") == 0


def test_auto_finds_out_once_how_to_ask(
    cluster: SlurmCluster, commands: Commands, tmp_path: Path, release: tree.Release
) -> None:
    """A release without metrics logs an error each time it is asked for them: two at a start.

    It is asked once more when the commands have answered, since they wait for one that starts.
    """
    auto = {"source": "auto", "url": cluster.url}
    with Exporter(tmp_path, cli_config(commands.path, *NAMES, timing=TIMING, **auto)) as exporter:
        eventually(lambda: all_up(exporter), "all endpoints")
        polls = exporter.about("polls_total", "jobs") or 0
        eventually(lambda: (exporter.about("polls_total", "jobs") or 0) > polls + 2, "more polls")

        chosen = [line for line in exporter.log.splitlines() if "source.chosen" in line]
        assert len(chosen) == 1
        source = "openmetrics" if release == tree.NEWEST else "cli"
        assert f"source={source}" in chosen[0]
        assert bool(commands.calls) == (source == "cli")

    log = (cluster.root / "var/log/slurm/slurmctld.log").read_text(encoding="utf-8")
    assert log.count("Insane message length") == (0 if release == tree.NEWEST else 2)
