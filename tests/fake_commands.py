"""Slurm's commands without Slurm: programs that print what real ones printed, and count their runs.

They can be told to fail, to hang, to complain or to print half; what they are told holds from
their next run on, whoever runs them.
"""

from __future__ import annotations

import contextlib
from collections import Counter
from pathlib import Path
from typing import TYPE_CHECKING

from slurm_exporter.config import DEFAULT_ENDPOINTS
from slurm_exporter.sources.cli.catalogue import CATALOGUE
from tests.sources.cli.recordings import FIXTURES, name

if TYPE_CHECKING:
    from collections.abc import Iterator

_PROGRAM = """\
#!/bin/sh
# Named like its recording: the words of the command without its options.
name=${0##*/}
for word; do
    case $word in -* | *=*) ;; *) name=$name-$word ;; esac
done
cd '{home}' || exit 99
echo "$$ $name" >> runs
mark=$(printf '%s' "$*" | grep -ao "$(printf '\\036')[0-9a-f]\\{8\\}" | head -n 1)
print() { LC_ALL=C sed "s/MARK/$mark/g" "$name.txt"; }
test ! -e "$name.told" || . "./$name.told"
print
"""


class FakeCommands:
    """A directory of programs.

    Attributes:
        path: the directory, as ``slurm.cli.path``.
        endpoints: those of the default endpoints that commands answer.
    """

    def __init__(self, home: Path, version: str = "26.05.5") -> None:
        """Write the programs.

        Args:
            home: where to keep everything; it must not be used otherwise.
            version: the release whose recordings they print.
        """
        self._home = home
        self.path = home / "bin"
        self.path.mkdir(parents=True)
        recorded = {file.stem: file for file in (FIXTURES / version / "busy").glob("*.txt")}
        for command, file in recorded.items():
            (home / f"{command}.txt").write_bytes(file.read_bytes())
        questions = {
            endpoint.name: {name(command) for command in CATALOGUE[endpoint.name].commands}
            for endpoint in DEFAULT_ENDPOINTS
            if endpoint.name in CATALOGUE
        }
        self.endpoints = list(questions)
        self.commands = set().union(*questions.values())
        for program in {command.partition("-")[0] for command in self.commands}:
            file = self.path / program
            file.write_text(_PROGRAM.replace("{home}", str(home)))
            file.chmod(0o755)

    @property
    def runs(self) -> Counter[str]:
        """How often each command was run."""
        return Counter(name for _, name in self._ran())

    @property
    def left(self) -> list[str]:
        """The programs that are alive of all that the runs have started."""
        groups = {pid for pid, _ in self._ran()}
        return [name for name, group in _alive() if group in groups]

    def _ran(self) -> list[list[str]]:
        file = self._home / "runs"
        return [line.split() for line in file.read_text().splitlines()] if file.exists() else []

    # -------------------------------------------------------------- what they are told

    def text(self, command: str) -> str:
        """What a command prints, in which ``MARK`` stands for the mark."""
        return (self._home / f"{command}.txt").read_text()

    def print(self, command: str, text: str) -> None:
        """Print another text, in which ``MARK`` stands for the mark."""
        self._write(f"{command}.txt", text)

    def fail(self, command: str, words: str, code: int = 1) -> None:
        """Say why on standard error, print nothing, and end with some code."""
        self._tell(command, f"echo '{words}' >&2; exit {code}")

    def complain(self, command: str, words: str) -> None:
        """Say something on standard error, and go on."""
        self._tell(command, f"echo '{words}' >&2")

    def hang(self, command: str) -> None:
        """Start a program that never ends and holds on to all streams, and wait for it."""
        self._tell(command, "sleep 600 & wait")

    def halve(self, command: str) -> None:
        """Print the first half, and end as if that were all."""
        half = len((self._home / f"{command}.txt").read_bytes()) // 2
        self._tell(command, f"print | head -c {half}; exit 0")

    def be_well(self, command: str) -> None:
        """Print again what is recorded."""
        (self._home / f"{command}.told").unlink()

    def _tell(self, command: str, script: str) -> None:
        self._write(f"{command}.told", script)

    def _write(self, name: str, text: str) -> None:
        """Write a file that a program may be reading."""
        new = self._home / f"{name}.new"
        new.write_text(f"{text}\n" if name.endswith(".told") else text)
        new.replace(self._home / name)


def _alive() -> Iterator[tuple[str, str]]:
    """The name and the process group of every process that runs."""
    for stat in Path("/proc").glob("[0-9]*/stat"):
        with contextlib.suppress(OSError):  # it has ended meanwhile
            name, _, rest = stat.read_text().rpartition(")")
            state, _, group = rest.split()[:3]
            if state != "Z":
                yield name.partition("(")[2], group
