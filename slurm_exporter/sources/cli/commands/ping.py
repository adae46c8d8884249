"""Which controllers answer: ``scontrol ping``, one line for each in slurm.conf."""

from __future__ import annotations

import re

from slurm_exporter.errors import ParseError
from slurm_exporter.sources.cli.command import Command, Table
from slurm_exporter.sources.cli.records import Controller

_LINE = re.compile(r"^Slurmctld\((\w+)\) at (\S+) is (UP|DOWN)$", re.MULTILINE)


def _read(text: str, _mark: str) -> Table[Controller]:
    found = _LINE.findall(text)
    if not found:
        raise ParseError("scontrol ping named no controller")
    return Table(tuple(Controller(host, role, state == "UP") for role, host, state in found))


PING = Command("scontrol", ("ping",), _read, answers=(0, 1))  # 1 where none of them is up
