"""The threads of all pollers."""

from __future__ import annotations

import dataclasses
import threading
import time
from typing import TYPE_CHECKING

from slurm_exporter.config import Endpoint
from slurm_exporter.exposition import Family
from slurm_exporter.poller import _LOOK_AGAIN, Poller
from slurm_exporter.pollers import Pollers
from slurm_exporter.snapshot import SnapshotStore, State
from slurm_exporter.sources import Answer

if TYPE_CHECKING:
    from slurm_exporter.phases import Stopwatch

JOBS = Endpoint("jobs", "/metrics/jobs", interval=30.0, timeout=10.0)
GOOD = Answer((Family("slurm_jobs", "gauge", "All", (), [("7",)]),), {}, 99, b"1")


class Gate:
    """A source that can be held in a poll."""

    def __init__(self) -> None:
        self.entered = threading.Event()
        self.open = threading.Event()

    def poll(self, known: bytes, stopwatch: Stopwatch) -> Answer:
        self.entered.set()
        self.open.wait(10)
        return GOOD


def real_poller(source: object, name: str = "jobs") -> tuple[Poller, SnapshotStore]:
    endpoint = dataclasses.replace(JOBS, name=name)
    store = SnapshotStore([endpoint])
    return Poller(endpoint, source, store), store


def test_threads_are_named_after_their_endpoint_and_end_when_told() -> None:
    """The wait for the next poll ends at once."""
    gate = Gate()
    gate.open.set()
    poller, store = real_poller(gate)
    pollers = Pollers([poller])

    pollers.start()
    assert gate.entered.wait(10)
    assert "poller-jobs" in {thread.name for thread in threading.enumerate()}
    assert pollers.dead() == []
    until_published(store)

    assert pollers.stop(10.0) == []
    assert "poller-jobs" not in {thread.name for thread in threading.enumerate()}


def until_published(store: SnapshotStore) -> None:
    deadline = time.monotonic() + 10
    while store.endpoint("jobs").state(0.0) is not State.UP:
        assert time.monotonic() < deadline


def test_what_comes_after_the_stop_is_thrown_away() -> None:
    """After a reload the endpoint may have another poller, or be gone."""
    gate = Gate()
    poller, store = real_poller(gate)
    pollers = Pollers([poller])
    pollers.start()
    assert gate.entered.wait(10)
    pollers.stop(0.01)
    store.configure([])

    gate.open.set()

    assert pollers.stop(10.0) == []


def test_stopping_waits_no_longer_than_it_may_and_names_who_hangs() -> None:
    """One deadline for all threads together."""
    gate = Gate()
    pollers = Pollers([real_poller(gate)[0]])
    pollers.start()
    assert gate.entered.wait(10)

    assert pollers.stop(0.05) == ["poller-jobs"]

    gate.open.set()
    assert pollers.stop(10.0) == []


def test_a_thread_that_ended_by_itself_is_dead_and_a_new_or_stopped_one_is_not() -> None:
    """Which must not happen, and must be seen when it does; a reload is not an illness."""
    poller, _ = real_poller(Gate())
    ended = threading.Event()
    poller.run = lambda *_: ended.set()
    pollers = Pollers([poller])
    assert pollers.dead() == []
    pollers.start()
    assert ended.wait(10)
    wait_for_end(pollers)

    assert pollers.dead() == ["poller-jobs"]
    pollers.stop(1.0)
    assert pollers.dead() == []


def test_a_thread_that_is_still_to_start_is_not_dead() -> None:
    """Who asks for our health right at the start learns nothing wrong."""
    assert Pollers([real_poller(Gate())[0]]).dead() == []


def test_an_endpoint_is_never_polled_by_two_threads_at_once() -> None:
    """A new thread waits until the poll of the one before it has ended."""
    old, new = Gate(), Gate()
    pollers = Pollers([real_poller(old)[0]])
    pollers.start()
    assert old.entered.wait(10)
    assert pollers.retire() == frozenset()
    pollers.add([real_poller(new)[0]])

    assert not new.entered.wait(3 * _LOOK_AGAIN)
    assert pollers.dead() == []
    old.open.set()
    assert new.entered.wait(10)

    new.open.set()
    assert pollers.stop(10.0) == []


def test_threads_of_any_earlier_config_are_waited_for() -> None:
    """An endpoint that hangs, is switched off, and comes back is still the same endpoint."""
    deadline = time.monotonic() + 20
    old, other, new = Gate(), Gate(), Gate()
    other.open.set()
    pollers = Pollers([real_poller(old)[0]])
    pollers.start()
    assert old.entered.wait(10)
    pollers.retire()
    pollers.add([real_poller(other, "nodes")[0]])
    assert other.entered.wait(10)
    for _ in range(2):
        pollers.retire()
        pollers.add([real_poller(new)[0]])

    assert not new.entered.wait(3 * _LOOK_AGAIN)

    assert pollers.stop(10.0) == []
    old.open.set()
    while [one for one in threading.enumerate() if one.name.startswith("poller-")]:
        assert time.monotonic() < deadline
    assert not new.entered.is_set()


def test_a_thread_that_is_kept_goes_on_unless_it_is_dead() -> None:
    """A reload brings a new one in the dead one's place."""
    gate = Gate()
    lives, dies = real_poller(gate)[0], real_poller(Gate(), "nodes")[0]
    dies.run = lambda *_: None
    pollers = Pollers([lives, dies])
    pollers.start()
    assert gate.entered.wait(10)
    pollers._threads[1].join(10)
    assert pollers.dead() == ["poller-nodes"]

    assert pollers.retire(["jobs", "nodes", "scheduler"]) == {"jobs"}
    assert pollers.dead() == []

    gate.open.set()
    assert pollers.stop(10.0) == []


def wait_for_end(pollers: Pollers) -> None:
    for thread in pollers._threads:
        thread.join(10)


def test_a_slow_endpoint_does_not_delay_another() -> None:
    """Each has its own thread."""
    gate = Gate()
    quick = Gate()
    quick.open.set()
    pollers = Pollers([real_poller(gate, "nodes")[0], real_poller(quick, "jobs")[0]])
    pollers.start()

    assert gate.entered.wait(10)
    assert quick.entered.wait(10)

    gate.open.set()
    assert pollers.stop(10.0) == []
