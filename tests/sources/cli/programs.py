"""Stand-ins for Slurm's commands: small scripts that print and end as they are told."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING

from slurm_exporter.config import Cli
from slurm_exporter.phases import Stopwatch
from slurm_exporter.sources.cli.outputs import Outputs

if TYPE_CHECKING:
    from pathlib import Path

    from slurm_exporter.sources.cli.command import Command, Record_co


def answered(
    command: Command[Record_co], folder: Path, text: str, code: int = 0
) -> tuple[Record_co, ...]:
    """What becomes of a command that prints a text and ends with a code."""
    program = folder / command.program
    program.write_text(f"#!/bin/sh\nprintf %s {shlex.quote(text)}\nexit {code}\n")
    program.chmod(0o755)
    outputs = Outputs(Cli(path=str(folder)), 0)
    return outputs.get(command, 0.0, 10.0, Stopwatch()).table.records
