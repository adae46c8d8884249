"""A stand-in for sacct and slurmdbd: a program that finds jobs in a file by when they ended.

It answers as fast for a million jobs as for ten, and writes down what it was asked for.
"""

from __future__ import annotations

import sys
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable
    from pathlib import Path

_PROGRAM = r"""#!{python} -IS
import bisect, mmap, os, sys

home, width = {home!r}, {width}
options = dict(word.lstrip("-").split("=", 1) for word in sys.argv[1:] if "=" in word)
begin, end = (int(options[key].removeprefix("uts")) for key in ("starttime", "endtime"))
with open(home + "/asked", "a") as asked:
    asked.write("%d %d\n" % (begin, end))
if os.path.exists(home + "/error"):
    sys.exit(open(home + "/error").read())

class Ends:
    def __init__(self, rows):
        self.rows = rows

    def __len__(self):
        return len(self.rows) // width

    def __getitem__(self, index):
        return int(self.rows[index * width : index * width + 10])

mark = options["delimiter"].encode()
with open(home + "/jobs", "rb") as file:
    size = os.fstat(file.fileno()).st_size
    rows = mmap.mmap(file.fileno(), 0, access=mmap.ACCESS_READ) if size else b""
    first, last = bisect.bisect_left(Ends(rows), begin), bisect.bisect_right(Ends(rows), end)
    for index in range(first, last):
        row = rows[index * width + 10 : (index + 1) * width]
        sys.stdout.buffer.write(row.strip().replace(b"|", mark) + mark + b"\n")
"""

_WIDTH = 160


class FakeSacct:
    """A directory with such a program.

    Attributes:
        path: what ``slurm.cli.path`` must be.
    """

    def __init__(self, home: Path) -> None:
        self._home = home
        self.path = str(home)
        (home / "jobs").touch()
        (home / "asked").touch()
        program = home / "sacct"
        program.write_text(
            _PROGRAM.replace("{python}", sys.executable)
            .replace("{home!r}", repr(str(home)))
            .replace("{width}", str(_WIDTH))
        )
        program.chmod(0o755)

    def finish(self, jobs: Iterable[tuple[int, int, str]]) -> None:
        """Let jobs be known that have ended: number, when, and how; in the order of their ends."""
        with (self._home / "jobs").open("a") as file:
            file.writelines(_row(*job) for job in jobs)

    def fail(self, error: str) -> None:
        """Fail from now on, with these words; without them, work again."""
        (self._home / "error").unlink(missing_ok=True)
        if error:
            (self._home / "error").write_text(error)

    @property
    def asked(self) -> list[tuple[int, int]]:
        """From when until when it was asked, each time."""
        lines = (self._home / "asked").read_text().splitlines()
        return [(int(begin), int(end)) for begin, end in map(str.split, lines)]


def _row(number: int, end: int, state: str) -> str:
    start = end - 60
    fields = (
        *("physics", f"user{number % 50}", "batch", state, number, number),
        *(start - 10, start, end, 60, 120, "billing=2,cpu=2,mem=1G,node=1"),
    )
    row = f"{end:010}{'|'.join(map(str, fields)):{_WIDTH - 11}}\n"
    assert len(row) == _WIDTH
    return row
