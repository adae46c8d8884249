"""What the status page and ``/api/v1/endpoints`` say about the endpoints."""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any

from slurm_exporter import __version__

if TYPE_CHECKING:
    from collections.abc import Iterable

    from slurm_exporter.snapshot import EndpointView, Poll


@dataclass(frozen=True, slots=True)
class Moment:
    """One moment on both clocks: monotonic seconds and unix seconds."""

    monotonic: float
    wall: float


def facts(view: Iterable[EndpointView], moment: Moment, telemetry_path: str) -> dict[str, Any]:
    """Return everything that is known, as plain JSON values.

    Durations and ages are seconds, times are unix seconds or null for never.
    """
    return {
        "version": __version__,
        "time": moment.wall,
        "telemetry_path": telemetry_path,
        "endpoints": [_endpoint(endpoint, moment.monotonic) for endpoint in view],
    }


def _endpoint(view: EndpointView, now: float) -> dict[str, Any]:
    endpoint, health, snapshot = view.endpoint, view.health, view.snapshot
    served = view.served(now)
    return {
        "name": endpoint.name,
        "source": view.source,
        "state": view.state(now).value,
        "up": health.up,
        "hanging": now > health.expected,
        "age_seconds": view.age(now),
        "interval_seconds": view.interval,
        "effective_interval_seconds": health.effective_interval,
        "timeout_seconds": endpoint.timeout,
        "stale_after_seconds": view.stale_after,
        "max_age_seconds": view.max_age,
        "on_expiry": endpoint.on_expiry,
        "last_poll_timestamp_seconds": health.last_poll or None,
        "last_success_timestamp_seconds": health.last_success or None,
        "last_duration_seconds": health.recent[-1].duration if health.recent else None,
        "samples": served.samples if served else 0,
        "body_bytes": snapshot.body_bytes if snapshot else 0,
        "polls": health.polls,
        "failures": sum(health.failures.values()),
        "failures_in_row": health.failures_in_row,
        "skipped": health.skipped,
        "dropped": dict(health.dropped),
        "last_error": _error(health.last_failure),
        "recent": [_poll(poll) for poll in health.recent],
    }


def _error(poll: Poll | None) -> dict[str, Any] | None:
    if poll is None or poll.failure is None:
        return None
    return {
        "timestamp_seconds": poll.time,
        "reason": poll.failure.reason,
        "message": poll.failure.message,
    }


def _poll(poll: Poll) -> dict[str, Any]:
    return {
        "timestamp_seconds": poll.time,
        "duration_seconds": poll.duration,
        "reason": poll.failure.reason if poll.failure else None,
    }
