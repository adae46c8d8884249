"""Reading scontrol show reservations."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.sources.cli.commands.reservations import RESERVATIONS
from tests.sources.cli.programs import answered
from tests.sources.cli.recordings import RELEASES, recorded, records

if TYPE_CHECKING:
    from pathlib import Path

LINE = (
    "ReservationName={name} StartTime=1795244979 EndTime=1795248579 Duration=01:00:00 "
    "Nodes=n[0002-0003] NodeCnt=2 CoreCnt=16 Features=(null) PartitionName=batch Flags=FLEX "
    "Users=(null) Groups=(null) Accounts=bio State=INACTIVE MaxStartDelay=(null)"
)


@pytest.mark.parametrize("release", RELEASES)
def test_reservations_of_each_release(release: str) -> None:
    """One name has a blank."""
    rebuild, course, now = records(RESERVATIONS, recorded(RESERVATIONS, release))

    assert (rebuild.name, rebuild.state, rebuild.flags) == ("rebuild", "ACTIVE", "MAINT,SPEC_NODES")
    assert (rebuild.users, rebuild.nodes, rebuild.cores) == ("root", 1, 4)
    assert (rebuild.end or 0) - (rebuild.start or 0) == 36000
    assert (course.name, course.state, course.partition) == ("course ünï", "INACTIVE", "")
    assert (course.users, course.accounts, course.cores) == ("alice", "", 8)
    assert (now.name, now.state, now.users, now.accounts) == ("now", "ACTIVE", "", "chem")


def test_a_reservation_may_be_of_licenses_only() -> None:
    """And of no resources that Slurm would count."""
    text = (
        "ReservationName=lics StartTime=1795241380 EndTime=1826777380 Duration=365-00:00:00 "
        "Nodes=(null) NodeCnt=0 CoreCnt=0 Features=(null) PartitionName=(null) Flags=ANY_NODES "
        "TRES=(null) Users=alice,bob Groups=(null) Accounts=(null) Licenses=matlab:3 "
        "State=ACTIVE BurstBuffer=(null) Watts=n/a MaxStartDelay=(null)\n"
    )
    (one,) = records(RESERVATIONS, text)

    assert (one.users, one.nodes, one.cores, one.state) == ("alice,bob", 0, 0, "ACTIVE")


def test_a_cluster_without_reservations_is_healthy(tmp_path: Path) -> None:
    """It says so in words."""
    assert answered(RESERVATIONS, tmp_path, "No reservations in the system\n") == ()


@pytest.mark.parametrize("name", ['a "b" | c', "é\\n", "x=y", "x" * 200])
def test_odd_names_are_kept(name: str) -> None:
    """Quoting is the page's affair."""
    (one,) = records(RESERVATIONS, f"{LINE.format(name=name)}\n")

    assert (one.name, one.start) == (name, 1795244979)


def test_a_comment_of_several_lines_costs_no_reservation() -> None:
    """Nor does it change one: what it says stands behind what Slurm says."""
    text = f"{LINE.format(name='x')} Comment=until State=DONE\nand more\n"

    table = RESERVATIONS.read(text, "")

    assert [one.state for one in table.records] == ["INACTIVE"]
    assert table.malformed == 1
