"""The store, and what snapshots and health mean."""

from __future__ import annotations

import dataclasses
import math
import threading
from types import MappingProxyType

import pytest

from slurm_exporter.config import Endpoint
from slurm_exporter.errors import REASONS
from slurm_exporter.exposition import DROP_REASONS, Format, pack
from slurm_exporter.snapshot import (
    RECENT,
    EndpointView,
    Failure,
    Health,
    Poll,
    Snapshot,
    SnapshotStore,
    State,
)

JOBS = Endpoint("jobs", "/metrics/jobs", interval=30.0, timeout=10.0)
NODES = Endpoint("nodes", "/metrics/nodes", interval=60.0, timeout=10.0)


def snapshot(polled: float = 0.0, dropped: dict[str, int] | None = None) -> Snapshot:
    part = pack(b"slurm_jobs 1\n")
    return Snapshot(polled, {Format.TEXT: part}, 1, 13, dropped or {})


def view(endpoint: Endpoint = JOBS, effective: float | None = None) -> EndpointView:
    health = Health(effective_interval=effective or endpoint.interval)
    return EndpointView(endpoint, health, snapshot(polled=100.0))


# ------------------------------------------------------------------ health


def test_a_success_is_remembered_with_its_time() -> None:
    """Time of the poll, no failure, counted once."""
    health = Health().after(Poll(1000.0, 0.2), snapshot())

    assert health.up
    assert (health.last_poll, health.last_success) == (1000.0, 1000.0)
    assert (health.polls, health.failures_in_row, health.failure) == (1, 0, None)


def test_a_failure_leaves_the_last_success_alone() -> None:
    """Attempts and successes are two records."""
    failed = Poll(1030.0, 10.0, Failure("timeout", "too slow"))
    health = Health().after(Poll(1000.0, 0.2), snapshot()).after(failed, None)

    assert not health.up
    assert (health.last_poll, health.last_success) == (1030.0, 1000.0)
    assert health.failure == Failure("timeout", "too slow")
    assert health.failures["timeout"] == 1
    assert (health.polls, health.failures_in_row) == (2, 1)


def test_the_next_success_ends_the_failure_but_not_its_memory() -> None:
    """The last failed poll is still known, though it is over."""
    failed = Poll(1000.0, 0.1, Failure("connect", "refused"))
    health = Health().after(failed, None).after(Poll(1030.0, 0.2), snapshot())

    assert health.up
    assert health.failure is None
    assert health.last_failure == failed


def test_nothing_is_up_before_the_first_success() -> None:
    """An endpoint that was never polled is not up."""
    assert not Health().up
    assert Health().failure is None


def test_every_reason_starts_at_zero() -> None:
    """An alert on a counter must find it before the first failure."""
    assert dict(Health().failures) == dict.fromkeys(REASONS, 0)
    assert dict(Health().dropped) == dict.fromkeys(DROP_REASONS, 0)


def test_dropped_rows_add_up_over_polls() -> None:
    """Counters only grow."""
    health = Health()
    for _ in range(3):
        health = health.after(Poll(1.0, 0.1), snapshot(dropped={"foreign": 2}))

    assert health.dropped["foreign"] == 6


def test_durations_fall_into_buckets_by_their_upper_bound() -> None:
    """A duration equal to a bound belongs to that bound's bucket, as Prometheus wants it."""
    health = Health()
    for seconds in (0.005, 0.0051, 99.0):
        health = health.after(Poll(1.0, seconds), snapshot())

    assert health.durations[:2] == (1, 1)
    assert health.durations[-1] == 1
    assert health.duration_sum == pytest.approx(99.0101)


def test_phases_add_up_over_polls() -> None:
    """Each by itself, since a known answer is only fetched; what no poll completed stays 0."""
    phases = [{"fetch": 2.0, "parse": 0.5}, {"fetch": 1.0}]
    health = Health()
    for seconds in phases:
        health = health.after(Poll(1.0, 3.0, phases=seconds), snapshot())

    assert health.phase_counts == {"fetch": 2, "parse": 1, "render": 0, "compress": 0}
    assert health.phase_sums == {"fetch": 3.0, "parse": 0.5, "render": 0, "compress": 0}


