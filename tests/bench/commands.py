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
from tests.bench.memory import after, idle
from tests.bench.poll import cpu_of
from tests.bench.report import Row, in_turn, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator, Sequence

    from tests.bench.effort import Effort

JOB_ENDPOINTS = ("jobs", "jobs-users-accts", "queue")
NODE_ENDPOINTS = ("nodes", "node-states")

# Prints a file, with the mark that the command was given, and with a number that is always another.
_PROGRAM = """#!/bin/sh
for word; do case $word in --Format=*) mark=${{word##*:}};; esac; done
exec sed -e "s/MARK/$mark/" -e "s/TURN/$(date +%N)/" {file}
"""

_NODE = """\
NodeName=n{index:05} Arch=x86_64 CoresPerSocket=32
   CPUAlloc={alloc} CPUEfctv=64 CPUTot=64 CPULoad={load}.{turn}
   AvailableFeatures=icelake,ib
   ActiveFeatures=icelake,ib
   Gres=gpu:a100:4
   GresDrain=N/A
   GresUsed=gpu:a100:{gpus}(IDX:0-3)
   NodeAddr=n{index:05} NodeHostName=n{index:05} Version=26.05.5
   OS=Linux 6.1.0-1-amd64 #1 SMP PREEMPT_DYNAMIC
   RealMemory=512000 AllocMem={memory} FreeMem={free} Sockets=2 Boards=1
   State={state} ThreadsPerCore=1 TmpDisk=0 Weight=1 Owner=N/A MCS_label=N/A
   Partitions=batch,long
   BootTime=1795215818 SlurmdStartTime=1795245198
   LastBusyTime=1795245198 ResumeAfterTime=None
   CfgTRES=cpu=64,mem=500G,billing=64,gres/gpu=4,gres/gpu:a100=4
   AllocTRES=cpu={alloc},mem={memory}M,gres/gpu={gpus},gres/gpu:a100={gpus}
   CurrentWatts=0 AveWatts=0
{reason}
"""
_REASON = "   Reason=bad memory [root@1795245198]\n"


def jobs(count: int) -> str:
    """What squeue prints of so many jobs, a third of them running, from a fixed seed."""
    chance = random.Random(count)
    rows = (f"{FIELD.join(_job(chance, 1000 + index))}MARK\n" for index in range(count))
    return "TURN" + "".join(rows)


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


def nodes(count: int) -> str:
    """What scontrol prints of so many nodes, one of fifty drained, from a fixed seed."""
    chance = random.Random(count)
    return "".join(_node(chance, index) for index in range(count))


def _node(chance: random.Random, index: int) -> str:
    alloc, drained = chance.randrange(65), chance.random() < 0.02
    base = "IDLE" if not alloc else "ALLOCATED" if alloc == 64 else "MIXED"
    return _NODE.format(
        index=index,
        turn="" if index else "TURN",
        alloc=alloc,
        load=alloc,
        gpus=alloc // 16,
        memory=4000 * alloc,
        free=chance.randrange(512_000),
        state=base + "+DRAIN" * drained,
        reason=_REASON * drained,
    )


@contextlib.contextmanager
def program(name: str, text: str) -> Iterator[str]:
    """A directory with a program that prints a text."""
    with tempfile.TemporaryDirectory() as directory:
        (Path(directory) / "text").write_text(text)
        file = Path(directory) / name
        file.write_text(_PROGRAM.format(file=Path(directory) / "text"))
        file.chmod(0o755)
        yield directory


@contextlib.contextmanager
def polls(name: str, text: str, names: Iterable[str]) -> Iterator[Callable[[], None]]:
    """Polls of endpoints that share the output of a program of some name, a process each."""
    with program(name, text) as directory:
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
    """Many jobs against some, and many nodes against some."""
    of_jobs = _growth(effort, "squeue", jobs(100_000), jobs(10_000), JOB_ENDPOINTS)
    of_nodes = _growth(effort, "scontrol", nodes(20_000), nodes(2_000), NODE_ENDPOINTS)
    note = "parse, and families of {} endpoints"
    by_job, by_node = (
        [(1e6 * many / count, 1e6 * some / (count / 10)) for many, some in pairs]
        for pairs, count in ((of_jobs, 100_000), (of_nodes, 20_000))
    )
    return [
        ratio(
            "commands, CPU per job: 100,000 / 10,000 jobs",
            by_job,
            "us",
            note.format(len(JOB_ENDPOINTS)),
        ),
        ratio(
            "commands, CPU per node: 20,000 / 2,000 nodes",
            by_node,
            "us",
            note.format(len(NODE_ENDPOINTS)),
        ),
    ]


def _growth(
    effort: Effort, name: str, much: str, little: str, endpoints: Sequence[str]
) -> list[tuple[float, float]]:
    """Return seconds of CPU of a poll of much, and of one of little, as often as we look."""
    with polls(name, much, endpoints) as many, polls(name, little, endpoints) as some:
        return in_turn(
            effort.rounds,
            lambda: cpu_of(many),
            lambda: cpu_of(lambda: [some() for _ in range(3)]) / 3,
        )


def memory(effort: Effort) -> list[Row]:
    """Polls of many jobs one after the other, with scrapes in between."""
    rest = idle()
    with (
        program("squeue", jobs(100_000)) as directory,
        workload.polling(_by_commands(directory), JOB_ENDPOINTS, "4s") as (port, pid),
    ):
        sizes = [after(port, pid, polls) for polls in range(1, effort.polls // 2 + 1)]
    highest, name = max(sizes), "commands, memory, 100,000 jobs: highest - idle"
    return [Row(name, highest - rest, highest, rest, "MB", f"{len(sizes)} polls")]


def interference(effort: Effort) -> list[Row]:
    """Scrapes while many jobs are read and counted all the time, and while nothing is."""
    seconds = 3 * effort.seconds
    with program("squeue", jobs(100_000)) as directory:
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
