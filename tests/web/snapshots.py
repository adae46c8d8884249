"""Snapshots without a poller and without Slurm."""

from __future__ import annotations

from functools import cache
from typing import TYPE_CHECKING

from slurm_exporter.exposition import Family, pack, render
from slurm_exporter.snapshot import Failure, Poll, Snapshot

if TYPE_CHECKING:
    from slurm_exporter.snapshot import SnapshotStore

POLLED = 1_700_000_000.0
"""The unix time of all polls."""


@cache
def snapshot(name: str, polled: float, rows: int = 2) -> Snapshot:
    """What a poll brings: one gauge ``slurm_<name>`` with as many samples, of 0, 1, ..."""
    samples = [(str(number), str(number)) for number in range(rows)]
    family = Family(f"slurm_{name}", "gauge", f"About {name}.", ("of",), samples)
    parts = {fmt: pack(*text) for fmt, text in render([family], ()).items()}
    return Snapshot(polled, parts, rows, body_bytes=100 * rows, dropped={})


def succeed(store: SnapshotStore, name: str, polled: float, rows: int = 2) -> None:
    """Do what a poller does after a successful poll."""
    health = store.endpoint(name).health.after(Poll(POLLED, 0.25), None)
    store.publish(name, health, snapshot(name, polled, rows))


def fail(store: SnapshotStore, name: str, reason: str, message: str) -> None:
    """Do what a poller does after a failed poll."""
    health = store.endpoint(name).health
    store.publish(name, health.after(Poll(POLLED, 0.5, Failure(reason, message)), None))
