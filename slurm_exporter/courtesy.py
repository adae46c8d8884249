"""Who answers a client goes first: work that can wait gives way, for a bounded time.

Python runs one thread at a time.  A thread that answers has to ask for its turn anew after each
system call, and a thread that parses a large text would let it wait each time.
"""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Callable

PATIENCE = 0.05
"""Seconds for which work gives way at most; to make and send a page takes a few thousandths."""


class Answering:
    """The time in which a client is answered, as a with block.

    One thread enters it; any may ask whether it is in there.
    """

    def __init__(self) -> None:
        self._over = threading.Event()
        self._over.set()

    def __enter__(self) -> None:
        self._over.clear()

    def __exit__(self, *_: object) -> None:
        self._over.set()

    def under_way(self) -> bool:
        """Whether a client is answered at this moment."""
        return not self._over.is_set()

    def wait(self, seconds: float) -> None:
        """Return when the answer is written, or after so many seconds."""
        self._over.wait(seconds)


class Courtesy:
    """How one thread gives way: for no longer than it has worked before.

    So clients that ask without a break make its work twice as long, and not longer.
    """

    def __init__(
        self, answering: Answering, monotonic: Callable[[], float] = time.monotonic
    ) -> None:
        self._answering = answering
        self._monotonic = monotonic
        self._left = 0.0
        self._worked_until = monotonic()

    def give_way(self) -> None:
        """Wait while a client is answered, if that does not take too long."""
        now = self._monotonic()
        self._left = min(self._left + now - self._worked_until, PATIENCE)
        self._worked_until = now
        if self._answering.under_way():
            self._answering.wait(self._left)
            self._worked_until = self._monotonic()
            self._left = max(0.0, self._left - (self._worked_until - now))
