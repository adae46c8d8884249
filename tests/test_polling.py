"""All that asks Slurm: what another config changes of it, and what its watchdog says."""

from __future__ import annotations

import itertools
import threading
import time
from dataclasses import replace
from typing import TYPE_CHECKING, Any, final

import pytest

from slurm_exporter.config import Cli, Config, Slurm
from slurm_exporter.courtesy import Answering
from slurm_exporter.exposition import Format
from slurm_exporter.polling import Polling
from slurm_exporter.snapshot import SnapshotStore, State
from tests.conftest import ManualClock
from tests.fake_slurmctld import nothing
from tests.polls import JOBS, NODES, SCHEDULER, Blocking, ask_instead, threads, until_polled
from tests.processes import until

if TYPE_CHECKING:
    from collections.abc import Callable, Iterator

    from slurm_exporter.phases import Stopwatch
    from slurm_exporter.snapshot import EndpointView, View
    from slurm_exporter.sources import Answer, Source
    from tests.fake_slurmctld import FakeSlurmctld


@pytest.fixture(autouse=True)
def _first_polls_at_once(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("slurm_exporter.schedule.SPREAD", 0.0)


@pytest.fixture
def config(slurmctld: FakeSlurmctld) -> Config:
    """Three endpoints of the fake slurmctld, each polled once and then not for an hour."""
    return Config(slurm=Slurm(urls=(slurmctld.url,)), endpoints=(JOBS, NODES, SCHEDULER))


@final
class Asking:
    """A Polling, and the store that it fills."""

    def __init__(self, config: Config) -> None:
        self.store = SnapshotStore(config.enabled_endpoints)
        self.polling = Polling(config, self.store, Answering())
        self.use, self.problems = self.polling.use, self.polling.problems

    def __enter__(self) -> Asking:
        self.polling.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.polling.stop(10.0)

    @property
    def view(self) -> View:
        """The store, as the pages see it."""
        return self.store.view()

    @property
    def threads(self) -> tuple[threading.Thread, ...]:
        """The pollers' threads."""
        return self.polling._pollers._threads

    def of(self, name: str) -> EndpointView:
        """One endpoint, as the pages see it."""
        return self.store.endpoint(name)


@pytest.fixture
def asking(config: Config) -> Iterator[Asking]:
    """A Polling whose endpoints have all been polled."""
    with Asking(config) as asking:
        until_polled(asking.store)
        yield asking


class Deadly:
    """A source that ends the thread that asks it."""

    def poll(self, known: bytes, stopwatch: Stopwatch) -> Answer | None:
        raise SystemExit


def with_source(
    config: Config, source: Source, monotonic: Callable[[], float] = time.monotonic
) -> Asking:
    """A Polling, not yet started, whose only poller asks ``source``."""
    asking = Asking(replace(config, endpoints=(JOBS,)))
    ask_instead(asking.polling, source, monotonic)
    return asking


# ------------------------------------------------------------------ the watchdog


def test_all_is_well_while_the_pollers_wait_for_their_time(asking: Asking) -> None:
    assert asking.problems() == []


def test_a_hung_poller_that_comes_back_is_well_again(config: Config) -> None:
    source = Blocking()
    clock = ManualClock(time.monotonic() - 60.0)
    with with_source(config, source, clock) as asking:
        assert source.asked.wait(10)
        assert asking.problems()
        clock.now = time.monotonic()
        source.go_on.set()
        until(lambda: not asking.problems(), "the poller's sign of life")


@pytest.mark.filterwarnings("ignore::pytest.PytestUnhandledThreadExceptionWarning")
def test_a_dead_poller_is_named(config: Config) -> None:
    with with_source(config, Deadly()) as asking:
        until(asking.problems, "the thread's end")
        assert asking.problems() == ["thread poller-jobs is dead"]


def test_a_source_that_raises_does_not_end_its_thread(config: Config) -> None:
    """A bug is counted as ``internal``, and the thread lives on."""
    source = Blocking()
    source.go_on.set()
    with with_source(config, source) as asking:
        until_polled(asking.store)
        assert asking.of("jobs").health.failures["internal"] == 1
        assert threads() == {"poller-jobs"}
        assert asking.problems() == []


# ------------------------------------------------------------------ another config


def test_another_config_keeps_snapshots_and_counters(
    asking: Asking, config: Config, slurmctld: FakeSlurmctld
) -> None:
    """Endpoints that go on keep theirs, a new one begins with nothing, one that left is gone."""
    partitions = replace(NODES, name="partitions", path="/metrics/partitions")
    slurmctld.behaviours["/metrics/jobs"] = nothing("503 Service Unavailable")
    before = {view.endpoint.name: view for view in asking.view}
    asking.use(replace(config, endpoints=(replace(JOBS, interval=1800.0), SCHEDULER, partitions)))
    after = {view.endpoint.name: view for view in asking.view}
    assert list(after) == ["jobs", "scheduler", "partitions"]
    assert after["jobs"].snapshot is before["jobs"].snapshot
    assert after["jobs"].health.polls >= before["jobs"].health.polls
    assert after["jobs"].health.effective_interval == 1800.0
    until(lambda: asking.of("partitions").health.up, "the new endpoint")
    until(lambda: threads() == {"poller-jobs", "poller-scheduler", "poller-partitions"}, "an end")


def test_endpoints_that_did_not_change_are_left_alone(
    asking: Asking, config: Config, slurmctld: FakeSlurmctld
) -> None:
    """They keep thread, snapshot and schedule, whatever becomes of the others."""
    asleep = time.monotonic() + 600.0
    until(lambda: all(v.health.expected > asleep for v in asking.view), "all pollers to wait")
    threads, views, asked = asking.threads, asking.view, dict(slurmctld.requests)
    changed = replace(NODES, interval=1800.0)
    asking.use(replace(config, endpoints=(SCHEDULER, changed, JOBS)))

    assert threads[0] in asking.threads
    assert threads[1] not in asking.threads
    assert threads[2] in asking.threads
    assert [asking.view[2], asking.view[0]] == [views[0], views[2]]
    until(lambda: slurmctld.requests["/metrics/nodes"] == 2, "the poll of the one that changed")
    assert slurmctld.requests == {**asked, "/metrics/nodes": 2}
    assert asking.problems() == []


def changed(config: Config, change: dict[str, Any]) -> Config:
    """A config with other labels, or another section ``slurm``."""
    if "slurm" in change:
        change = {"slurm": replace(config.slurm, **change["slurm"])}
    return replace(config, **change)


@pytest.mark.parametrize(
    "change",
    [{"labels": (("cluster", "alpha"),)}, {"slurm": {"max_duty_cycle": 0.5}}],
    ids=["labels", "slurm"],
)
def test_what_concerns_all_endpoints_starts_all_pollers_anew(
    asking: Asking, config: Config, change: dict[str, Any]
) -> None:
    before = asking.threads
    asking.use(changed(config, change))
    assert not set(before) & set(asking.threads)
    until_polled(asking.store, 2)


def test_another_config_is_polled_with_at_once(
    asking: Asking, config: Config, slurmctld: FakeSlurmctld
) -> None:
    """An operator who mends the config sees what came of it, and not an hour later."""
    slurmctld.behaviours["/metrics/jobs"] = nothing("503 Service Unavailable")
    asking.use(replace(config, labels=(("cluster", "alpha"),)))
    until_polled(asking.store, 2)
    assert not asking.of("jobs").health.up
    assert asking.of("jobs").health.failures["http_status"] == 1


def test_a_poller_that_hangs_through_another_config_disturbs_nobody(config: Config) -> None:
    """When it comes back at last, its endpoint is another's, or nobody's."""
    source = Blocking()
    with with_source(config, source) as asking:
        assert source.asked.wait(10)
        asking.use(replace(config, endpoints=(NODES,)))
        source.go_on.set()
        until(lambda: threads() == {"poller-nodes"}, "its end")
        until_polled(asking.store)
        assert asking.problems() == []


def test_an_endpoint_that_hangs_through_another_config_is_named_and_delays_no_other(
    config: Config, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Its new poller waits for the old one, so that slurmctld is not asked twice at once."""
    monkeypatch.setattr("slurm_exporter.poller.GRACE", 0.0)
    source = Blocking()
    with with_source(config, source) as asking:
        assert source.asked.wait(10)
        endpoints = (replace(JOBS, interval=1800.0), NODES, SCHEDULER)
        asking.use(replace(config, endpoints=endpoints))
        hangs = "thread poller-jobs hangs: "
        until(lambda: [p for p in asking.problems() if p.startswith(hangs)], "its name")
        until(lambda: asking.of("nodes").health.up, "the other endpoint")
        assert not asking.of("jobs").health.up
        source.go_on.set()
        until_polled(asking.store)
        assert asking.of("jobs").health.up


@pytest.mark.parametrize(
    "change",
    [
        {"labels": (("cluster", "alpha"),)},
        {"slurm": {"urls": ("http://127.0.0.1:1",)}},
        {"slurm": {"cli": Cli("/opt/other/bin")}},
        {"slurm": {"corrections": True}},
    ],
    ids=["labels", "urls", "commands", "corrections"],
)
def test_nothing_is_served_that_the_new_config_would_not_have_made(
    asking: Asking, config: Config, change: dict[str, Any]
) -> None:
    """Series of another cluster, or without its label, would be wrong with a healthy face."""
    asking.store.publish = lambda *_: None  # the new pollers bring nothing
    asking.use(changed(config, change))
    assert [view.snapshot for view in asking.view] == [None, None, None]


def test_readers_never_see_half_a_config(asking: Asking, config: Config) -> None:
    """Each view has the endpoints of one config, and every snapshot that was there before."""
    turn = itertools.cycle([(JOBS,), (JOBS, NODES, SCHEDULER)])
    stop = threading.Event()
    views: list[View] = []
    names: set[tuple[str, ...]] = set()

    def read() -> None:
        while not stop.is_set():
            views.append(asking.view)
            names.add(tuple(view.endpoint.name for view in views[-1]))

    def exchanged() -> bool:
        asking.use(replace(config, endpoints=next(turn)))
        return len(names) > 1

    reader = threading.Thread(target=read)
    reader.start()
    first = asking.view
    parts = first[0].snapshot and dict(first[0].snapshot.parts)
    until(exchanged, "views of both configs")
    stop.set()
    reader.join()
    assert names == {("jobs",), ("jobs", "nodes", "scheduler")}
    assert all(seen[0].snapshot for seen in views)
    assert first[0].snapshot
    assert dict(first[0].snapshot.parts) == parts
    assert set(parts or ()) == set(Format)
    assert first[0].state(time.monotonic()) is State.UP
