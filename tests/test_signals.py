"""How the main thread waits for signals."""

from __future__ import annotations

import os
import signal
import threading
import time
from typing import TYPE_CHECKING

import pytest

from slurm_exporter.signals import HANDLED, Inbox, hear, leave_to_main_thread

if TYPE_CHECKING:
    from collections.abc import Iterator


@pytest.fixture
def inbox() -> Iterator[Inbox]:
    """An inbox, and afterwards everything as it was."""
    before = signal.signal(signal.SIGHUP, lambda *_: None)
    inbox = Inbox()
    yield inbox
    signal.set_wakeup_fd(-1)
    signal.signal(signal.SIGHUP, before)
    os.close(inbox._read)
    os.close(inbox._write)


def test_signals_come_in_their_order(inbox: Inbox) -> None:
    """Those of the process and what a thread of ours has put."""
    signal.raise_signal(signal.SIGHUP)
    inbox.put(0)
    signal.raise_signal(signal.SIGHUP)

    assert [inbox.get() for _ in range(3)] == [signal.SIGHUP, 0, signal.SIGHUP]


def test_a_signal_ends_the_wait_for_it(inbox: Inbox) -> None:
    """Whenever it comes: it is written down before any line of Python runs."""

    def send() -> None:
        time.sleep(0.05)
        os.kill(os.getpid(), signal.SIGHUP)

    sender = threading.Thread(target=send)
    sender.start()

    assert inbox.get() == signal.SIGHUP
    sender.join()


def test_a_wait_can_end_without_a_signal(inbox: Inbox) -> None:
    """So that the waiting thread can do other things now and then."""
    assert inbox.get(0.0) is None
    inbox.put(7)
    assert inbox.get(0.0) == 7


def test_a_flood_of_signals_neither_blocks_nor_raises(inbox: Inbox) -> None:
    """What does not fit into the pipe is lost, as pending signals of the same kind are."""
    for _ in range(70_000):
        signal.raise_signal(signal.SIGHUP)

    assert inbox.get() == signal.SIGHUP


def test_a_thread_can_leave_signals_to_the_main_thread_and_take_them_back() -> None:
    """Else the kernel may pick any thread, and the one that waits goes on waiting."""
    blocked = []

    def look() -> None:
        leave_to_main_thread()
        blocked.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))
        hear()
        blocked.append(signal.pthread_sigmask(signal.SIG_BLOCK, ()))

    thread = threading.Thread(target=look)
    thread.start()
    thread.join()

    assert [set(HANDLED) <= signals for signals in blocked] == [True, False]
