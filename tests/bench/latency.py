"""How scrapes fare while a large answer is fetched, parsed, rendered and compressed."""

from __future__ import annotations

import http.client
import statistics
import time
from dataclasses import dataclass
from typing import TYPE_CHECKING

from tests.bench import workload
from tests.bench.report import Row, in_turn, ratio

if TYPE_CHECKING:
    from tests.bench.effort import Effort

SWITCHED = "from slurm_exporter import app, cli; app.SWITCH_INTERVAL = {}; cli.entry()"


def beside_polls(slurmctld: int, seconds: float, *program: str) -> list[float]:
    """Scrape an exporter that polls nearly all the time."""
    with workload.exporter(slurmctld, "2s", *program) as (port, _):
        return until_polled(port, seconds)


def until_polled(port: int, seconds: float) -> list[float]:
    """Scrape until some polls have come to their end.

    Raises:
        TimeoutError: none does, so the scrapes had nothing beside them.
    """
    found: list[float] = []
    before = workload.polls(port)
    for _ in range(10):
        found += latencies(port, seconds)
        if workload.polls(port) > before + 1:
            return found
    raise TimeoutError("polls of so much take too long on this machine")


def without_polls(slurmctld: int, seconds: float) -> list[float]:
    """Scrape an exporter that has polled once."""
    with workload.exporter(slurmctld) as (port, _):
        return latencies(port, seconds)


def latencies(port: int, seconds: float, **headers: str) -> list[float]:
    """How many milliseconds scrapes take, one after the other, with pauses."""
    connection = http.client.HTTPConnection("127.0.0.1", port, timeout=60)
    found, end = [], time.monotonic() + seconds
    while time.monotonic() < end:
        began = time.perf_counter()
        connection.request("GET", "/metrics", headers={"Accept-Encoding": "gzip", **headers})
        connection.getresponse().read()
        found.append(1000 * (time.perf_counter() - began))
        time.sleep(0.01)
    connection.close()
    return found


def interference(effort: Effort) -> list[Row]:
    """Scrapes while 400,000 samples are fetched and parsed all the time, and while nothing is."""
    seconds = 3 * effort.seconds
    with workload.slurmctld(workload.answer(400_000)) as slurmctld:
        pairs = in_turn(
            effort.rounds,
            lambda: p99(beside_polls(slurmctld, seconds)),
            lambda: p99(without_polls(slurmctld, seconds)),
        )
    name = "scrape, 99th percentile: 400,000 samples polled"
    row = ratio(f"{name} / not", pairs, "ms", f"medians of {effort.rounds}")
    return [row, Row(f"{name} - not", row.ours - row.other, row.ours, row.other, "ms")]


def p99(values: list[float]) -> float:
    """The 99th percentile."""
    return statistics.quantiles(values, n=100)[-1]


@dataclass(frozen=True, slots=True)
class Switch:
    """Milliseconds of scrapes beside polls, by Python's switch interval in seconds."""

    interval: float
    median: float
    p99: float


def switch_intervals(effort: Effort) -> list[Switch]:
    """Scrapes beside polls of 400,000 samples, from Python's default interval down."""
    found: dict[float, list[float]] = {}
    with workload.slurmctld(workload.answer(400_000)) as slurmctld:
        for interval in (0.005, 0.002, 0.001, 0.0005, 0.0002) * 2:
            program = ("-c", SWITCHED.format(interval))
            more = beside_polls(slurmctld, 3 * effort.seconds, *program)
            found.setdefault(interval, []).extend(more)
    return [Switch(one, statistics.median(all_), p99(all_)) for one, all_ in found.items()]
