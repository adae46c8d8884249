"""Polling one endpoint at its interval, whatever happens."""

from __future__ import annotations

import random
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING

import structlog

from slurm_exporter import schedule
from slurm_exporter.courtesy import Answering, courteous
from slurm_exporter.errors import INTERNAL, PollError
from slurm_exporter.exposition import Format, Part, pack, render
from slurm_exporter.phases import Stopwatch
from slurm_exporter.snapshot import Failure, Poll, Snapshot, State

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.config import Endpoint
    from slurm_exporter.exposition import Family
    from slurm_exporter.snapshot import EndpointView, SnapshotStore
    from slurm_exporter.sources import Source

GRACE = 10.0
"""Seconds that a poller may be late before it counts as hanging."""

_LOOK_AGAIN = 0.1
"""Seconds between two looks at whether an earlier thread has ended."""

_NOTHING = Snapshot(0.0, {}, 0, 0, {})

log = structlog.get_logger()


class Poller:
    """Polls one endpoint: ``poll()`` is one attempt, ``run()`` the loop around it."""

    def __init__(
        self,
        endpoint: Endpoint,
        source: Source,
        store: SnapshotStore,
        *,
        labels: tuple[tuple[str, str], ...] = (),
        max_duty_cycle: float = 1.0,
        offset: float = 0.0,
        answering: Answering | None = None,
        monotonic: Callable[[], float] = time.monotonic,
        wall: Callable[[], float] = time.time,
        jitter: Callable[[], float] = random.random,
    ) -> None:
        self.name = endpoint.name
        self._endpoint = endpoint
        self._source = source
        self._store = store
        self._labels = labels
        self._max_duty_cycle = max_duty_cycle
        self._offset = offset
        self._answering = answering or Answering()
        self._monotonic = monotonic
        self._wall = wall
        self._jitter = jitter
        self._usual_interval = endpoint.interval
        self._took = 0.0
        self._fingerprint, self._snapshot = b"", _NOTHING
        self._stop = threading.Event()
        self._reported: tuple[str, str | None] | None = None

    def run(self, stop: threading.Event, before: threading.Thread | None = None) -> None:
        """Poll at the endpoint's interval until told to stop.

        Args:
            stop: set to end the loop, and to throw away what a poll under way will bring.
            before: a thread that was told to stop and may still be in a poll of this endpoint;
                its end is waited for, so that slurmctld is never asked by two at once.
        """
        try:
            self._begin(stop)
            self._loop(stop, before)
        except KeyError:
            # A reload has taken the endpoint out of the store while we looked for it there.
            if not stop.is_set():
                raise

    def _loop(self, stop: threading.Event, before: threading.Thread | None) -> None:
        while before is not None and before.is_alive():
            if stop.wait(_LOOK_AGAIN):
                return
        due = self._monotonic() + self._offset
        self._expect(due)
        while not stop.wait(self._seconds_to(due)):
            if self._monotonic() >= due:
                self.poll()
                if stop.is_set():
                    return
                due = self._next_due(due)
            self._report()

    def _begin(self, stop: threading.Event) -> None:
        """Promise a sign of life, and take what an earlier poller reported for said."""
        self._stop = stop
        self._expect(self._monotonic() + self._endpoint.timeout)
        view = self._store.endpoint(self.name)
        if view.health.polls:
            self._reported = self._condition(view)

    def poll(self) -> None:
        """Ask Slurm once and publish what came of it.  Raises nothing.

        What comes after the stop is thrown away: the endpoint may have another poller by then.
        """
        began, time_of_day = self._monotonic(), self._wall()
        self._expect(began + self._endpoint.timeout)
        stopwatch = Stopwatch(self._monotonic)
        with courteous(self._answering):
            outcome = self._attempt(began, stopwatch)
        if self._stop.is_set():
            return
        failure = outcome if isinstance(outcome, Failure) else None
        snapshot = None if isinstance(outcome, Failure) else outcome
        poll = Poll(time_of_day, self._monotonic() - began, failure, stopwatch.seconds)
        health = self._store.endpoint(self.name).health.after(poll, snapshot)
        if snapshot is not None:
            health = replace(health, effective_interval=self._interval(poll.duration))
        self._store.publish(self.name, health, snapshot)
        self._log_poll(poll, snapshot)

    def _attempt(self, began: float, stopwatch: Stopwatch) -> Snapshot | Failure:
        try:
            return self._asked(began, stopwatch)
        except PollError as error:
            return Failure(error.reason, str(error))
        except Exception as error:
            # Whatever this is, it must not end the thread: the endpoint would be silent for ever.
            log.exception("poll.crashed", endpoint=self.name)
            return Failure(INTERNAL, f"{type(error).__name__}: {error}")

    def _asked(self, began: float, stopwatch: Stopwatch) -> Snapshot:
        answer = self._source.poll(self._fingerprint, stopwatch)
        asked = began if answer.asked is None else answer.asked
        self._usual_interval = self._endpoint.interval_with(answer.source)
        self._took = answer.took
        if answer.families is None:
            return replace(self._snapshot, polled=asked)
        snapshot = Snapshot(
            polled=asked,
            parts=self._parts(answer.families, stopwatch),
            samples=sum(family.samples for family in answer.families),
            body_bytes=answer.body_bytes,
            dropped=answer.dropped,
            source=answer.source,
        )
        # Not before it is rendered: what could not be must not count as known.
        self._snapshot, self._fingerprint = snapshot, answer.fingerprint
        return snapshot

    def _parts(self, families: tuple[Family, ...], stopwatch: Stopwatch) -> dict[Format, Part]:
        """Render and compress each format; formats with the same text share one part."""
        with stopwatch.phase("render"):
            texts = render(families, self._labels)
        with stopwatch.phase("compress"):
            parts = {id(text): pack(*text) for text in texts.values()}
        return {fmt: parts[id(text)] for fmt, text in texts.items()}

    # -------------------------------------------------------------- time

    def _seconds_to(self, due: float) -> float:
        """Return how long to wait for the next poll, or for the state to change before it."""
        now = self._monotonic()
        turning_point = self._store.endpoint(self.name).turning_point(now)
        return max(0.0, min(due, turning_point) - now)

    def _interval(self, duration: float) -> float:
        # Who got the answer for nothing would come back too soon for a new one.
        duration = max(duration, self._took)
        return schedule.effective_interval(self._usual_interval, duration, self._max_duty_cycle)

    def _next_due(self, due: float) -> float:
        health = self._store.endpoint(self.name).health
        interval = schedule.backoff(
            health.effective_interval, health.failures_in_row, self._jitter()
        )
        due, missed = schedule.next_due(due, self._monotonic(), interval)
        self._store.publish(self.name, replace(health, skipped=health.skipped + missed))
        self._expect(due)
        return due

    def _expect(self, moment: float) -> None:
        """Promise the watchdog a sign of life at ``moment``, or soon after."""
        health = self._store.endpoint(self.name).health
        self._store.publish(self.name, replace(health, expected=moment + GRACE))

    # -------------------------------------------------------------- words

    def _report(self) -> None:
        """Log one line when the endpoint's condition is another than the last one reported."""
        view = self._store.endpoint(self.name)
        condition = self._condition(view)
        if condition == self._reported:
            return
        self._reported = condition
        word, reason = condition
        failure = view.health.failure
        if word == "up":
            log.info("endpoint.up", endpoint=self.name)
            return
        age = view.age(self._monotonic())
        facts = _known(
            endpoint=self.name,
            reason=reason,
            error=failure.message if failure else None,
            age=None if age is None else round(age, 3),
        )
        event = f"endpoint.{word}"
        log.warning(event, **facts)

    def _condition(self, view: EndpointView) -> tuple[str, str | None]:
        failure = view.health.failure
        return _word(view, self._monotonic()), failure.reason if failure else None

    def _log_poll(self, poll: Poll, snapshot: Snapshot | None) -> None:
        log.debug(
            "poll.finished",
            **_known(
                endpoint=self.name,
                duration=round(poll.duration, 6),
                samples=snapshot.samples if snapshot else None,
                dropped=dict(snapshot.dropped) or None if snapshot else None,
                reason=poll.failure.reason if poll.failure else None,
                error=poll.failure.message if poll.failure else None,
            ),
        )


def _known(**facts: object) -> dict[str, object]:
    return {name: fact for name, fact in facts.items() if fact is not None}


def _word(view: EndpointView, now: float) -> str:
    """Name an endpoint's condition: its state, or ``failing`` while good data is still there."""
    state = view.state(now)
    if state is State.NEVER or (state is State.UP and not view.health.up):
        return "failing"
    return str(state.value)
