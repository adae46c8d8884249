"""prometheus_client's families to bytes, as its own writers do it."""

from __future__ import annotations

from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram
from prometheus_client.exposition import generate_latest as reference_text
from prometheus_client.openmetrics.exposition import generate_latest as reference_openmetrics

from slurm_exporter.exposition import Format, render_client
from slurm_exporter.metrics import runtime_registry

if TYPE_CHECKING:
    from collections.abc import Iterable

    from prometheus_client import Metric

REFERENCES = {Format.TEXT: reference_text, Format.OPENMETRICS: reference_openmetrics}


def families() -> list[Metric]:
    registry = CollectorRegistry()
    Gauge("slurm_exporter_g", 'A "gauge" \\ of\nlines', registry=registry).set(float("inf"))
    counter = Counter("slurm_exporter_c", "A counter", ["a", "b"], registry=registry)
    counter.labels('x"\\\n', "ü").inc(3)
    histogram = Histogram("slurm_exporter_h", "How long", ["a"], registry=registry)
    histogram.labels("x").observe(0.3)
    Histogram("other", "Without labels", registry=registry).observe(1e-9)
    return [*registry.collect(), *runtime_registry().collect()]


def lines(page: bytes) -> list[str]:
    return page.decode().splitlines()


@pytest.mark.parametrize("fmt", list(Format))
def test_the_bytes_are_those_of_the_reference(fmt: Format) -> None:
    """Headers, names, escapes and numbers, line by line."""
    found = families()
    collector = SimpleNamespace(collect=lambda: found)

    assert lines(render_client(found, "x", (), fmt)) == lines(REFERENCES[fmt](collector))


def test_only_families_with_the_prefix_get_the_labels() -> None:
    """On every sample, after its own labels, escaped."""
    page = lines(render_client(families(), "slurm_exporter_", (("cluster", 'c"1'),), Format.TEXT))

    ours = [line for line in page if line.startswith("slurm_exporter_")]
    others = [line for line in page if line[0] != "#" and line not in ours]
    assert ours
    assert others
    assert all(r'cluster="c\"1"}' in line for line in ours)
    assert not any("cluster" in line for line in others)


def no_families() -> Iterable[Metric]:
    return ()


def test_nothing_is_nothing_but_the_end_mark() -> None:
    """Which only OpenMetrics has."""
    assert render_client(no_families(), "x", (), Format.TEXT) == b""
    assert render_client(no_families(), "x", (), Format.OPENMETRICS) == b"# EOF\n"
