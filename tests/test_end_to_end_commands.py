"""The command on a cluster whose slurmctld has no metrics: Slurm's own commands are asked."""

from __future__ import annotations

import signal
import time
from typing import TYPE_CHECKING, Any

import pytest

from tests.fake_commands import FakeCommands
from tests.fake_slurmctld import close
from tests.processes import FREE_PORT, Exporter, series, settings, until

if TYPE_CHECKING:
    from pathlib import Path

    from tests.fake_slurmctld import FakeSlurmctld

MINUTE = 1.0
"""Seconds that stand for a minute here."""

NOBODY = "http://127.0.0.1:1"


@pytest.fixture
def commands(tmp_path: Path) -> FakeCommands:
    """Commands of a healthy cluster."""
    return FakeCommands(tmp_path / "slurm")


def asking(commands: FakeCommands, url: str = NOBODY, **keys: Any) -> dict[str, Any]:
    """A config that asks commands for all that they answer, once a minute."""
    config = settings(url, names=commands.endpoints, **keys)
    config["slurm"] |= {"source": "cli", "cli": {"path": str(commands.path)}}
    return config


def ready(exporter: Exporter) -> None:
    until(lambda: exporter.get("/-/ready").status == 200, "all endpoints")


def test_a_cluster_without_metrics_has_the_same_metrics(
    tmp_path: Path, commands: FakeCommands
) -> None:
    with Exporter(tmp_path, asking(commands), FREE_PORT) as exporter:
        ready(exporter)
        page = exporter.samples()
    assert page[series("slurm_jobs_running")] == 12
    assert page[series("slurm_user_jobs_pending", username="mallory")] == 6
    assert page[series("slurm_account_jobs", account="two\nlines")] == 1


def test_endpoints_together_run_each_command_once_a_minute(
    tmp_path: Path, commands: FakeCommands
) -> None:
    """Four commands at most with the endpoints that are there by default, whatever else polls."""
    config = asking(commands)
    for endpoint in config["endpoints"]:
        if endpoint["name"] == "jobs-users-accts":
            endpoint["interval"] = "2s"  # every other minute, as by default
    began = time.monotonic()
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: (exporter.value("polls_total", endpoint="jobs") or 0) >= 6, "six polls")
        minutes = (time.monotonic() - began) / MINUTE
        runs, asked = commands.runs, exporter.value("polls_total", endpoint="jobs-users-accts")

    assert set(runs) == commands.commands
    assert len(runs) <= 4
    assert asked >= 2
    # An answer is shared for nine tenths of an interval.
    assert max(runs.values()) <= minutes / 0.9 + 1


def test_a_thousand_scrapes_run_no_command(tmp_path: Path, commands: FakeCommands) -> None:
    with Exporter(tmp_path, asking(commands, interval="10m"), FREE_PORT) as exporter:
        ready(exporter)
        for _ in range(1000):
            assert exporter.get().status == 200
        exporter.get("/")
    assert commands.runs == dict.fromkeys(commands.commands, 1)


def test_a_command_that_hangs_delays_nobody_and_leaves_nothing(
    tmp_path: Path, commands: FakeCommands, slurmctld: FakeSlurmctld
) -> None:
    """Neither an endpoint that needs it not, nor a scrape; it is gone after its deadline."""
    commands.hang("squeue")
    config = asking(commands, slurmctld.url)
    config["endpoints"] = [
        {"name": "jobs", "interval": "2s", "timeout": "1s"},
        {"name": "nodes", "interval": "1s", "source": "openmetrics"},
    ]
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: commands.left, "the command that hangs")
        before = slurmctld.requests["/metrics/nodes"]
        until(lambda: slurmctld.requests["/metrics/nodes"] >= before + 2, "the other endpoint")
        began = time.monotonic()
        exporter.get()
        assert time.monotonic() - began < 0.5

        (first,) = until(lambda: exporter.log("endpoint.failing"), "the end of the poll")
        assert (first["endpoint"], first["reason"]) == ("jobs", "timeout")
        assert first["error"] == "squeue took longer than 1 s"

        commands.be_well("squeue")
        until(lambda: exporter.value("endpoint_up", endpoint="jobs"), "the next one")
        until(lambda: not commands.left, "the end of all that hung")


