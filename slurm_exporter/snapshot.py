"""What the pollers know and the pages show: the only state that threads share, and its lock.

A success and the data it brought are two records.  ``Snapshot`` is what one successful poll
gave; ``Health`` is what is known about all attempts.  Both are frozen: whoever holds one may
read it without a lock for as long as he likes.
"""

from __future__ import annotations

import math
import threading
from bisect import bisect_left
from dataclasses import dataclass, field, replace
from enum import Enum
from types import MappingProxyType
from typing import TYPE_CHECKING, TypeVar

from slurm_exporter.errors import REASONS
from slurm_exporter.exposition import DROP_REASONS, Format, Part
from slurm_exporter.phases import PHASES

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

    from slurm_exporter.config import Endpoint

Number = TypeVar("Number", int, float)

DURATION_BUCKETS = (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
"""Upper bounds, in seconds, of the histogram of poll durations."""

RECENT = 60
"""How many polls are remembered one by one, for the status page's picture."""


class State(Enum):
    """What an endpoint's snapshot is worth now."""

    UP = "up"
    STALE = "stale"
    EXPIRED = "expired"
    NEVER = "never"


@dataclass(frozen=True, slots=True)
class Failure:
    """Why a poll failed.

    Attributes:
        reason: one of ``errors.REASONS``.
        message: a sentence for people.
    """

    reason: str
    message: str


@dataclass(frozen=True, slots=True)
class Poll:
    """One attempt: when it began (unix seconds), how long it took (seconds), how it ended.

    Attributes:
        phases: the seconds that each of its completed ``PHASES`` took.
    """

    time: float
    duration: float
    failure: Failure | None = None
    phases: Mapping[str, float] = field(default_factory=dict, repr=False)


@dataclass(frozen=True, slots=True)
class Snapshot:
    """What one successful poll gave, rendered and ready to be served.

    Attributes:
        polled: when Slurm was asked, on the monotonic clock, which may be before the poll if
            endpoints share an answer; ages are counted from here, since no number can be older.
        parts: the endpoint's piece of the page in each format.
        samples: how many samples the parts hold.
        body_bytes: the size of Slurm's answer.
        dropped: rows of the answer that the parts do not hold, by reason.
        source: who answered, in the config's words.
    """

    polled: float
    parts: Mapping[Format, Part] = field(repr=False)
    samples: int
    body_bytes: int
    dropped: Mapping[str, int]
    source: str = "openmetrics"


def _zeros(names: Iterable[str]) -> Mapping[str, int]:
    return MappingProxyType(dict.fromkeys(names, 0))


@dataclass(frozen=True, slots=True)
class Health:
    """What is known about the attempts to poll one endpoint.

    Attributes:
        last_poll: begin of the last attempt, unix seconds; 0 = never.
        last_success: begin of the last successful one, unix seconds; 0 = never.
        last_failure: the last failed poll, also after a later success.
        failures_in_row: failed polls since the last success.
        effective_interval: seconds between polls now; longer than the config's interval when
            polls take too large a share of it.
        failures: failed polls by reason.
        skipped: polls that were due while another was still under way.
        dropped: rows of successful polls that are not served, by reason.
        durations: how many polls fell into each of ``DURATION_BUCKETS``, and above the last.
        duration_sum: seconds spent in all polls.
        phase_counts: how often each of ``PHASES`` was completed.
        phase_sums: seconds spent in completed ones.
        recent: the last ``RECENT`` polls, oldest first.
        expected: the moment on the monotonic clock by which this record must have changed;
            when it is over, the poller hangs.
    """

    last_poll: float = 0.0
    last_success: float = 0.0
    last_failure: Poll | None = None
    failures_in_row: int = 0
    effective_interval: float = 0.0
    failures: Mapping[str, int] = field(default_factory=lambda: _zeros(REASONS))
    skipped: int = 0
    dropped: Mapping[str, int] = field(default_factory=lambda: _zeros(DROP_REASONS))
    durations: tuple[int, ...] = (0,) * (len(DURATION_BUCKETS) + 1)
    duration_sum: float = 0.0
    phase_counts: Mapping[str, int] = field(default_factory=lambda: _zeros(PHASES))
    phase_sums: Mapping[str, float] = field(default_factory=lambda: _zeros(PHASES))
    recent: tuple[Poll, ...] = ()
    expected: float = math.inf

    @property
    def up(self) -> bool:
        """Whether the last poll succeeded."""
        return self.last_success > 0 and self.failures_in_row == 0

    @property
    def polls(self) -> int:
        """How many polls there were."""
        return sum(self.durations)

    @property
    def failure(self) -> Failure | None:
        """Why the last poll failed; None when it succeeded or there was none."""
        return self.last_failure.failure if self.last_failure and self.failures_in_row else None

    def after(self, poll: Poll, snapshot: Snapshot | None) -> Health:
        """Return the health after one more poll, which brought a snapshot or failed."""
        health = replace(
            self,
            last_poll=poll.time,
            durations=_incremented(self.durations, bisect_left(DURATION_BUCKETS, poll.duration)),
            duration_sum=self.duration_sum + poll.duration,
            phase_counts=_sum(self.phase_counts, dict.fromkeys(poll.phases, 1)),
            phase_sums=_sum(self.phase_sums, poll.phases),
            recent=(*self.recent, poll)[-RECENT:],
        )
        if poll.failure is not None:
            return replace(
                health,
                last_failure=poll,
                failures_in_row=self.failures_in_row + 1,
                failures=_sum(self.failures, {poll.failure.reason: 1}),
            )
        return replace(
            health,
            last_success=poll.time,
            failures_in_row=0,
            dropped=_sum(self.dropped, snapshot.dropped if snapshot else {}),
        )


def _incremented(counts: tuple[int, ...], index: int) -> tuple[int, ...]:
    return (*counts[:index], counts[index] + 1, *counts[index + 1 :])


def _sum(numbers: Mapping[str, Number], more: Mapping[str, Number]) -> Mapping[str, Number]:
    total = dict(numbers)
    for key, number in more.items():
        total[key] = total.get(key, 0) + number
    return MappingProxyType(total)


@dataclass(frozen=True, slots=True)
class EndpointView:
    """One endpoint at one moment of the store; judged at a moment that the reader gives."""

    endpoint: Endpoint
    health: Health
    snapshot: Snapshot | None = None

    @property
    def source(self) -> str:
        """Who answers, in the config's words, which may leave it open until somebody has."""
        return self.endpoint.source if self.snapshot is None else self.snapshot.source

    @property
    def interval(self) -> float:
        """Seconds between polls, when these do not take too long."""
        return self.endpoint.interval_with(self.source)

    @property
    def stale_after(self) -> float:
        """The age in seconds at which the snapshot is stale, at the effective interval."""
        return self._limit(self.endpoint.stale_after, 2)

    @property
    def max_age(self) -> float:
        """The age in seconds at which the snapshot expires, at the effective interval."""
        return self._limit(self.endpoint.max_age, 5)

    def _limit(self, configured: float | None, intervals: int) -> float:
        interval, effective = self.endpoint.interval, self.health.effective_interval
        if configured is None:
            return intervals * effective + self.endpoint.timeout
        return configured * effective / interval

    def age(self, now: float) -> float | None:
        """Return the seconds since the snapshot's poll; None before the first success."""
        return None if self.snapshot is None else max(0.0, now - self.snapshot.polled)

    def state(self, now: float) -> State:
        """Return what the snapshot is worth at ``now`` on the monotonic clock."""
        age = self.age(now)
        if age is None:
            return State.NEVER
        if age >= self.max_age:
            return State.EXPIRED
        return State.STALE if age >= self.stale_after else State.UP

    def turning_point(self, now: float) -> float:
        """Return when time alone changes the state next; infinity when it will not."""
        if self.snapshot is None:
            return math.inf
        limits = (self.snapshot.polled + self.stale_after, self.snapshot.polled + self.max_age)
        return min((limit for limit in limits if limit > now), default=math.inf)

    def served(self, now: float) -> Snapshot | None:
        """Return the snapshot that belongs on a page made at ``now``, if any."""
        keep = self.endpoint.on_expiry == "keep"
        return self.snapshot if keep or self.state(now) is not State.EXPIRED else None


View = tuple[EndpointView, ...]
"""All endpoints at one moment, in the config's order."""


class SnapshotStore:
    """The newest snapshot and the health of each endpoint.

    Promises: every method is safe from any thread.  What ``view()`` returns never changes again.
    A publish is seen whole or not at all: never a new snapshot with an old health.  No method
    does I/O or heavy work; the lock is held for the exchange of one reference.
    """

    def __init__(self, endpoints: Iterable[Endpoint]) -> None:
        self._lock = threading.Lock()
        # The same twice: by name for the pollers, in order for the pages.
        self._views: dict[str, EndpointView] = {}
        self._view: View = ()
        self.configure(endpoints)

    def configure(self, endpoints: Iterable[Endpoint], *, keep: bool = True) -> None:
        """Hold these endpoints from now on; those that were known before keep their health.

        Args:
            endpoints: all that are held from now on.
            keep: whether they keep their snapshots too; not when those would be made otherwise
                now, or come from elsewhere.
        """
        with self._lock:
            self._views = {
                endpoint.name: self._configured(endpoint, self._views.get(endpoint.name), keep)
                for endpoint in endpoints
            }
            self._view = tuple(self._views.values())

    @staticmethod
    def _configured(endpoint: Endpoint, known: EndpointView | None, keep: bool) -> EndpointView:
        if known is not None and known.endpoint == endpoint and keep:
            return known  # its poller may go on meanwhile
        view = known or EndpointView(endpoint, Health(effective_interval=endpoint.interval))
        same = view.endpoint.interval == endpoint.interval
        keep = keep and view.endpoint.path == endpoint.path
        # What another source said may be in other units.
        keep = keep and endpoint.source in {"auto", view.source}
        health = replace(
            view.health,
            effective_interval=view.health.effective_interval if same else endpoint.interval,
            expected=math.inf,
        )
        return EndpointView(endpoint, health, view.snapshot if keep else None)

    def view(self) -> View:
        """Return all endpoints as they are at this moment.

        It is the same object until something is published.
        """
        with self._lock:
            return self._view

    def endpoint(self, name: str) -> EndpointView:
        """Return one endpoint.  Raises KeyError for one that is not held."""
        with self._lock:
            return self._views[name]

    def publish(self, name: str, health: Health, snapshot: Snapshot | None = None) -> None:
        """Replace an endpoint's health and, when there is a new one, its snapshot.

        Only the endpoint's own poller calls this, so nothing is lost between its reading the
        health and its publishing the next one.
        """
        with self._lock:
            view = self._views[name]
            self._views[name] = replace(
                view, health=health, snapshot=view.snapshot if snapshot is None else snapshot
            )
            self._view = tuple(self._views.values())
