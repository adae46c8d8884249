"""Resident memory: above an idle process', and from poll to poll."""

from __future__ import annotations

import time
from typing import TYPE_CHECKING

from tests.bench import workload
from tests.bench.report import Row

if TYPE_CHECKING:
    from tests.bench.effort import Effort


def memory(effort: Effort) -> list[Row]:
    """An hour of polls, each second one, with scrapes in between."""
    rest = idle()
    with workload.serving(100_000, interval="1s") as (port, pid):
        sizes = [after(port, pid, polls) for polls in range(1, effort.polls + 1)]
    end, early = sizes[-1], sizes[effort.polls // 10]
    note = f"{effort.polls} polls, highest {max(sizes):.0f} MB"
    above, growth = (
        "memory, 100,000 samples: after an hour of polls - idle",
        "memory: after an hour of polls / after a tenth of it",
    )
    return [
        Row(above, end - rest, end, rest, "MB", note),
        Row(growth, end / early, end, early, "MB"),
    ]


def idle() -> float:
    """The memory of an exporter that has next to nothing to serve, in MB."""
    with workload.serving(10) as (port, pid):
        workload.fetch(port, encoding="gzip")
        return workload.resident(pid)


def after(port: int, pid: int, polls: int) -> float:
    """Scrape until so many polls are over, and return the memory in MB."""
    while workload.polls(port) < polls:
        time.sleep(0.1)
    return workload.resident(pid)
