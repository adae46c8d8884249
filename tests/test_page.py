"""The page: ready parts, and our own numbers of one moment."""

from __future__ import annotations

import gzip
from typing import TYPE_CHECKING

import pytest
from prometheus_client import CollectorRegistry, Gauge
from prometheus_client.openmetrics.parser import text_string_to_metric_families as read_openmetrics
from prometheus_client.parser import text_string_to_metric_families as read_text

from slurm_exporter import page as module
from slurm_exporter.config import Endpoint
from slurm_exporter.exposition import Format, pack
from slurm_exporter.metrics import HttpMetrics
from slurm_exporter.page import LIFETIME, Page
from slurm_exporter.snapshot import Health, Snapshot, SnapshotStore

if TYPE_CHECKING:
    from tests.conftest import ManualClock

JOBS = Endpoint("jobs", "/metrics/jobs", interval=30.0, timeout=10.0)
NODES = Endpoint("nodes", "/metrics/nodes", interval=60.0, timeout=10.0, on_expiry="keep")


def snapshot(text: bytes, polled: float) -> Snapshot:
    part = pack(
        b"# HELP " + text.split()[0] + b" x\n# TYPE " + text.split()[0] + b" gauge\n" + text
    )
    return Snapshot(polled, dict.fromkeys(Format, part), 1, 13, {})


@pytest.fixture
def store(clock: ManualClock) -> SnapshotStore:
    store = SnapshotStore([JOBS, NODES])
    for name, text in (("jobs", b"slurm_jobs 7\n"), ("nodes", b"slurm_nodes 3\n")):
        health = Health(last_success=5.0, effective_interval=30.0)
        store.publish(name, health, snapshot(text, clock.now))
    return store


def body(page: Page, fmt: Format, **choice: object) -> bytes:
    """A page in one piece."""
    return b"".join(page.make(fmt, **choice))


@pytest.fixture
def page(store: SnapshotStore, clock: ManualClock) -> Page:
    return Page(store, monotonic=clock)


def test_the_parts_stand_before_our_own_metrics(page: Page) -> None:
    """In the config's order."""
    text = body(page, Format.TEXT, gzip=False).decode()

    places = [text.index(word) for word in ("slurm_jobs 7", "slurm_nodes 3", "slurm_exporter_")]
    assert places == sorted(places)


@pytest.mark.parametrize("fmt", list(Format))
def test_the_compressed_page_is_the_plain_one(page: Page, fmt: Format) -> None:
    """Byte for byte, in each format."""
    plain = body(page, fmt, gzip=False)

    assert gzip.decompress(body(page, fmt, gzip=True)) == plain


def test_each_format_is_read_strictly_by_its_reference_parser(page: Page) -> None:
    """OpenMetrics has exactly one end mark, at the end; no family appears twice."""
    openmetrics = body(page, Format.OPENMETRICS, gzip=False).decode()
    assert openmetrics.endswith("# EOF\n")
    assert openmetrics.count("# EOF") == 1

    for families in (
        list(read_openmetrics(openmetrics)),
        list(read_text(body(page, Format.TEXT, gzip=False).decode())),
    ):
        names = [family.name for family in families]
        assert len(names) == len(set(names))


