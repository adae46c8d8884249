"""slurmctld's own metrics where it has them, Slurm's commands where it has not."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

import structlog

from slurm_exporter.errors import (
    AuthError,
    ConnectError,
    EmptyError,
    HttpStatusError,
    PollError,
    PollTimeoutError,
)
from slurm_exporter.sources.slurmctld import UnavailableError

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.phases import Stopwatch
    from slurm_exporter.sources import Answer
    from slurm_exporter.sources.cli.source import CliSource
    from slurm_exporter.sources.openmetrics import OpenMetricsSource

NATIVE, COMMANDS = "openmetrics", "cli"

# A slurmctld without metrics closes the connection (before 25.11), or answers with nothing, with
# 404 or, where the metrics are private, with 401 or 403.
_NOT_THERE = (AuthError, ConnectError, EmptyError, HttpStatusError)

log = structlog.get_logger()


class Choice:
    """How one cluster is asked: found out once, for all its endpoints.

    slurmctld writes an error into its log when it is asked for metrics and is too old to have any,
    so it is asked until something has answered, and not again.  Safe from any thread.

    Attributes:
        made: ``openmetrics`` or ``cli``; None before something has answered.
        lock: held by who is finding out.
    """

    def __init__(self, *, open_to_all: bool) -> None:
        """Prepare.

        Args:
            open_to_all: whether we show slurmctld nothing to be let in; if we do, a refusal is a
                mistake to be mended, and no reason to ask in another way.
        """
        self.made: str | None = None
        self.lock = threading.Lock()
        self._open_to_all = open_to_all

    def make(self, source: str, why: str) -> None:
        """Keep to a source from now on."""
        self.made = source
        log.info("source.chosen", source=source, why=why)

    def may_fall_back(self, error: PollError) -> bool:
        """Return whether an error means that slurmctld may have no metrics for us."""
        if isinstance(error, UnavailableError):
            return False
        return isinstance(error, _NOT_THERE) and (
            self._open_to_all or not isinstance(error, AuthError)
        )


class AutoSource:
    """Asks for one endpoint in the way that the cluster answers."""

    def __init__(
        self,
        native: OpenMetricsSource,
        commands: CliSource,
        choice: Choice,
        timeout: float,
        *,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        self._native = native
        self._commands = commands
        self._choice = choice
        self._timeout = timeout
        self._monotonic = monotonic

    def poll(self, known: bytes = b"", stopwatch: Stopwatch | None = None) -> Answer:
        """Ask once; see ``Source.poll``.

        Raises:
            PollError: there is no usable answer.
        """
        end = self._monotonic() + self._timeout
        if self._choice.made is None:
            if not self._choice.lock.acquire(timeout=self._timeout):
                raise PollTimeoutError("slurmctld took too long to answer another endpoint")
            try:
                if self._choice.made is None:
                    return self._find_out(end, known, stopwatch)
            finally:
                self._choice.lock.release()
        source = self._native if self._choice.made == NATIVE else self._commands
        return source.poll(known, stopwatch, self._left(end))

    def _find_out(self, end: float, known: bytes, stopwatch: Stopwatch | None) -> Answer:
        try:
            answer = self._ask_native(end, known, stopwatch)
        except PollError as error:
            if not self._choice.may_fall_back(error):
                raise
            return self._fall_back(error, end, known, stopwatch)
        if answer.families == ():
            return self._confirmed(answer, end, known, stopwatch)
        return answer

    def _fall_back(
        self, native: PollError, end: float, known: bytes, stopwatch: Stopwatch | None
    ) -> Answer:
        answer = self._ask_commands(end, known, stopwatch, native)
        # Commands wait for a slurmctld that is starting, and by now it may have metrics.
        try:
            return self._ask_native(end, known, stopwatch)
        except PollError as error:
            if self._choice.may_fall_back(error):
                self._choice.make(COMMANDS, str(error))
        return answer

    def _confirmed(
        self, nothing: Answer, end: float, known: bytes, stopwatch: Stopwatch | None
    ) -> Answer:
        """Return slurmctld's answer that nobody has jobs, unless commands know of some."""
        try:
            answer = self._commands.poll(known, stopwatch, self._left(end))
        except PollError:
            return nothing
        if answer.families == ():
            return nothing
        self._choice.make(COMMANDS, "slurmctld answers with nothing, and squeue lists jobs")
        return answer

    def _ask_native(self, end: float, known: bytes, stopwatch: Stopwatch | None) -> Answer:
        answer = self._native.poll(known, stopwatch, self._left(end))
        # No users have jobs, or there are no metrics at all: nothing says which.
        if answer.families:
            self._choice.make(NATIVE, "slurmctld answers")
        return answer

    def _ask_commands(
        self, end: float, known: bytes, stopwatch: Stopwatch | None, native: PollError
    ) -> Answer:
        try:
            return self._commands.poll(known, stopwatch, self._left(end))
        except PollError as error:
            raise type(native)(f"{native}; nor do commands help: {error}") from error

    def _left(self, end: float) -> float:
        left = end - self._monotonic()
        if left <= 0:
            raise PollTimeoutError(f"not found out how Slurm answers within {self._timeout:.3g} s")
        return left
