"""Which thread hears signals, and how it waits for them."""

from __future__ import annotations

import os
import select
import signal

HANDLED = (signal.SIGTERM, signal.SIGINT, signal.SIGHUP)
"""The signals that mean something to us."""


def leave_to_main_thread() -> None:
    """Make the calling thread, and those it starts, deaf to them.

    Python handles signals in its main thread, but the kernel may deliver one to any thread; the
    main thread would then sleep on, perhaps for ever.  A child process inherits the deafness.
    """
    signal.pthread_sigmask(signal.SIG_BLOCK, HANDLED)


def hear() -> None:
    """Make the calling thread hear them again."""
    signal.pthread_sigmask(signal.SIG_UNBLOCK, HANDLED)


class Inbox:
    """Numbers of signals, in the order in which they came.

    The interpreter writes them into a pipe the moment they come.  A handler in Python would run
    only between two steps of the main thread, and a queue that it fills could be waited for in
    between, for ever.
    """

    def __init__(self) -> None:
        """Collect signals from now on; only in the main thread."""
        self._read, self._write = os.pipe()
        os.set_blocking(self._write, False)
        signal.set_wakeup_fd(self._write, warn_on_full_buffer=False)

    def put(self, number: int) -> None:
        """Add a number, from any thread."""
        os.write(self._write, bytes([number]))

    def get(self, seconds: float | None = None) -> int | None:
        """Wait for the next number; return None when none came in so many seconds."""
        ready, _, _ = select.select([self._read], [], [], seconds)
        return os.read(self._read, 1)[0] if ready else None