def test_nothing_that_hangs_outlives_the_exporter(tmp_path: Path, commands: FakeCommands) -> None:
    """However much time it still had; nor does it keep the exporter from ending at once."""
    commands.hang("squeue")
    config = asking(commands, interval="1m", timeout="1m")
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        until(lambda: "sleep" in commands.left, "the command that hangs")
        began = time.monotonic()
        assert exporter.end(signal.SIGTERM) == 0
        assert time.monotonic() - began < 2.5
    assert not exporter.log("exporter.threads_left")
    until(lambda: not commands.left, "the end of all that hung")


def test_what_a_failing_command_says_can_be_read(tmp_path: Path, commands: FakeCommands) -> None:
    """On the status page, in the log and as a number; what is known stays on the page."""
    words = "slurm_load_jobs error: Unable to contact slurm controller (connect failure)"
    with Exporter(tmp_path, asking(commands), FREE_PORT) as exporter:
        ready(exporter)
        commands.fail("squeue", words)
        (failing,) = until(lambda: exporter.log("endpoint.failing", endpoint="jobs"), "a failure")
        said = f"squeue failed (exit code 1): {words}"
        assert (failing["reason"], failing["error"]) == ("command", said)
        assert said in exporter.get("/").text
        assert exporter.value("poll_failures_total", endpoint="jobs", reason="command")
        assert exporter.samples()[series("slurm_jobs_running")] == 12

        commands.be_well("squeue")
        until(lambda: len(exporter.log("endpoint.up", endpoint="jobs")) == 2, "the recovery")


@pytest.mark.parametrize("words", ["", "Welcome to the cluster"], ids=["half", "a greeting"])
def test_an_output_that_is_no_whole_answer_changes_nothing(
    tmp_path: Path, commands: FakeCommands, words: str
) -> None:
    """The last whole one stays on the page, and an alert tells."""
    with Exporter(tmp_path, asking(commands), FREE_PORT) as exporter:
        ready(exporter)
        if words:
            commands.print("squeue", f"{words}\n")
        else:
            commands.halve("squeue")
        (failing,) = until(lambda: exporter.log("endpoint.failing", endpoint="jobs"), "a failure")
        assert failing["reason"] == "parse"
        assert failing["error"].endswith("the output was cut")
        assert exporter.value("endpoint_up", endpoint="jobs") == 0
        assert exporter.samples()[series("slurm_jobs_running")] == 12


def test_by_default_an_old_slurmctld_is_found_out_and_commands_are_asked(
    tmp_path: Path, commands: FakeCommands, slurmctld: FakeSlurmctld
) -> None:
    """The log says so and why, once; and they run less often than slurmctld would be asked."""
    slurmctld.behaviours = dict.fromkeys(slurmctld.behaviours, close())
    slurm = {"url": slurmctld.url, "cli": {"path": str(commands.path)}}
    config = {"slurm": slurm, "endpoints": [{"name": name} for name in commands.endpoints]}
    with Exporter(tmp_path, config, FREE_PORT) as exporter:
        ready(exporter)
        (chosen,) = exporter.log("source.chosen")
        intervals = {
            what: exporter.value(f"endpoint_{what}_seconds", endpoint="jobs")
            for what in ("interval", "effective_interval")
        }
    assert (chosen["level"], chosen["source"]) == ("info", "cli")
    assert "slurmctld before 25.11 has no metrics" in chosen["why"]
    assert sum(slurmctld.requests.values()) == 2
    assert intervals == {"interval": 60, "effective_interval": 60}
