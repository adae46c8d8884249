"""Unix sockets to listen on, whose files come and go with them."""

from __future__ import annotations

import contextlib
import errno
import os
import socket
import stat
from pathlib import Path

MODE = 0o660
"""Who may connect: the service's user and its group, which a proxy's user can join."""


class UnixListener(socket.socket):
    """A unix socket that listens, and whose file is gone once it is closed."""

    def __init__(self, path: str, backlog: int) -> None:
        """Listen, in place of a process that left its file behind.

        Raises:
            OSError: a process listens there, another file is in the way, or it is not allowed.
        """
        super().__init__(socket.AF_UNIX, socket.SOCK_STREAM)
        self._path = Path(path)
        self._file: tuple[int, int] | None = None
        try:
            _make_way(self._path)
            self.bind(path)
            self._file = _identity(self._path)
            # Nobody can connect before listen(), so nobody finds other permissions.
            self._path.chmod(MODE)
            self.listen(backlog)
        except OSError:
            self.close()
            raise

    def close(self) -> None:
        """Close it, and take its file away unless another process has put its own there."""
        with contextlib.suppress(OSError):
            if self._file is not None and _identity(self._path) == self._file:
                self._path.unlink()
        super().close()


def _identity(path: Path) -> tuple[int, int]:
    file = path.lstat()
    return file.st_dev, file.st_ino


def _make_way(path: Path) -> None:
    """Remove the socket of a process that was killed."""
    try:
        mode = path.lstat().st_mode
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(mode):
        raise FileExistsError(errno.EEXIST, "another file is in the way")
    if _answers(path):
        raise OSError(errno.EADDRINUSE, "another process listens there")
    path.unlink()


def _answers(path: Path) -> bool:
    with socket.socket(socket.AF_UNIX) as probe:
        # A listener with many clients in its queue lets one wait, which is an answer too.
        probe.setblocking(False)
        try:
            with contextlib.suppress(BlockingIOError):
                probe.connect(os.fspath(path))
        except ConnectionRefusedError:
            return False
    return True
