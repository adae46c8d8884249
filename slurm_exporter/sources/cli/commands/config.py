"""Slurm's own configuration, as slurmctld has read it: ``scontrol show config``."""

from __future__ import annotations

import re

from slurm_exporter.errors import ParseError
from slurm_exporter.sources.cli.command import Command, Table
from slurm_exporter.sources.cli.records import Settings

_ENFORCED = re.compile(r"^AccountingStorageEnforce\s*= *(.*)$", re.MULTILINE)


def _read(text: str, _mark: str) -> Table[Settings]:
    match = _ENFORCED.search(text)
    if match is None:
        raise ParseError("scontrol show config does not say what accounting enforces")
    return Table((Settings(frozenset(match[1].split(","))),))


CONFIG = Command("scontrol", ("show", "config"), _read)
