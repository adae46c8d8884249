"""Endpoints with a past, as facts for the status page, from a line of words each."""

from __future__ import annotations

import math
from datetime import datetime, timezone
from typing import TYPE_CHECKING, Any

from slurm_exporter.config import Endpoint
from slurm_exporter.snapshot import EndpointView, Failure, Health, Poll, Snapshot
from slurm_exporter.web.facts import Moment, facts

if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping

NOW = Moment(10_000.0, datetime(2026, 11, 20, 14, 30, tzinfo=timezone.utc).timestamp())


def good(age: float, duration: float = 0.043) -> Poll:
    """A poll that succeeded, ``age`` seconds before ``NOW``."""
    return Poll(NOW.wall - age, duration)


def bad(age: float, reason: str, message: str, duration: float = 0.002) -> Poll:
    """A poll that failed, ``age`` seconds before ``NOW``."""
    return Poll(NOW.wall - age, duration, Failure(reason, message))


def endpoint(
    name: str,
    *polls: Poll,
    interval: float = 30.0,
    effective: float | None = None,
    on_expiry: str = "drop",
    skipped: int = 0,
    samples: int = 52,
    body_bytes: int = 4_812,
    dropped: Mapping[str, int] | None = None,
    expected: float = math.inf,
    source: str = "auto",
) -> EndpointView:
    """One endpoint after these polls, oldest first; each that succeeded brought the same."""
    health = Health(effective_interval=effective or interval, skipped=skipped, expected=expected)
    snapshot = None
    for poll in polls:
        brought = None
        if poll.failure is None:
            polled = NOW.monotonic - (NOW.wall - poll.time)
            brought = Snapshot(polled, {}, samples, body_bytes, dropped or {})
        health = health.after(poll, brought)
        snapshot = brought or snapshot
    configured = Endpoint(
        name, f"/metrics/{name}", source=source, interval=interval, on_expiry=on_expiry
    )
    return EndpointView(configured, health, snapshot)


def told(*endpoints: EndpointView, later: float = 0.0, path: str = "/metrics") -> dict[str, Any]:
    """The facts about these endpoints, ``later`` seconds after ``NOW``."""
    return facts(endpoints, Moment(NOW.monotonic + later, NOW.wall + later), path)


def steady(interval: float, durations: Iterable[float]) -> list[Poll]:
    """Polls that succeeded, one every ``interval`` seconds, the last 12 seconds before ``NOW``."""
    durations = list(durations)
    newest = len(durations) - 1
    return [good(12 + (newest - i) * interval, took) for i, took in enumerate(durations)]
