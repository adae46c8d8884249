"""Polls that last as long as a test likes."""

from __future__ import annotations

import threading
import time
from typing import TYPE_CHECKING

from slurm_exporter.config import Endpoint
from slurm_exporter.poller import Poller
from slurm_exporter.pollers import Pollers
from tests.processes import until

if TYPE_CHECKING:
    from collections.abc import Callable

    from slurm_exporter.phases import Stopwatch
    from slurm_exporter.polling import Polling
    from slurm_exporter.snapshot import SnapshotStore
    from slurm_exporter.sources import Answer, Source

JOBS = Endpoint("jobs", "/metrics/jobs", interval=3600.0, timeout=0.5)
NODES = Endpoint("nodes", "/metrics/nodes", interval=3600.0, timeout=1.0)
SCHEDULER = Endpoint("scheduler", "/metrics/scheduler", interval=3600.0, timeout=1.0)


class Blocking:
    """A source that does not come back until it may go on."""

    def __init__(self) -> None:
        self.asked = threading.Event()
        self.go_on = threading.Event()

    def poll(self, known: bytes, stopwatch: Stopwatch) -> Answer | None:
        self.asked.set()
        self.go_on.wait()
        raise AssertionError("the poll was to hang")


def ask_instead(
    polling: Polling, source: Source, monotonic: Callable[[], float] = time.monotonic
) -> None:
    """Let the only poller of a polling that has not started, of JOBS, ask ``source``."""
    poller = Poller(JOBS, source, polling._store, monotonic=monotonic)
    polling._pollers = Pollers([poller])


def until_polled(store: SnapshotStore, times: int = 1) -> None:
    """Wait until every endpoint was polled so often."""
    until(lambda: all(v.health.polls >= times for v in store.view()), "the polls", 10)


def threads() -> set[str]:
    """The names of the exporter's threads that are alive."""
    names = {thread.name for thread in threading.enumerate()}
    return {name for name in names if name == "web" or name.startswith("poller-")}