def test_making_a_page_neither_parses_nor_renders_slurms_samples(
    page: Page, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Only our own part is compressed; the others are copied."""
    packed: list[bytes] = []
    monkeypatch.setattr(module, "pack", lambda text: packed.append(text) or pack(text))

    body(page, Format.TEXT, gzip=True)

    assert len(packed) == 1
    assert b"slurm_jobs 7" not in packed[0]
    assert not hasattr(module, "parse")
    assert not hasattr(module, "render")


def test_all_ages_of_a_page_belong_to_one_moment(store: SnapshotStore, clock: ManualClock) -> None:
    """Though time goes on while the page is made."""

    def running_clock() -> float:
        clock.advance(1.0)
        return clock.now

    text = body(Page(store, monotonic=running_clock), Format.TEXT, gzip=False).decode()

    ages = [
        line.split()[-1]
        for line in text.splitlines()
        if "age_seconds{" in line and "max" not in line
    ]
    assert ages == ["1.0", "1.0"]


def test_a_page_holds_for_a_moment(
    page: Page, store: SnapshotStore, clock: ManualClock, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many scrapes at once cost one page; time and a poll make a new one, each kind its own."""
    made: list[bytes] = []
    monkeypatch.setattr(module, "pack", lambda text: made.append(text) or pack(text))

    first = body(page, Format.TEXT, gzip=True)
    clock.advance(LIFETIME / 2)
    assert body(page, Format.TEXT, gzip=True) == first
    assert body(page, Format.TEXT, gzip=True, only=["jobs"]) != first
    assert len(made) == 2

    clock.advance(LIFETIME)
    assert body(page, Format.TEXT, gzip=True) != first
    store.publish("jobs", Health(), snapshot(b"slurm_jobs 8\n", clock.now))
    assert b"slurm_jobs 8" in gzip.decompress(body(page, Format.TEXT, gzip=True))


@pytest.mark.parametrize("packed", [False, True], ids=["plain", "gzip"])
def test_pages_share_the_parts(page: Page, store: SnapshotStore, clock: ManualClock, packed: bool):
    """However many clients are slow to take theirs, memory holds little more than one."""
    pages = []
    for _ in range(2):
        pages.append(page.make(Format.TEXT, gzip=packed))
        clock.advance(LIFETIME)
    first, second = ({id(piece) for piece in pieces if len(piece) > 10} for pieces in pages)
    parts = [view.snapshot.parts[Format.TEXT] for view in store.view()]
    bytes_of = [part.deflated if packed else part.chunks[0] for part in parts]
    assert first & second >= set(map(id, bytes_of))


def test_an_expired_endpoint_leaves_the_page_unless_it_is_kept(
    page: Page, clock: ManualClock
) -> None:
    """Its gauges stay and say why."""
    clock.advance(10_000.0)

    text = body(page, Format.TEXT, gzip=False).decode()

    assert "slurm_jobs 7" not in text
    assert "slurm_nodes 3" in text
    assert 'slurm_exporter_endpoint_stale{endpoint="jobs"} 1.0' in text
    assert 'slurm_exporter_endpoint_stale{endpoint="nodes"} 1.0' in text


def test_a_page_can_be_of_some_endpoints_only(page: Page) -> None:
    """Their samples and their gauges."""
    text = body(page, Format.TEXT, gzip=False, only=["jobs"]).decode()

    assert "slurm_jobs 7" in text
    assert "slurm_nodes" not in text
    assert 'endpoint="nodes"' not in text


def test_global_labels_are_on_our_own_metrics_but_not_on_the_process_own(
    store: SnapshotStore, clock: ManualClock
) -> None:
    """Histograms, counters and gauges alike, escaped; process_* and python_* stay as they are."""
    registry = CollectorRegistry()
    Gauge("process_things", "x", registry=registry).set(4)
    http = HttpMetrics(["/metrics"])
    page = Page(
        store,
        labels=(("cluster", 'c"1'),),
        collectors=(http.registry, registry),
        monotonic=clock,
    )

    text = body(page, Format.TEXT, gzip=False).decode()

    ours = [line for line in text.splitlines() if line.startswith("slurm_exporter_")]
    assert ours
    assert all(r'cluster="c\"1"' in line for line in ours)
    assert "process_things 4.0" in text


def test_a_page_without_any_snapshot_is_our_own_part(clock: ManualClock) -> None:
    """A cold start serves a valid page at once."""
    page = Page(SnapshotStore([JOBS]), monotonic=clock)

    text = gzip.decompress(body(page, Format.OPENMETRICS, gzip=True)).decode()

    assert 'slurm_exporter_endpoint_up{endpoint="jobs"} 0.0' in text
    list(read_openmetrics(text))
