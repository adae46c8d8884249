"""Files that may be changed while we run."""

from __future__ import annotations

from pathlib import Path


class Watched:
    """Tells when any of some files is another than before."""

    def __init__(self, *files: str) -> None:
        """Remember how the files are now.

        Raises:
            OSError: a file is not there.
        """
        self._files = tuple(map(Path, files))
        self._known = self._states()

    def changed(self) -> bool:
        """Return whether a file has changed since this was last asked.

        Raises:
            OSError: a file is not there; the next call asks again.
        """
        states = self._states()
        changed, self._known = states != self._known, states
        return changed

    def _states(self) -> tuple[tuple[int, int, int], ...]:
        states = (file.stat() for file in self._files)
        return tuple((state.st_mtime_ns, state.st_ino, state.st_size) for state in states)
