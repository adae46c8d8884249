"""Files that may be changed while we run."""

from __future__ import annotations

from pathlib import Path
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterable

States = tuple[tuple[int, int, int], ...]
"""What tells a changed file from the old one: modification time, inode and size of each."""


def states(files: Iterable[str]) -> States:
    """Return how files are now.

    Raises:
        OSError: a file is not there.
    """
    found = (Path(file).stat() for file in files)
    return tuple((state.st_mtime_ns, state.st_ino, state.st_size) for state in found)
