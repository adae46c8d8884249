"""The answers of commands, shared by all endpoints: each command runs once for all who want it."""

from __future__ import annotations

import hashlib
import shutil
import sys
import threading
import time
from dataclasses import dataclass, replace
from functools import partial
from typing import TYPE_CHECKING, Any, Generic, TypeVar

from slurm_exporter.courtesy import give_way
from slurm_exporter.errors import (
    CommandError,
    EmptyError,
    PollError,
    PollTimeoutError,
    TooLargeError,
)
from slurm_exporter.sources import process
from slurm_exporter.sources.cli.command import environment, new_mark

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slurm_exporter.config import Cli
    from slurm_exporter.phases import Stopwatch
    from slurm_exporter.sources.cli.command import Command, Table

Record_co = TypeVar("Record_co", covariant=True)

_LONGEST_COMPLAINT = 500
_NO_PATH = "PATH, and slurm.cli.path names no other directory"

_SLICE = 256 * 1024
"""Bytes of an output that are looked at in one go."""

_MORE = 1.5
"""Times as much time as was not enough, with which it is worth another try."""


@dataclass(frozen=True, slots=True)
class Output(Generic[Record_co]):
    """What a command said.

    Attributes:
        asked: when it was run, on the monotonic clock.
        took: seconds until it had ended.
        table: its records.
        size: bytes of its text.
        digest: of its text; texts that say the same have the same one.
    """

    asked: float
    took: float
    table: Table[Record_co]
    size: int
    digest: bytes


