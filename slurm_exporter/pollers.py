"""The threads of all pollers: how they start, are exchanged by a reload, and end."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from slurm_exporter import signals

if TYPE_CHECKING:
    from collections.abc import Collection, Iterable

    from slurm_exporter.poller import Poller


class _Thread(threading.Thread):
    """The thread of one poller, from its start until it is told to leave."""

    def __init__(self, poller: Poller, before: threading.Thread | None) -> None:
        # A daemon, so that one that hangs in a poll cannot keep the process from ending.
        super().__init__(name=f"poller-{poller.name}", daemon=True)
        self.poller = poller
        self.leave = threading.Event()
        self._before = before

    def run(self) -> None:
        signals.leave_to_main_thread()
        # Who keeps a thread must not keep all those that were before it.
        before, self._before = self._before, None
        self.poller.run(self.leave, before)


class Pollers:
    """The threads of all pollers, from start to stop; some may be exchanged in between.

    One thread calls its methods, but any may ask who is dead.
    """

    def __init__(self, pollers: Iterable[Poller]) -> None:
        """Prepare a thread for each, without starting one."""
        self._retired: dict[str, _Thread] = {}
        self._threads = self._prepared(pollers)

    def _prepared(self, pollers: Iterable[Poller]) -> tuple[_Thread, ...]:
        return tuple(_Thread(poller, self._retired.get(poller.name)) for poller in pollers)

    def start(self) -> None:
        """Start every thread."""
        for thread in self._threads:
            thread.start()

    def retire(self, keep: Collection[str] = ()) -> frozenset[str]:
        """Let threads begin no new poll, without waiting for those that are in one.

        Args:
            keep: names of endpoints whose threads go on, unless they are dead.

        Returns:
            The names of the endpoints whose threads do go on.
        """
        kept = tuple(t for t in self._threads if t.poller.name in keep and t.is_alive())
        retired = [thread for thread in self._threads if thread not in kept]
        for thread in retired:
            thread.leave.set()
        self._threads = kept
        # Of one endpoint's threads the earliest wins: those after it still wait for its end.
        leaving = (*retired, *self._retired.values())
        self._retired = {thread.poller.name: thread for thread in leaving if thread.is_alive()}
        return frozenset(thread.poller.name for thread in kept)

    def add(self, pollers: Iterable[Poller]) -> None:
        """Start more threads; each waits until none that was retired polls its endpoint."""
        added = self._prepared(pollers)
        self._threads += added
        for thread in added:
            thread.start()

    def stop(self, seconds: float) -> list[str]:
        """Begin no new poll, and wait for the threads to end.

        Args:
            seconds: how long to wait for all of them together.

        Returns:
            The names of threads that are still in a poll.
        """
        for thread in self._threads:
            thread.leave.set()
        deadline = time.monotonic() + seconds
        # One that was retired may still be in a poll when its successor has already ended.
        threads = (*self._retired.values(), *self._threads)
        for thread in threads:
            thread.join(max(0.0, deadline - time.monotonic()))
        return [thread.name for thread in threads if thread.is_alive()]

    def dead(self) -> list[str]:
        """Return the names of threads that have ended though nobody told them to."""
        begun = [thread for thread in self._threads if thread.ident is not None]
        return [t.name for t in begun if not (t.is_alive() or t.leave.is_set())]