def test_only_the_latest_polls_are_remembered_one_by_one() -> None:
    """Memory does not grow with uptime."""
    health = Health()
    for second in range(RECENT + 5):
        health = health.after(Poll(float(second), 0.1), snapshot())

    assert [poll.time for poll in health.recent] == [float(i) for i in range(5, RECENT + 5)]
    assert health.polls == RECENT + 5


# ------------------------------------------------------------------ state


@pytest.mark.parametrize(
    ("age", "state"),
    [
        (0.0, State.UP),
        (69.9, State.UP),
        (70.0, State.STALE),
        (159.9, State.STALE),
        (160.0, State.EXPIRED),
    ],
)
def test_a_snapshot_becomes_stale_and_expires_with_age(age: float, state: State) -> None:
    """By default after 2 x interval + timeout and 5 x interval + timeout."""
    assert view().state(100.0 + age) is state


def test_an_endpoint_without_a_snapshot_has_never_answered() -> None:
    """And has no age."""
    empty = EndpointView(JOBS, Health(effective_interval=30.0))

    assert empty.state(5.0) is State.NEVER
    assert empty.age(5.0) is None
    assert empty.served(5.0) is None
    assert empty.turning_point(5.0) == math.inf


def test_configured_limits_count_instead_of_the_defaults() -> None:
    """``stale_after`` and ``max_age`` as they are written."""
    endpoint = dataclasses.replace(JOBS, stale_after=31.0, max_age=32.0)

    assert (view(endpoint).stale_after, view(endpoint).max_age) == (31.0, 32.0)


def test_limits_follow_the_stretched_interval() -> None:
    """An endpoint that is polled half as often may be twice as old."""
    configured = dataclasses.replace(JOBS, stale_after=40.0, max_age=90.0)

    assert view(effective=60.0).stale_after == 130.0
    assert view(effective=60.0).max_age == 310.0
    assert view(configured, effective=60.0).stale_after == 80.0
    assert view(configured, effective=60.0).max_age == 180.0


def test_an_expired_snapshot_is_not_served_unless_it_is_to_be_kept() -> None:
    """``on_expiry: keep`` serves it for ever, though it is still expired."""
    keep = view(dataclasses.replace(JOBS, on_expiry="keep"))

    assert view().served(1000.0) is None
    assert view().served(100.0) is not None
    assert keep.served(1000.0) is not None
    assert keep.state(1000.0) is State.EXPIRED


def test_turning_points_are_the_moments_at_which_time_alone_changes_the_state() -> None:
    """At each of them the state is another than just before."""
    endpoint = view()

    assert endpoint.turning_point(100.0) == 170.0
    assert endpoint.turning_point(170.0) == 260.0
    assert endpoint.turning_point(260.0) == math.inf
    assert endpoint.state(170.0) is State.STALE
    assert endpoint.state(260.0) is State.EXPIRED


def test_age_is_never_negative() -> None:
    """Not even for a reader whose moment lies before the poll."""
    assert view().age(99.0) == 0.0


# ------------------------------------------------------------------ the store


def test_a_view_never_changes() -> None:
    """What a reader holds stays what it was, whatever is published meanwhile."""
    store = SnapshotStore([JOBS])
    before = store.view()

    store.publish("jobs", Health(last_poll=1.0), snapshot())

    assert before[0].snapshot is None
    assert before[0].health.last_poll == 0.0
    assert store.view()[0].snapshot is not None


def test_what_is_shared_cannot_be_changed() -> None:
    """Frozen all the way down."""
    health = Health().after(Poll(1.0, 0.1), snapshot())

    assert isinstance(health.failures, MappingProxyType)
    with pytest.raises(dataclasses.FrozenInstanceError):
        health.last_poll = 2.0  # type: ignore[misc]


