"""Reading sdiag."""

from __future__ import annotations

import time

import pytest
from hypothesis import given
from hypothesis import strategies as st

from slurm_exporter.errors import ParseError
from slurm_exporter.sources.cli.commands.sdiag import SDIAG
from slurm_exporter.sources.cli.records import Diagnostics, Rpcs
from tests.sources.cli.recordings import RELEASES, recorded, records

HEAD = "sdiag output at Sat Nov 21 05:38:20 2026 (1795239500)\n"
TYPES = "Remote Procedure Call statistics by message type\n"
USERS = "Remote Procedure Call statistics by user\n"


def read(text: str) -> Diagnostics:
    (record,) = records(SDIAG, text)
    return record


@pytest.mark.parametrize("release", RELEASES)
def test_every_statistic_is_read_that_a_release_prints(release: str) -> None:
    """22.05 does not say why the schedulers ended their cycles."""
    statistics = read(recorded(SDIAG, release)).statistics
    exits = {name for name in statistics if "_exit_" in name}

    assert len(exits) == (0 if release == "22.05.8" else 12)
    assert len(statistics) - len(exits) == 39


def test_the_two_schedulers_are_told_apart() -> None:
    """They use the same words."""
    statistics = read(recorded(SDIAG, "22.05.8")).statistics
    lines = recorded(SDIAG, "22.05.8").split("\n")
    cycles = [int(line.split()[-1]) for line in lines if line.startswith("\tTotal cycles:")]

    assert [statistics["schedule_cycle_cnt"], statistics["bf_cycle_cnt"]] == cycles


def test_times_are_the_unix_time_in_parentheses() -> None:
    """What stands before it is in the time zone of slurmctld's host."""
    text = f"{HEAD}Backfilling stats\n\tLast cycle when: Sat Nov 21 05:38:15 2026 (1795239495)\n"

    statistics = read(text).statistics

    assert statistics["sched_stats_timestamp"] == 1795239500
    assert statistics["bf_when_last_cycle"] == 1795239495


def test_means_of_nothing_are_nothing() -> None:
    """Backfill has not run yet, and slurmctld's own metrics say 0 of what sdiag leaves out."""
    text = f"{HEAD}Backfilling stats\n\tTotal cycles: 0\n\tLast cycle when: N/A\n"

    assert dict(read(text).statistics) == {
        "sched_stats_timestamp": 1795239500,
        "bf_active": 0,
        "bf_cycle_cnt": 0,
        "bf_when_last_cycle": 0,
        "bf_mean_cycle": 0,
        "bf_depth_mean": 0,
        "bf_try_depth_mean": 0,
        "bf_queue_len_mean": 0,
        "bf_mean_table_sz": 0,
    }


def test_backfill_at_work_is_a_warning_in_its_headline() -> None:
    """sdiag has no other word for it."""
    warning = " (WARNING: data obtained in the middle of backfilling execution.)"

    assert read(f"{HEAD}Backfilling stats{warning}\n").statistics["bf_active"] == 1


def test_lines_and_sections_of_later_releases_are_passed_over() -> None:
    """And do not disturb what comes after them."""
    text = f"{HEAD}Warp drive: 9\nNovelties\n\tLast cycle: 5\n\tWords\nAgent count: 2\n"

    assert dict(read(text).statistics) == {"sched_stats_timestamp": 1795239500, "agent_cnt": 2}


def test_requests_are_counted_by_type_and_by_user() -> None:
    """Microseconds become seconds."""
    text = (
        f"{HEAD}\n{TYPES}"
        "\tREQUEST_PING                            ( 1008) count:12     ave_time:64     "
        "total_time:768\n"
        f"\n{USERS}"
        "\troot            (       0) count:118    ave_time:321    total_time:37892\n"
    )

    found = read(text)

    assert found.by_type == (Rpcs("REQUEST_PING", 12, 0.000768),)
    assert found.by_user == (Rpcs("root", 118, 0.037892),)


@pytest.mark.parametrize(
    ("line", "name"),
    [
        ("\t(6999)                                  ( 6999) count:3 ", "(6999)"),
        ("\tCORP\\dan the (3rd) (1001) count:3 ave_time:1 total_time:3", "CORP\\dan the (3rd)"),
        ('\tjosé|"x"=1      (    1002) count:3      ave_time:1      total_time:3', 'josé|"x"=1'),
    ],
)
def test_odd_names_are_kept(line: str, name: str) -> None:
    """The number of the type or of the user stands behind them."""
    (one,) = read(f"{HEAD}{USERS}{line}\n").by_user

    assert (one.name, one.calls) == (name, 3)


def test_more_is_said_of_requests_where_they_are_queued() -> None:
    """The release says so with the parameter enable_rpc_queue."""
    line = (
        "\tREQUEST_JOB_INFO ( 2003) count:20     ave_time:248    total_time:4968         "
        "queued:2      cycle_last:1      cycle_max:3      dropped:0\n"
    )

    assert read(HEAD + TYPES + line).by_type == (Rpcs("REQUEST_JOB_INFO", 20, 0.004968),)


def test_requests_that_wait_are_counted_and_not_listed() -> None:
    """sdiag counts them by type, and then names the nodes of each."""
    text = (
        f"{HEAD}Pending RPC statistics\n"
        "\tREQUEST_TERMINATE_JOB                   ( 6011) count:2     \n"
        "\nPending RPCs\n\t 1: REQUEST_TERMINATE_JOB   n[0001-0002]\n"
    )

    assert read(text).pending == (Rpcs("REQUEST_TERMINATE_JOB", 2, 0.0),)


def test_no_requests_are_no_mistake() -> None:
    """They are said in words."""
    text = f"{HEAD}{TYPES}\tNo RPCs recorded yet.\nPending RPC statistics\n\tNo pending RPCs\n"

    assert (read(text).by_type, read(text).pending) == ((), ())


def test_lines_that_cannot_be_read_are_counted() -> None:
    """The rest is kept."""
    table = SDIAG.read(
        f"{HEAD}Agent count: many\nAgent thread count:\nJobs failed: 1\n{TYPES}\tgarbage\n", ""
    )

    assert table.malformed == 3
    assert table.records[0].statistics["sdiag_jobs_failed"] == 1


def test_what_is_not_sdiags_is_a_failure() -> None:
    """Not an answer without statistics."""
    with pytest.raises(ParseError, match="sdiag printed nothing that can be read"):
        SDIAG.read("command not found\n", "")


@pytest.mark.parametrize("piece", [" ", "\t", "(", "1) ", "a ", " ("])
def test_odd_text_is_read_as_quickly_as_any(piece: str) -> None:
    """Twice as much takes twice as long, not four times."""
    began = time.monotonic()
    SDIAG.parse(f"{HEAD}\t{piece * 20_000}x\n{TYPES}\t{piece * 20_000}x\n", "")

    assert time.monotonic() - began < 3


@given(st.text(alphabet=st.sampled_from("\tRab01 :()\n-N/AcountPengPC²"), max_size=80))
def test_any_text_is_read(text: str) -> None:
    """Whatever it says, nothing but its rows is lost."""
    table = SDIAG.parse(f"{HEAD}{TYPES}{text}", "")

    assert table.records[0].statistics["sched_stats_timestamp"] == 1795239500
