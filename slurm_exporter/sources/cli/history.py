"""The endpoint ``history``: asks sacct only for what has ended since it was asked last."""

from __future__ import annotations

import math
import time
from typing import TYPE_CHECKING

import structlog

from slurm_exporter.errors import PollError
from slurm_exporter.phases import Stopwatch
from slurm_exporter.sources import Answer
from slurm_exporter.sources.cli.command import new_mark
from slurm_exporter.sources.cli.commands.sacct import ended_within
from slurm_exporter.sources.cli.families.history import families

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.config import Endpoint, History
    from slurm_exporter.sources.cli.command import Table
    from slurm_exporter.sources.cli.keeper import Keeper
    from slurm_exporter.sources.cli.ledger import Ledger
    from slurm_exporter.sources.cli.outputs import Outputs
    from slurm_exporter.sources.cli.records import Ended

_FIRST = 3600
_SHORTEST, _LONGEST = 60, 366 * 86_400
"""Seconds of history that sacct is asked for at once."""

_QUICK = 0.25
"""Of a poll's timeout, what a slice may take for the next one to be longer."""

_MUCH = 4 * 1024 * 1024
"""Bytes of a slice from which on the next one is shorter: some ten times as many are needed."""

_NO_FURTHER = 0.5
"""Of a poll's timeout, what may be over for one slice more to be begun."""

_PATIENCE = 900
"""Seconds after which a clock that was put back is believed."""

log = structlog.get_logger()


class HistorySource:
    """Counts the jobs that have ended.

    sacct is asked for slices of time, each of which is counted and written down before the next
    one is asked for.  What there is no time for is left to the next poll, so a long history takes
    several; from then on there is one slice for each poll: from a little before the last poll,
    since slurmdbd may have learned late of what ended then, until now.
    """

    def __init__(
        self,
        outputs: Outputs,
        endpoint: Endpoint,
        history: History,
        keeper: Keeper,
        *,
        wall: Callable[[], float] = time.time,
        monotonic: Callable[[], float] = time.monotonic,
    ) -> None:
        """Prepare; ask nothing.

        Args:
            outputs: runs the commands.
            endpoint: how it is polled.
            history: what is counted.
            keeper: has what was counted before.
            wall: unix time.
            monotonic: the clock of deadlines.
        """
        self._outputs = outputs
        self._timeout = endpoint.timeout
        self._history = history
        self._keeper = keeper
        self._wall = wall
        self._monotonic = monotonic
        self._slice = _FIRST
        self._put_back: tuple[int, float] | None = None
        self._lost = 0.0  # unix time at which slurmdbd was first found away
        self._back = -math.inf  # since when it answers, on the monotonic clock

    def poll(self, known: bytes = b"", stopwatch: Stopwatch | None = None) -> Answer:  # noqa: ARG002
        """Ask once, or as often as there is time for; see ``Source.poll``.

        Raises:
            PollError: there is no usable answer; what was counted before it failed stays counted.
        """
        stopwatch = stopwatch or Stopwatch()
        began, now = self._monotonic(), int(self._wall())
        ledger = self._keeper.ledger(self._history, now)
        self._mind_the_clock(ledger, now, began)
        begin, malformed, size = ledger.settled, 0, 0
        while begin < now and self._monotonic() - began <= _NO_FURTHER * self._timeout:
            end = min(begin + self._slice, now)
            left = began + self._timeout - self._monotonic()
            table, read = self._ask(begin, end, left, stopwatch)
            with stopwatch.phase("parse"):
                ledger.add(table.records, begin, end, self._settled(now))
                self._keeper.save()
            begin, malformed, size = end, malformed + table.malformed, size + read
        return self._answer(ledger, malformed, size)

    def _mind_the_clock(self, ledger: Ledger, now: int, monotonic: float) -> None:
        """Follow a clock that was put back, once it has stayed so.

        Until then nothing is asked, and nothing lost.  A clock that was ahead stays put back; one
        that is behind for a moment, as after a boot, would make us count again what we have.
        """
        if not ledger.is_ahead(now):
            self._put_back = None
        elif self._put_back is None:
            self._put_back = now, monotonic
            log.warning("history.clock_put_back", timestamp=now, counted_until=ledger.until)
        elif monotonic - self._put_back[1] >= _PATIENCE:
            ledger.follow(self._put_back[0])

    def _settled(self, now: int) -> int:
        """Return until when slurmdbd knows by now of all that has ended.

        After it was away it answers at once, while slurmctld takes its time to hand over what it
        has kept back, which may be what ended within hours.
        """
        until = min(self._lost, now) if self._has_missed() else now
        return int(until - self._history.overlap)

    def _has_missed(self) -> bool:
        return self._monotonic() - self._back < self._history.overlap

    def _ask(
        self, begin: int, end: int, seconds: float, stopwatch: Stopwatch
    ) -> tuple[Table[Ended], int]:
        """Return what ended within a slice, and in how many bytes sacct has said it."""
        command, mark, began = ended_within(begin, end), new_mark(), self._monotonic()
        try:
            with stopwatch.phase("fetch"):
                text = self._outputs.run(command, mark, seconds)
            with stopwatch.phase("parse"):
                table = command.read(text.decode("utf-8", "replace"), mark)
        except PollError:
            self._lost = self._lost if self._has_missed() else self._wall()
            self._back = math.inf
            # Too much at once, perhaps; slurmdbd may also refuse long spans (MaxQueryTimeRange).
            self._slice = max(_SHORTEST, (end - begin) // 2)
            raise
        self._back = min(self._back, began)
        if len(text) > _MUCH:
            self._slice = max(_SHORTEST, (end - begin) // 2)
        elif self._monotonic() - began < _QUICK * self._timeout:
            self._slice = min(_LONGEST, 2 * self._slice)
        return table, len(text)

    def _answer(self, ledger: Ledger, malformed: int, size: int) -> Answer:
        saved = self._keeper.saved
        found = families(ledger.totals, ledger.since, ledger.until, saved=saved)
        return Answer(
            families=tuple(family for family in found if family.samples),
            dropped={"malformed": malformed} if malformed else {},
            body_bytes=size,
            fingerprint=b"",
            source="cli",
        )
