"""The CPU of a poll: against prometheus_client, by size, by level, and for nothing new."""

from __future__ import annotations

import contextlib
import gc
import gzip
import hashlib
import statistics
import time
import zlib
from dataclasses import dataclass
from typing import TYPE_CHECKING

from prometheus_client import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from slurm_exporter.config import Endpoint, Slurm
from slurm_exporter.exposition import Format, parse, render
from slurm_exporter.poller import Poller
from slurm_exporter.snapshot import SnapshotStore
from slurm_exporter.sources.http import Client
from slurm_exporter.sources.native import ADMISSIONS
from slurm_exporter.sources.openmetrics import OpenMetricsSource
from slurm_exporter.sources.slurmctld import Slurmctld
from tests.bench import workload
from tests.bench.report import Row, in_turn, ratio

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from tests.bench.effort import Effort

NODES = Endpoint("nodes", "/metrics/nodes", interval=3600.0, timeout=300.0)
ENOUGH = 20_000
"""Samples that a measurement polls at least, so that its time is no accident of the clock."""


def cpu_of(work: Callable[[], object]) -> float:
    """The CPU seconds of a piece of work in this process."""
    gc.collect()
    began = time.process_time()
    work()
    return time.process_time() - began


@contextlib.contextmanager
def poller(text: str, *, changes: bool = True) -> Iterator[Callable[[], None]]:
    """One whole poll: the real poller, asking over a real socket."""
    with workload.slurmctld(text, changes=changes) as port:
        slurm = Slurm(urls=(f"http://127.0.0.1:{port}",), body_size_limit=0)
        store = SnapshotStore([NODES])
        labels = tuple(workload.LABELS.items())
        ours = Poller(NODES, OpenMetricsSource(Slurmctld(slurm), NODES), store, labels=labels)
        ours.poll()
        yield ours.poll
        assert store.endpoint("nodes").health.up


class _Families:
    def __init__(self, text: str) -> None:
        self._families = list(text_string_to_metric_families(text))

    def collect(self) -> list[object]:
        return self._families


def reference(text: str) -> None:
    """What others would do with the same text: prometheus_client, and gzip as it is by default."""
    gzip.compress(generate_latest(_Families(text)), 6)


@dataclass(frozen=True, slots=True)
class Cost:
    """CPU seconds per sample of a poll of so many samples."""

    samples: int
    ours: float
    reference: float


def cost(samples: int, rounds: int) -> Cost:
    """Measure a poll and the reference in turn."""
    text = workload.answer(samples)
    times = max(1, ENOUGH // samples)
    with poller(text) as poll:
        pairs = in_turn(
            rounds,
            lambda: cpu_of(lambda: [poll() for _ in range(times)]),
            lambda: cpu_of(lambda: [reference(text) for _ in range(times)]),
        )
    ours, other = (statistics.median(one) / times / samples for one in zip(*pairs, strict=True))
    return Cost(samples, ours, other)


def by_size(effort: Effort) -> list[Cost]:
    """Measure how the cost grows."""
    return [cost(samples, 3 if samples > 100_000 else effort.rounds) for samples in effort.sizes]


def against_reference(effort: Effort) -> list[Row]:
    """A poll against the reference."""
    one = cost(100_000, effort.rounds)
    ours, other = one.ours * 1e8, one.reference * 1e8
    name = "poll, 100,000 samples, CPU: ours / prometheus_client"
    return [Row(name, ours / other, ours, other, "ms", "against its parser, writer and gzip -6")]


def growth(effort: Effort) -> list[Row]:
    """Large polls against small ones."""
    with poller(workload.answer(400_000)) as large, poller(workload.answer(10_000)) as small:
        pairs = in_turn(
            effort.rounds,
            lambda: cpu_of(large) / 0.4,
            lambda: cpu_of(lambda: [small() for _ in range(10)]) / 0.1,
        )
    return [ratio("poll, CPU per sample: 400,000 / 10,000 samples", pairs, "us")]


def identical(effort: Effort) -> list[Row]:
    """An answer that is known, against its mere download, and against one that is not."""
    text = workload.answer(100_000)
    with poller(text, changes=False) as known, poller(text) as other, workload.slurmctld(text) as p:
        url = f"http://127.0.0.1:{p}/metrics/nodes"
        rounds = [
            [1000 * cpu_of(poll) for poll in (known, lambda: download(url), other)]
            for _ in range(2 * effort.rounds)
        ]
    names = (
        "poll, CPU: identical answer / its download and digest",
        "poll, CPU: identical answer / another answer",
    )
    return [
        ratio(name, [(row[0], row[column]) for row in rounds], "ms")
        for column, name in enumerate(names, 1)
    ]


def download(url: str) -> None:
    """What a comparison needs at least."""
    hashlib.blake2b(Client().get(url, NODES.timeout, 0).body, digest_size=16).digest()


@dataclass(frozen=True, slots=True)
class Level:
    """A level of compression: CPU seconds and bytes of 100,000 samples."""

    level: int
    seconds: float
    size: int


def levels(effort: Effort) -> list[Level]:
    """Compress the same page at each level."""
    families = parse(workload.answer(100_000).encode(), ADMISSIONS["nodes"]).families
    chunks = render(families, workload.LABELS.items())[Format.TEXT]
    rounds = [
        [cpu_of(lambda: deflate(level, chunks)) for level in range(1, 10)]  # noqa: B023
        for _ in range(effort.rounds)
    ]
    medians = [statistics.median(seconds) for seconds in zip(*rounds, strict=True)]
    return [
        Level(level, seconds, deflate(level, chunks)) for level, seconds in enumerate(medians, 1)
    ]


def deflate(level: int, chunks: tuple[bytes, ...]) -> int:
    """Compress as ``exposition.pack`` does, and return the size."""
    compressor = zlib.compressobj(level, zlib.DEFLATED, -zlib.MAX_WBITS)
    size = sum(len(compressor.compress(chunk)) for chunk in chunks)
    return size + len(compressor.flush(zlib.Z_SYNC_FLUSH))