class Outputs:
    """The newest answer of each command.  Safe from any thread.

    Whoever asks gets the newest answer if it is young enough for him, also when it is a failure:
    a controller in trouble is not asked by each endpoint in turn.  Whoever asks while the command
    runs waits for its answer.  An answer that took long is young for long.
    """

    def __init__(
        self,
        cli: Cli,
        limit: int,
        *,
        max_duty_cycle: float = 1.0,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; run nothing.

        Args:
            cli: how commands are run.
            limit: bytes that one may print; 0 means no limit.
            max_duty_cycle: largest share of the time that a command may run, for all who want it.
            monotonic: the clock.
        """
        self._path = cli.path
        self._limit = limit
        self._max_duty_cycle = max_duty_cycle
        self._monotonic = monotonic
        self._lock = threading.Lock()
        self._shared: dict[Command[Any], _Shared] = {}

    def get(
        self, command: Command[Record_co], max_age: float, seconds: float, stopwatch: Stopwatch
    ) -> Output[Record_co]:
        """Return an answer that is young enough, after running the command if need be.

        Args:
            command: what to ask.
            max_age: seconds; an answer may be older if the command would run too much otherwise.
            seconds: how long it may take.
            stopwatch: learns how long fetching and parsing took.

        Raises:
            PollError: there is no answer.
        """
        with self._lock:
            shared = self._shared.get(command)
            if shared is None:
                run = partial(self.run, command)
                shared = _Shared(command, run, self._max_duty_cycle, self._monotonic)
                self._shared[command] = shared
        return shared.get(max_age, seconds, stopwatch)

    def run(self, command: Command[Any], mark: str, seconds: float) -> bytearray:
        """Run a command for one who shares its answer with nobody; return what it prints.

        Args:
            command: what to ask.
            mark: what ends its rows.
            seconds: how long it may take.

        Raises:
            PollError: there is no answer.
        """
        program = shutil.which(command.program, path=self._path)
        if program is None:
            raise CommandError(f"{command.program} is not in {self._path or _NO_PATH}")
        line, limit = [program, *command.words(mark)], self._limit or sys.maxsize
        try:
            finished = process.run(line, seconds, limit=limit, environment=environment())
        except OSError as error:
            raise CommandError(f"{program} cannot be run: {error.strerror}") from error
        except process.TooSlowError:
            raise _too_slow(command, seconds) from None
        except process.TooMuchError:
            raise TooLargeError(
                f"{command} printed more than body_size_limit ({limit} bytes)"
            ) from None
        return _checked(command, finished)


class _Shared:
    """One command and its newest answer."""

    def __init__(
        self,
        command: Command[Any],
        run: Callable[[str, float], bytearray],
        max_duty_cycle: float,
        monotonic: Callable[[], float],
    ) -> None:
        self._command = command
        self._run = run
        self._max_duty_cycle = max_duty_cycle
        self._monotonic = monotonic
        self._lock = threading.Lock()  # held while the command runs
        self._asked = float("-inf")
        self._granted = 0.0  # seconds that the last run was given
        self._answer: Output[Any] | PollError | None = None
        self._last: Output[Any] | None = None

    def get(self, max_age: float, seconds: float, stopwatch: Stopwatch) -> Output[Any]:
        deadline = self._monotonic() + seconds
        with stopwatch.phase("fetch"):
            mine = self._lock.acquire(timeout=seconds)
        if not mine:
            raise _too_slow(self._command, seconds)
        try:
            left = deadline - self._monotonic()
            if self._is_old(max_age) or self._had_too_little(left):
                self._ask(left, stopwatch)
            answer = self._answer
        finally:
            self._lock.release()
        if isinstance(answer, PollError):
            raise type(answer)(str(answer))
        assert answer is not None  # noqa: S101  # it was asked for
        return answer

    def _is_old(self, max_age: float) -> bool:
        answer = self._answer
        if isinstance(answer, Output):
            max_age = max(max_age, answer.took / self._max_duty_cycle)
        return answer is None or self._monotonic() - self._asked > max_age

    def _had_too_little(self, seconds: float) -> bool:
        """Return whether who has this much time may get more than the timeout of one in a hurry."""
        return isinstance(self._answer, PollTimeoutError) and seconds >= _MORE * self._granted

    def _ask(self, seconds: float, stopwatch: Stopwatch) -> None:
        if seconds <= 0:  # of no interest to others, who may have more time
            raise PollTimeoutError(f"no time was left for {self._command}")
        self._asked, self._granted, self._answer = self._monotonic(), seconds, None
        try:
            self._answer = self._last = self._read(seconds, stopwatch)
        except PollError as error:
            self._answer = error

    def _read(self, seconds: float, stopwatch: Stopwatch) -> Output[Any]:
        mark = new_mark()
        with stopwatch.phase("fetch"):
            text = self._run(mark, seconds)
            took = self._monotonic() - self._asked
            digest = _digest(text, mark.encode())
        last = self._last
        if last is not None and last.digest == digest:
            return replace(last, asked=self._asked, took=took)
        with stopwatch.phase("parse"):
            table = self._command.read(text.decode("utf-8", "replace"), mark)
        return Output(self._asked, took, table, len(text), digest)


def _digest(text: bytearray, mark: bytes) -> bytes:
    """Return what texts share that differ in nothing but the mark."""
    found = hashlib.blake2b(digest_size=16)
    for lines in _slices(text):
        give_way()
        found.update(lines.replace(mark, b""))
    return found.digest()


def _slices(text: bytearray) -> Iterator[bytearray]:
    """Cut a text into pieces of whole lines, so that no mark is cut: none has a line break."""
    start = 0
    while start < len(text):
        end = text.find(b"\n", start + _SLICE) + 1 or len(text)
        yield text[start:end]
        start = end


def _too_slow(command: Command[Any], seconds: float) -> PollTimeoutError:
    # Some of the time that was given is gone before a command begins, and nobody set 9.998 s.
    return PollTimeoutError(f"{command} took longer than {round(seconds, 1):g} s")


def _checked(command: Command[Any], finished: process.Finished) -> bytearray:
    """Return an output that is to be believed.

    An exit code says little: some commands end with 0 after an error, and say it on standard
    error only, with an empty output.
    """
    if finished.code not in command.answers:
        said = _complaint(finished.errors) or _complaint(finished.output)
        ending = process.ending(finished.code)
        raise CommandError(f"{command} failed ({ending}){said and f': {said}'}")
    if finished.output and not finished.output.isspace():
        return finished.output
    said = _complaint(finished.errors)
    if said:
        raise CommandError(f"{command} printed nothing: {said}")
    if not command.may_be_empty:
        why = command.why_empty
        raise EmptyError(f"{command} printed nothing{why and f': {why}'}")
    return bytearray()


def _complaint(text: bytes | bytearray) -> str:
    """Return what a command has to say in one line: the cause is in its first or in its last."""
    begin = text[: 8 * _LONGEST_COMPLAINT].decode("utf-8", "replace")
    lines = map(str.strip, begin.splitlines())
    return "; ".join(filter(None, lines))[:_LONGEST_COMPLAINT]
