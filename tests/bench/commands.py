"""The CPU and the memory of polls that Slurm's commands answer, on a large cluster."""

from __future__ import annotations

import contextlib
import random
import tempfile
from pathlib import Path
from typing import TYPE_CHECKING

from slurm_exporter.config import Cli, Endpoint
from slurm_exporter.poller import Poller
from slurm_exporter.snapshot import SnapshotStore
from slurm_exporter.sources.cli.command import FIELD
from slurm_exporter.sources.cli.outputs import Outputs
from slurm_exporter.sources.cli.source import CliSource
from tests.bench import workload
from tests.bench.latency import latencies, p99, until_polled
from tests.bench.poll import cpu_of
from tests.bench.report import Row, in_turn, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.effort import Effort

JOB_ENDPOINTS = ("jobs", "jobs-users-accts", "queue")

# Prints a file, with the mark that the command was given, and a row that is always another.
_SQUEUE = """#!/bin/sh
for word; do case $word in --format=*|--Format=*) mark=${{word##*:}};; esac; done
exec sed -e "s/MARK/$mark/" -e "1s/^/$(date +%N)/" {file}
"""


def jobs(count: int) -> str:
    """What squeue prints of so many jobs, a third of them running, from a fixed seed."""
    chance = random.Random(count)
    return "".join(f"{FIELD.join(_job(chance, 1000 + index))}MARK\n" for index in range(count))


def _job(chance: random.Random, number: int) -> list[str]:
    runs, cpus = chance.random() < 0.3, chance.choice((1, 2, 4, 8, 16, 32, 64, 128))
    ready = 1_795_000_000 + chance.randrange(90_000)
    gpus = f",gres/gpu={cpus // 8},gres/gpu:a100={cpus // 8}" if cpus >= 8 else ""
    return [
        str(number),
        "N/A" if runs else chance.choice(("N/A", "N/A", f"1-{chance.randrange(2, 999)}%5")),
        "RUNNING" if runs else "PENDING",
        "batch" if runs else chance.choice(("batch", "long", "gpu", "batch,long")),
        f"user{chance.randrange(2000)}",
        *(str(cpus), "1", "1"),
        f"cpu={cpus},mem={4 * cpus}G,node=1,billing={cpus}{gpus}",
        f"n{chance.randrange(20_000):05}" if runs else "",
        *("N/A", "N/A", "N/A", "N/A"),
        *(str(ready), str(ready + 5)),
        *((str(ready + 500), str(ready + 9000)) if runs else ("N/A", "N/A")),
        "None" if runs else chance.choice(("Priority", "Resources", "Dependency")),
        f"account{chance.randrange(500)}",
    ]


@contextlib.contextmanager
def squeue(text: str) -> Iterator[str]:
    """A directory of a squeue that prints a text."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "text").write_text(text)
        program = Path(directory) / "squeue"
        program.write_text(_SQUEUE.format(file=Path(directory) / "text"))
        program.chmod(0o755)
        yield directory


@contextlib.contextmanager
def polls(text: str, *names: str) -> Iterator[Callable[[], None]]:
    """Polls of endpoints that share the commands' outputs; the commands are a process each."""
    with squeue(text) as directory:
        endpoints = [Endpoint(name, "", source="cli", timeout=60.0) for name in names]
        store = SnapshotStore(endpoints)

        def poll() -> None:
            outputs = Outputs(Cli(path=directory), 0)
            for endpoint in endpoints:
                Poller(endpoint, CliSource(outputs, endpoint), store).poll()
            assert all(view.health.up for view in store.view())

        poll()
        yield poll


def growth(effort: Effort) -> list[Row]:
    """Many jobs against some."""
    with polls(jobs(100_000), *JOB_ENDPOINTS) as many, polls(jobs(10_000), *JOB_ENDPOINTS) as some:
        pairs = in_turn(
            effort.rounds,
            lambda: cpu_of(many) / 0.1,
            lambda: cpu_of(lambda: [some() for _ in range(3)]) / 0.03,
        )
    note = f"parse, and families of {len(JOB_ENDPOINTS)} endpoints"
    return [ratio("commands, CPU per job: 100,000 / 10,000 jobs", pairs, "us", note)]


def interference(effort: Effort) -> list[Row]:
    """Scrapes while many jobs are read and counted all the time, and while nothing is."""
    seconds = 3 * effort.seconds
    with squeue(jobs(100_000)) as directory:
        pairs = in_turn(
            effort.rounds,
            lambda: p99(_beside_polls(directory, seconds)),
            lambda: p99(_after_polls(directory, seconds)),
        )
    name = "scrape, 99th percentile: 100,000 jobs polled"
    row = ratio(f"{name} / not", pairs, "ms")
    note = f"{len(JOB_ENDPOINTS)} endpoints, polled nearly all the time"
    return [Row(f"{name} - not", row.ours - row.other, row.ours, row.other, "ms", note)]


def _beside_polls(directory: str, seconds: float) -> list[float]:
    with workload.polling(_by_commands(directory), JOB_ENDPOINTS, "4s") as (port, _):
        return until_polled(port, seconds)


def _after_polls(directory: str, seconds: float) -> list[float]:
    with workload.polling(_by_commands(directory), JOB_ENDPOINTS) as (port, _):
        return latencies(port, seconds)


def _by_commands(directory: str) -> dict[str, object]:
    return {"source": "cli", "cli": {"path": directory}}