def test_publishing_health_alone_keeps_the_snapshot() -> None:
    """A failed poll does not cost the good data."""
    store = SnapshotStore([JOBS])
    good = snapshot()
    store.publish("jobs", Health(), good)

    store.publish("jobs", Health(failures_in_row=1))

    assert store.endpoint("jobs").snapshot is good


def test_endpoints_stand_in_the_configs_order() -> None:
    """Whatever is published first."""
    store = SnapshotStore([NODES, JOBS])
    store.publish("jobs", Health(), snapshot())

    assert [endpoint.endpoint.name for endpoint in store.view()] == ["nodes", "jobs"]


def test_a_reload_keeps_what_is_known_of_endpoints_that_stay() -> None:
    """Snapshots and counters survive, settings change, removed endpoints go."""
    store = SnapshotStore([JOBS, NODES])
    health = Health(effective_interval=90.0, expected=5.0).after(Poll(1.0, 0.1), snapshot())
    store.publish("jobs", health, snapshot())

    store.configure([dataclasses.replace(JOBS, interval=45.0)])

    (jobs,) = store.view()
    assert jobs.snapshot is not None
    assert jobs.health.polls == 1
    assert jobs.health.effective_interval == 45.0
    assert jobs.health.expected == math.inf
    with pytest.raises(KeyError):
        store.endpoint("nodes")


def test_a_reload_leaves_a_stretched_interval_as_it_is() -> None:
    """It was stretched for slurmctld's sake, which has not become faster."""
    store = SnapshotStore([JOBS])
    store.publish("jobs", Health(effective_interval=90.0))

    store.configure([dataclasses.replace(JOBS, max_age=999.0)])

    assert store.endpoint("jobs").health.effective_interval == 90.0


@pytest.mark.parametrize(
    ("path", "keep"), [("/metrics/other", True), (JOBS.path, False)], ids=["path", "told"]
)
def test_a_reload_drops_a_snapshot_that_comes_from_elsewhere(path: str, keep: bool) -> None:
    """Its health stays: the counters must not go back."""
    store = SnapshotStore([JOBS])
    store.publish("jobs", Health().after(Poll(1.0, 0.1), snapshot()), snapshot())

    store.configure([dataclasses.replace(JOBS, path=path)], keep=keep)

    (jobs,) = store.view()
    assert (jobs.snapshot, jobs.health.polls) == (None, 1)


def test_readers_never_see_a_new_snapshot_with_an_old_health() -> None:
    """A publish is seen whole or not at all, by many readers at once."""
    store = SnapshotStore([JOBS])
    stop = threading.Event()
    torn: list[EndpointView] = []

    def read() -> None:
        while not stop.is_set():
            (jobs,) = store.view()
            if jobs.snapshot is not None and jobs.snapshot.polled != jobs.health.last_poll:
                torn.append(jobs)

    readers = [threading.Thread(target=read) for _ in range(3)]
    for reader in readers:
        reader.start()
    for moment in range(1, 3000):
        store.publish("jobs", Health(last_poll=float(moment)), snapshot(polled=float(moment)))
    stop.set()
    for reader in readers:
        reader.join()

    assert torn == []


@pytest.mark.parametrize(
    ("before", "after", "kept"),
    [
        ("openmetrics", "cli", False),
        ("cli", "openmetrics", False),
        ("openmetrics", "auto", True),
        ("cli", "cli", True),
    ],
)
def test_what_another_source_said_is_not_kept(before: str, after: str, kept: bool) -> None:
    """It may be in other units."""
    store = SnapshotStore([dataclasses.replace(JOBS, source=before)])
    snapshot = Snapshot(0.0, {}, 0, 0, {}, source=before)
    store.publish("jobs", Health(), snapshot)
    store.configure([dataclasses.replace(JOBS, source=after)])
    assert store.endpoint("jobs").snapshot == (snapshot if kept else None)
