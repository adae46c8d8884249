"""Reading scontrol ping."""

from __future__ import annotations

from typing import TYPE_CHECKING

import pytest

from slurm_exporter.errors import CommandError, EmptyError, ParseError
from slurm_exporter.sources.cli.commands.ping import PING
from slurm_exporter.sources.cli.records import Controller
from tests.sources.cli.programs import answered
from tests.sources.cli.recordings import RELEASES, recorded, records

if TYPE_CHECKING:
    from pathlib import Path

COMPLAINT = (
    "*****************************************\n"
    "** RESTORE SLURMCTLD DAEMON TO SERVICE **\n"
    "*****************************************\n"
)


BOTH = "Slurmctld(primary) at ctl1 is UP\nSlurmctld(backup) at ctl2 is {backup}\n"


@pytest.mark.parametrize("release", RELEASES)
def test_each_release_names_its_controller(release: str) -> None:
    assert records(PING, recorded(PING, release)) == (Controller("ctl", "primary", up=True),)


def test_all_controllers_are_named() -> None:
    """The standby answers as well."""
    assert records(PING, BOTH.format(backup="UP")) == (
        Controller("ctl1", "primary", up=True),
        Controller("ctl2", "backup", up=True),
    )


def test_a_controller_that_is_down_is_an_answer(tmp_path: Path) -> None:
    """As long as another one is up scontrol ends with 0, and complains in between."""
    text = BOTH.format(backup="DOWN") + COMPLAINT

    assert answered(PING, tmp_path, text)[1] == Controller("ctl2", "backup", up=False)


def test_all_controllers_down_is_an_answer_too(tmp_path: Path) -> None:
    """Then scontrol ends with 1."""
    text = f"Slurmctld(primary) at ctl1 is DOWN\n{COMPLAINT}"

    assert answered(PING, tmp_path, text, code=1) == (Controller("ctl1", "primary", up=False),)


def test_a_controller_in_another_state_is_counted() -> None:
    """It is there, and a later Slurm may have a word that we do not know."""
    table = PING.read(BOTH.format(backup="SLEEPY") + COMPLAINT, "")

    assert [one.host for one in table.records] == ["ctl1"]
    assert table.malformed == 1


def test_several_backups_have_numbers() -> None:
    """So that their roles differ."""
    text = "Slurmctld(backup1) at a is UP\nSlurmctld(backup2) at b is DOWN\n"

    assert [one.role for one in records(PING, text)] == ["backup1", "backup2"]


@pytest.mark.parametrize(
    ("text", "code", "error", "message"),
    [
        ("", 1, EmptyError, "^scontrol ping printed nothing$"),
        ("usage: scontrol\n", 1, ParseError, "^scontrol ping printed nothing that can"),
        ("usage: scontrol\n", 2, CommandError, r"^scontrol ping failed \(exit code 2\): usage"),
    ],
)
def test_what_names_no_controller_is_a_failure(
    tmp_path: Path, text: str, code: int, error: type[Exception], message: str
) -> None:
    """Whatever the exit code."""
    with pytest.raises(error, match=message):
        answered(PING, tmp_path, text, code)
