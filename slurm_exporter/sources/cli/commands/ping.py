"""Which controllers answer: ``scontrol ping``, one line for each in slurm.conf."""

from __future__ import annotations

import re
from typing import TYPE_CHECKING

from slurm_exporter.sources.cli.command import Command, lines, table
from slurm_exporter.sources.cli.records import Controller

if TYPE_CHECKING:
    from slurm_exporter.sources.cli.command import Table

_BEGIN = "Slurmctld("
_LINE = re.compile(r"Slurmctld\((\w+)\) at (\S+) is (UP|DOWN)")


def _read(text: str, _mark: str) -> Table[Controller]:
    # Between lines of asterisks stands what to do when none is up.
    return table((line for line in lines(text) if line.startswith(_BEGIN)), _controller)


def _controller(line: str) -> Controller:
    match = _LINE.fullmatch(line)
    if match is None:
        raise ValueError(f"{line!r} is no state of a controller")
    role, host, state = match.groups()
    return Controller(host, role, state == "UP")


PING = Command("scontrol", ("ping",), _read, answers=(0, 1))  # 1 where none of them is up
