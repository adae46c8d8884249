"""Which thread hears signals."""

from __future__ import annotations

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
