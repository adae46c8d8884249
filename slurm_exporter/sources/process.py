"""Other programs: run without a shell, within a time, and gone afterwards with all they started."""

from __future__ import annotations

import contextlib
import errno
import os
import selectors
import signal
import subprocess
import threading
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping, Sequence

_CHUNK = 1024 * 1024
"""Bytes that are read at a time: no less than a pipe holds."""

_LOOK = 0.1
"""Seconds between two looks at whether a silent program has ended."""

_LONGEST_COMPLAINT = 4096
"""Bytes of standard error that are kept."""

_FAREWELL = 1.0
"""Seconds within which a program that was killed must be gone."""

_MANY = 10
"""Programs that could not be killed and are still there, with which no other one is started."""

_lock = threading.Lock()
_running: set[int] = set()
_immortal: list[subprocess.Popen[bytes]] = []


class TooMuchError(Exception):
    """A program prints more than it may."""


class TooSlowError(Exception):
    """A program has not ended in time."""


@dataclass(frozen=True, slots=True)
class Finished:
    """What came of a program.

    Attributes:
        code: its exit code; minus the signal that ended it.
        output: all that it wrote to standard output; it may be long, and is not copied.
        errors: the begin of what it wrote to standard error.
    """

    code: int
    output: bytearray
    errors: bytes


def run(
    command: Sequence[str],
    seconds: float,
    *,
    limit: int,
    environment: Mapping[str, str] | None = None,
) -> Finished:
    """Run a program and wait for its end.

    It gets a process group of its own, which is killed when the program has ended, when its time
    is over and when ``end_all`` is called, so that nothing it started outlives it.  What cannot be
    killed, such as a wrapper that became root, is left alone after a moment.

    Args:
        command: the program and its arguments.
        seconds: how long it may take.
        limit: bytes that it may write to standard output.
        environment: its environment; None is ours.

    Raises:
        OSError: it cannot be run, or too many are left that cannot be killed.
        TooMuchError: it writes more than it may.
        TooSlowError: it has not ended in time.
    """
    deadline = time.monotonic() + seconds
    if _bury() >= _MANY:
        raise OSError(errno.EAGAIN, f"{_MANY} programs that cannot be killed are still there")
    process = subprocess.Popen(  # noqa: S603  # the operator's own commands
        command,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        env=environment,
        start_new_session=True,
    )
    try:
        reader = _Reader(process, limit)
        with _remembered(process.pid):
            reader.read(deadline)
            _wait(process, deadline)
        return Finished(process.returncode, reader.output, reader.errors())
    finally:
        _leave(process)


def end_all() -> None:
    """End every program that runs now, with all it started: the exporter stops."""
    with _lock:
        for group in _running:
            _kill(group)


def ending(code: int) -> str:
    """Say in words what an exit code means."""
    return f"exit code {code}" if code > 0 else f"signal {-code}"


@contextlib.contextmanager
def _remembered(group: int) -> Iterator[None]:
    with _lock:
        _running.add(group)
    try:
        yield
    finally:
        # Together: a number that is no longer ours may be another group's.
        with _lock:
            _running.discard(group)
            _kill(group)


def _wait(process: subprocess.Popen[bytes], deadline: float) -> None:
    try:
        process.wait(max(0.0, deadline - time.monotonic()))
    except subprocess.TimeoutExpired:
        raise TooSlowError from None


def _kill(group: int) -> None:
    with contextlib.suppress(OSError):  # nothing is left of it, as it should be
        os.killpg(group, signal.SIGKILL)


def _leave(process: subprocess.Popen[bytes]) -> None:
    """Close the streams of a program that has ended or was killed, and see it off."""
    for stream in (process.stdout, process.stderr):
        assert stream is not None  # noqa: S101  # Popen was told to make both
        stream.close()
    try:
        process.wait(_FAREWELL)
    except subprocess.TimeoutExpired:
        with _lock:
            _immortal.append(process)


def _bury() -> int:
    """Let go of those that have ended after all; return how many have not."""
    with _lock:
        _immortal[:] = [process for process in _immortal if process.poll() is None]
        return len(_immortal)


class _Reader:
    """Takes what a program writes to both streams, so that it never waits for us."""

    def __init__(self, process: subprocess.Popen[bytes], limit: int) -> None:
        assert process.stdout is not None  # noqa: S101  # Popen was told to make both
        assert process.stderr is not None  # noqa: S101
        self._stdout, self._stderr = process.stdout.fileno(), process.stderr.fileno()
        self._process = process
        self._limit = limit
        self.output = bytearray()
        self._errors = bytearray()
        os.set_blocking(self._stderr, False)

    def read(self, deadline: float) -> None:
        """Read until standard output is closed, or the program has ended.

        What it left behind may hold the stream open; what it wrote itself stands in the pipe then.

        Raises:
            TooMuchError: there is more than there may be.
            TooSlowError: it is not closed in time.
        """
        with selectors.DefaultSelector() as selector:
            selector.register(self._stdout, selectors.EVENT_READ)
            selector.register(self._stderr, selectors.EVENT_READ)
            # Asked each time: a program that never stops writing is always ready.
            while (left := deadline - time.monotonic()) > 0:
                ended = self._process.poll() is not None
                for key, _ in selector.select(0 if ended else min(left, _LOOK)):
                    if key.fd == self._stderr and not self._complaint():
                        selector.unregister(self._stderr)
                    if key.fd == self._stdout and not self._piece():
                        return
                if ended:
                    return
        raise TooSlowError

    def errors(self) -> bytes:
        """Return what stands in standard error, without waiting for more."""
        self._complaint()  # once: a pipe holds no more than is read at a time
        return bytes(self._errors)

    def _piece(self) -> bool:
        data = os.read(self._stdout, _CHUNK)
        self.output += data
        if len(self.output) > self._limit:
            raise TooMuchError
        return bool(data)

    def _complaint(self) -> bool:
        # What the program left behind may keep the stream open without writing to it.
        with contextlib.suppress(BlockingIOError):
            data = os.read(self._stderr, _CHUNK)
            self._errors += data[: _LONGEST_COMPLAINT - len(self._errors)]
            return bool(data)
        return False
