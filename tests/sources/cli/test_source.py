"""One endpoint, answered by commands."""

from __future__ import annotations

import time
from dataclasses import replace
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.config import DEFAULT_ENDPOINTS, MORE_ENDPOINTS, Cli
from slurm_exporter.courtesy import courteous
from slurm_exporter.errors import CommandError, PollTimeoutError
from slurm_exporter.phases import Stopwatch
from slurm_exporter.sources.cli.catalogue import CATALOGUE
from slurm_exporter.sources.cli.outputs import Outputs
from slurm_exporter.sources.cli.source import CliSource
from tests.conftest import Turns

if TYPE_CHECKING:
    from tests.conftest import ManualClock
    from tests.fake_commands import FakeCommands

ENDPOINTS = {one.name: one for one in (*DEFAULT_ENDPOINTS, *MORE_ENDPOINTS)}
JOBS = ENDPOINTS["jobs"]
USERS = ENDPOINTS["jobs-users-accts"]


@pytest.fixture
def outputs(commands: FakeCommands) -> Outputs:
    return Outputs(Cli(str(commands.path)), 0)


def test_every_endpoint_of_the_catalogue_can_be_configured() -> None:
    assert set(CATALOGUE) <= set(ENDPOINTS)


def test_an_answer_has_families_and_says_when_it_was_asked_for(outputs: Outputs) -> None:
    """And how often commands should be asked, which is less often than slurmctld itself."""
    began = time.monotonic()
    answer = CliSource(outputs, JOBS).poll()
    names = {family.name for family in answer.families}

    assert {"slurm_jobs", "slurm_jobs_running"} <= names
    assert names <= {metric.name for metric in CATALOGUE["jobs"].metrics}
    assert began <= answer.asked < answer.asked + answer.took <= time.monotonic()
    assert answer.source == "cli"
    assert answer.dropped == {}
    assert answer.body_bytes > 4096


def test_others_get_their_turn_while_rows_are_read_and_counted(
    commands: FakeCommands, outputs: Outputs
) -> None:
    """Each hundred rows or so, when they are read and again when they are counted."""
    text = commands.text("squeue")
    commands.print("squeue", text * (10_000 // text.count("MARK\n") + 1))
    reading, counting = Turns(), Turns()
    with courteous(reading):
        outputs.get(CATALOGUE["jobs"].commands[0], 0.0, 10.0, Stopwatch())
    with courteous(counting):
        CliSource(outputs, JOBS).poll()

    assert reading.count >= 100
    assert counting.count >= 100


def test_endpoints_with_different_intervals_share_an_output(
    commands: FakeCommands, clock: ManualClock
) -> None:
    """The command runs as often as the shortest interval says, and no more often."""
    outputs = Outputs(Cli(str(commands.path)), 0, monotonic=clock)
    jobs = CliSource(outputs, JOBS)
    users = CliSource(outputs, USERS)
    for _ in range(10):
        jobs.poll()
        clock.advance(1.0)
        users.poll()
        clock.advance(59.0)
    assert commands.runs == {"squeue": 10}


def test_an_answer_that_is_known_is_not_counted_again(outputs: Outputs) -> None:
    """It is as new as its run all the same."""
    source = CliSource(outputs, JOBS)
    first, stopwatch = source.poll(), Stopwatch()
    again = source.poll(first.fingerprint, stopwatch)
    assert again == replace(first, families=None)
    assert "parse" not in stopwatch.seconds


def test_rows_that_cannot_be_read_are_counted(outputs: Outputs, commands: FakeCommands) -> None:
    commands._tell("squeue", "print; printf 'what%s\\n' \"$mark\"; exit 0")
    assert CliSource(outputs, JOBS).poll().dropped == {"malformed": 1}


def test_an_idle_cluster_has_no_users_and_no_jobs(outputs: Outputs, commands: FakeCommands) -> None:
    """The first is no family at all, the second is zeros."""
    commands.print("squeue", "")
    assert CliSource(outputs, USERS).poll().families == ()
    jobs = CliSource(outputs, JOBS).poll().families
    assert {row for family in jobs for row in family.rows} == {("0",)}


def test_a_failure_of_a_command_is_the_failure_of_the_poll(
    outputs: Outputs, commands: FakeCommands
) -> None:
    commands.fail("squeue", "slurm_load_jobs error: Unable to contact slurm controller")
    for endpoint in (JOBS, USERS):
        with pytest.raises(CommandError, match="Unable to contact slurm controller"):
            CliSource(outputs, endpoint).poll()
    assert commands.runs == {"squeue": 1}


def test_a_poll_ends_in_its_time(outputs: Outputs, commands: FakeCommands) -> None:
    """The endpoint's own timeout, or what is left of it."""
    commands.hang("squeue")
    slow = replace(JOBS, timeout=0.3, cli_interval=0.1)
    for seconds, words in ((None, "0.3 s"), (0.1, "0.1 s")):
        with pytest.raises(PollTimeoutError, match=f"squeue took longer than {words}"):
            CliSource(outputs, slow).poll(seconds=seconds)
