"""What is said about the endpoints, as plain JSON values."""

from __future__ import annotations

import json
from dataclasses import replace
from typing import TYPE_CHECKING, Any

import pytest

from slurm_exporter import __version__
from slurm_exporter.config import Endpoint
from slurm_exporter.snapshot import SnapshotStore
from slurm_exporter.web.facts import Moment, facts
from tests.web.snapshots import POLLED, fail, succeed

if TYPE_CHECKING:
    from tests.conftest import ManualClock

NEVER_POLLED = {
    "name": "gpus",
    "source": "auto",
    "state": "never",
    "up": False,
    "hanging": False,
    "age_seconds": None,
    "interval_seconds": 30.0,
    "effective_interval_seconds": 30.0,
    "timeout_seconds": 10.0,
    "stale_after_seconds": 70.0,
    "max_age_seconds": 160.0,
    "on_expiry": "drop",
    "last_poll_timestamp_seconds": None,
    "last_success_timestamp_seconds": None,
    "last_duration_seconds": None,
    "samples": 0,
    "body_bytes": 0,
    "polls": 0,
    "failures": 0,
    "failures_in_row": 0,
    "skipped": 0,
    "dropped": {"malformed": 0, "foreign": 0, "duplicate": 0, "forged": 0},
    "last_error": None,
    "recent": [],
}


@pytest.fixture
def store() -> SnapshotStore:
    """One endpoint that was never polled."""
    return SnapshotStore([Endpoint("gpus", "/metrics/gpus", interval=30.0, timeout=10.0)])


def said(store: SnapshotStore, now: float) -> dict[str, Any]:
    """What is said about the only endpoint."""
    (endpoint,) = facts(store.view(), Moment(now, POLLED), "/metrics")["endpoints"]
    return endpoint


def test_page_as_a_whole_has_a_version_a_time_and_the_way_to_the_metrics(store: SnapshotStore):
    """All else is by endpoint."""
    whole = facts(store.view(), Moment(1000.0, 1234.5), "/elsewhere")
    del whole["endpoints"]
    assert whole == {"version": __version__, "time": 1234.5, "telemetry_path": "/elsewhere"}


def test_endpoint_that_was_never_polled_has_nulls_for_what_is_unknown(
    store: SnapshotStore, clock: ManualClock
):
    """A zero would be a lie there."""
    assert said(store, clock()) == NEVER_POLLED


def test_endpoint_that_was_polled_has_its_numbers(store: SnapshotStore, clock: ManualClock):
    """They are those of the snapshot and of its poll."""
    succeed(store, "gpus", clock(), rows=3)
    clock.advance(12.5)
    assert said(store, clock()) == {
        **NEVER_POLLED,
        "source": "openmetrics",
        "state": "up",
        "up": True,
        "age_seconds": 12.5,
        "last_poll_timestamp_seconds": POLLED,
        "last_success_timestamp_seconds": POLLED,
        "last_duration_seconds": 0.25,
        "samples": 3,
        "body_bytes": 300,
        "polls": 1,
        "recent": [{"timestamp_seconds": POLLED, "duration_seconds": 0.25, "reason": None}],
    }


def test_failure_after_a_success_has_its_words(store: SnapshotStore, clock: ManualClock):
    """The state goes by the snapshot, which is still young."""
    succeed(store, "gpus", clock())
    fail(store, "gpus", "timeout", "no answer within 10 s")
    now = said(store, clock())
    assert (now["state"], now["up"]) == ("up", False)
    assert (now["polls"], now["failures"], now["failures_in_row"]) == (2, 1, 1)
    assert now["last_duration_seconds"] == 0.5
    assert [poll["reason"] for poll in now["recent"]] == [None, "timeout"]
    assert now["last_error"] == {
        "timestamp_seconds": POLLED,
        "reason": "timeout",
        "message": "no answer within 10 s",
    }


def test_last_error_stays_after_the_recovery(store: SnapshotStore, clock: ManualClock):
    """Who looks a minute later still learns what it was."""
    fail(store, "gpus", "connect", "connection refused")
    succeed(store, "gpus", clock())
    now = said(store, clock())
    assert (now["up"], now["failures_in_row"]) == (True, 0)
    assert now["last_error"]["message"] == "connection refused"


@pytest.mark.parametrize(
    ("age", "state", "samples"), [(69.9, "up", 2), (70.0, "stale", 2), (160.0, "expired", 0)]
)
def test_state_follows_the_age(
    store: SnapshotStore, clock: ManualClock, age: float, state: str, samples: int
):
    """What has expired is not on the page, so it counts no samples."""
    succeed(store, "gpus", clock())
    clock.advance(age)
    now = said(store, clock())
    assert (now["state"], now["samples"], now["body_bytes"]) == (state, samples, 200)


def test_expired_samples_that_are_kept_are_counted():
    """The operator chose to serve them for ever."""
    store = SnapshotStore([Endpoint("gpus", "/", interval=30.0, on_expiry="keep")])
    succeed(store, "gpus", 0.0)
    now = said(store, 10_000.0)
    assert (now["state"], now["samples"], now["on_expiry"]) == ("expired", 2, "keep")


def test_limits_follow_a_stretched_interval(store: SnapshotStore, clock: ManualClock):
    """What is polled less often may be older."""
    health = store.endpoint("gpus").health
    store.publish("gpus", replace(health, effective_interval=60.0, skipped=4))
    now = said(store, clock())
    assert (now["interval_seconds"], now["effective_interval_seconds"]) == (30.0, 60.0)
    assert (now["stale_after_seconds"], now["max_age_seconds"]) == (130.0, 310.0)
    assert now["skipped"] == 4


def test_everything_is_json(store: SnapshotStore, clock: ManualClock):
    """Also what no encoding can send as it is, and nothing that only Python reads."""
    succeed(store, "gpus", clock())
    fail(store, "gpus", "parse", "it begins with '<html>' \udc80")
    everything = facts(store.view(), Moment(clock(), POLLED), "/metrics")
    assert json.loads(json.dumps(everything, allow_nan=False)) == everything
