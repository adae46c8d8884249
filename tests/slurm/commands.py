"""Slurm's commands of a cluster, for programs outside its machine: a directory of scripts."""

from __future__ import annotations

import shlex
from typing import TYPE_CHECKING, final

if TYPE_CHECKING:
    from pathlib import Path

    from tests.slurm.cluster import SlurmCluster

PROGRAMS = ("sacct", "sacctmgr", "scontrol", "sdiag", "sinfo", "sprio", "squeue", "sshare")

_SCRIPT = """\
#!/bin/sh
echo "$0 $*" >>{calls}
exec {enter} {program} "$@"
"""


@final
class Commands:
    """Scripts that run the commands inside, with the environment they get, and that are counted.

    Attributes:
        path: the directory, as in ``slurm.cli.path``.
    """

    def __init__(self, cluster: SlurmCluster, path: Path) -> None:
        """Write the scripts.

        Args:
            cluster: whose commands they are.
            path: a directory that is not there yet.
        """
        self.path = path
        self._calls = path / "calls"
        path.mkdir()
        self._calls.touch()
        for program in PROGRAMS:
            script = path / program
            words = {"calls": self._calls, "enter": shlex.join(cluster.enter), "program": program}
            script.write_text(_SCRIPT.format_map(words), encoding="utf-8")
            script.chmod(0o755)

    @property
    def calls(self) -> list[str]:
        """The command lines that were run, oldest first, without the directory."""
        # Not splitlines(): arguments hold separators that it takes for ends of lines.
        lines = self._calls.read_text(encoding="utf-8").split("\n")[:-1]
        return [line.removeprefix(f"{self.path}/") for line in lines]
