"""The endpoint rpcs."""

from __future__ import annotations

import pytest

from slurm_exporter.sources.cli.commands.sdiag import SDIAG
from slurm_exporter.sources.cli.families import rpcs
from slurm_exporter.sources.cli.records import Diagnostics, Rpcs
from tests.sources.cli.recordings import RELEASES, recorded, records, samples


@pytest.mark.parametrize("release", RELEASES)
def test_types_and_users_count_the_same_requests(release: str) -> None:
    """Of each there are a number and a time."""
    found = samples(rpcs.families(records(SDIAG, recorded(SDIAG, release))))
    calls = found["slurm_controller_rpc_calls_total"]

    assert sum(calls.values()) == sum(found["slurm_controller_rpc_user_calls_total"].values()) > 0
    assert calls.keys() == found["slurm_controller_rpc_duration_seconds_total"].keys()
    assert ("root",) in found["slurm_controller_rpc_user_duration_seconds_total"]
    assert found["slurm_controller_rpcs_pending"] == {}


def test_users_without_a_name_are_told_of_together() -> None:
    """sdiag gives all of them the same one, and a series must not be there twice."""
    users = (Rpcs("nobody", 2, 0.5), Rpcs("root", 1, 0.1), Rpcs("nobody", 3, 0.25))

    found = samples(rpcs.families([Diagnostics({}, (), users, ())]))

    assert found["slurm_controller_rpc_user_calls_total"] == {("nobody",): 5, ("root",): 1}
    assert found["slurm_controller_rpc_user_duration_seconds_total"] == {
        ("nobody",): 0.75,
        ("root",): 0.1,
    }


def test_requests_that_wait_are_a_gauge() -> None:
    """The others are counters, which begin again with slurmctld."""
    pending = (Rpcs("REQUEST_TERMINATE_JOB", 2, 0.0),)

    found = samples(rpcs.families([Diagnostics({}, (), (), pending)]))

    assert found["slurm_controller_rpcs_pending"] == {("REQUEST_TERMINATE_JOB",): 2}
    assert [metric.type for metric in rpcs.METRICS] == ["counter"] * 4 + ["gauge"]
