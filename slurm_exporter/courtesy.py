"""Who answers a client goes first: work that can wait gives way, for a bounded time.

Python runs one thread at a time.  A thread that answers has to ask for its turn anew after each
system call, and a thread that parses a large text would let it wait each time.
"""

from __future__ import annotations

import contextlib
import threading
import time
from itertools import islice
from typing import TYPE_CHECKING, TypeVar

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

Item = TypeVar("Item")

PATIENCE = 0.05
"""Seconds for which work gives way at most; to make and send a page takes a few thousandths."""

_SLICE = 64
"""Items that are worked on between two chances to give way; some take ten microseconds each."""

_this_thread = threading.local()


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


@contextlib.contextmanager
def courteous(answering: Answering) -> Iterator[None]:
    """Make this thread give way in a with block, wherever its work calls ``give_way``.

    So what reads texts and counts rows need not know for whom it does it.

    Args:
        answering: whom to give way to.
    """
    _this_thread.courtesy = Courtesy(answering)
    try:
        yield
    finally:
        del _this_thread.courtesy


def give_way() -> None:
    """Wait a moment while a client is answered, if this thread is a courteous one."""
    courtesy: Courtesy | None = getattr(_this_thread, "courtesy", None)
    if courtesy is not None:
        courtesy.give_way()


def paced(items: Iterable[Item]) -> Iterator[Item]:
    """Return the items one by one, and give way now and then."""
    rest = iter(items)
    while some := tuple(islice(rest, _SLICE)):
        give_way()
        yield from some


class Paced(tuple[Item, ...]):
    """Items at which whoever goes through them gives way now and then."""

    __slots__ = ()

    def __iter__(self) -> Iterator[Item]:
        return paced(super().__iter__())


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
