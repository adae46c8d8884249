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
    """One name has a blank, one reservation is of licenses only."""
    night, maintenance, licenses = records(RESERVATIONS, recorded("reservations", release))

    assert (night.name, night.state, night.partition) == ("night work", "INACTIVE", "batch")
    assert (night.users, night.accounts, night.flags) == ("", "physics,bio", "FLEX,DAILY")
    assert (night.end or 0) - (night.start or 0) == 3600
    assert (maintenance.state, maintenance.users) == ("ACTIVE", "root")
    assert (maintenance.nodes, maintenance.cores) == (6, 48)
    assert (licenses.users, licenses.nodes, licenses.cores) == ("alice,bob", 0, 0)


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
