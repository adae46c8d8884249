"""Our own metrics: names, zeros, and numbers that come from one view at one moment."""

from __future__ import annotations

import json
from importlib import metadata
from types import SimpleNamespace
from typing import TYPE_CHECKING

import pytest

from slurm_exporter import __version__, metrics
from slurm_exporter.config import Endpoint
from slurm_exporter.errors import REASONS
from slurm_exporter.exposition import DROP_REASONS, Format, pack
from slurm_exporter.metrics import (
    HttpMetrics,
    Reload,
    endpoint_families,
    exporter_families,
    slurmctld_families,
)
from slurm_exporter.phases import PHASES
from slurm_exporter.snapshot import EndpointView, Failure, Health, Poll, Snapshot

if TYPE_CHECKING:
    from prometheus_client import CollectorRegistry

JOBS = Endpoint("jobs", "/metrics/jobs", interval=30.0, timeout=10.0)
NEVER = EndpointView(JOBS, Health(effective_interval=30.0))
SNAPSHOT = Snapshot(100.0, {Format.TEXT: pack(b"slurm_jobs 1\n")}, 1, 13, {"foreign": 3})
GOOD = EndpointView(
    JOBS,
    Health(effective_interval=30.0).after(Poll(1000.0, 0.3, phases={"fetch": 0.2}), SNAPSHOT),
    SNAPSHOT,
)

Samples = dict[tuple[str, tuple[str, ...]], float]


def samples(view: EndpointView, now: float) -> Samples:
    return {
        (sample.name.removeprefix("slurm_exporter_"), *sample.labels.values()): sample.value
        for family in endpoint_families([view], now)
        for sample in family.samples
    }


def test_every_name_of_the_contract_is_there_before_the_first_poll() -> None:
    """All but the age, which nobody knows yet."""
    names = {key[0] for key in samples(NEVER, 5.0)}

    assert names == {
        "endpoint_up",
        "endpoint_stale",
        "endpoint_last_success_timestamp_seconds",
        "endpoint_last_poll_timestamp_seconds",
        "endpoint_interval_seconds",
        "endpoint_effective_interval_seconds",
        "endpoint_max_age_seconds",
        "endpoint_samples",
        "endpoint_body_bytes",
        "poll_duration_seconds_bucket",
        "poll_duration_seconds_count",
        "poll_duration_seconds_sum",
        "poll_phase_seconds_count",
        "poll_phase_seconds_sum",
        "polls_total",
        "poll_failures_total",
        "polls_skipped_total",
        "samples_dropped_total",
    }


def test_before_the_first_poll_everything_is_zero_and_stale() -> None:
    """Nothing is absent that an alert looks for."""
    found = samples(NEVER, 5.0)

    assert found["endpoint_up", "jobs"] == 0
    assert found["endpoint_stale", "jobs"] == 1
    assert found["endpoint_last_success_timestamp_seconds", "jobs"] == 0
    assert all(found["poll_phase_seconds_count", "jobs", phase] == 0 for phase in PHASES)
    assert all(found["poll_failures_total", "jobs", reason] == 0 for reason in REASONS)
    assert all(found["samples_dropped_total", "jobs", reason] == 0 for reason in DROP_REASONS)


def test_after_a_success_the_numbers_are_the_polls() -> None:
    """Age counts from the begin of the poll to the moment of the page."""
    found = samples(GOOD, 112.5)

    assert found["endpoint_up", "jobs"] == 1
    assert found["endpoint_stale", "jobs"] == 0
    assert found["endpoint_age_seconds", "jobs"] == 12.5
    assert found["endpoint_last_success_timestamp_seconds", "jobs"] == 1000.0
    assert found["endpoint_max_age_seconds", "jobs"] == 160.0
    assert found["endpoint_samples", "jobs"] == 1
    assert found["endpoint_body_bytes", "jobs"] == 13
    assert found["samples_dropped_total", "jobs", "foreign"] == 3
    assert found["polls_total", "jobs"] == 1


def test_an_expired_snapshot_has_no_samples_but_still_an_age() -> None:
    """What is not served is not counted as served."""
    found = samples(GOOD, 100.0 + 160.0)

    assert found["endpoint_samples", "jobs"] == 0
    assert found["endpoint_stale", "jobs"] == 1
    assert found["endpoint_age_seconds", "jobs"] == 160.0


def test_a_failure_is_counted_under_its_reason() -> None:
    """Totals and failures are two counters."""
    failed = Poll(1030.0, 10.0, Failure("timeout", "too slow"))
    view = EndpointView(JOBS, GOOD.health.after(failed, None), SNAPSHOT)

    found = samples(view, 130.0)

    assert found["poll_failures_total", "jobs", "timeout"] == 1
    assert found["polls_total", "jobs"] == 2
    assert found["endpoint_up", "jobs"] == 0


def test_durations_are_a_cumulative_histogram() -> None:
    """Each bucket holds all polls up to its bound."""
    found = samples(GOOD, 100.0)

    assert found["poll_duration_seconds_bucket", "jobs", "0.25"] == 0
    assert found["poll_duration_seconds_bucket", "jobs", "0.5"] == 1
    assert found["poll_duration_seconds_bucket", "jobs", "+Inf"] == 1
    assert found["poll_duration_seconds_count", "jobs"] == 1
    assert found["poll_duration_seconds_sum", "jobs"] == pytest.approx(0.3)


def test_phases_are_a_summary_whose_sum_and_count_give_the_mean() -> None:
    """A phase that no poll completed is there too."""
    found = samples(GOOD, 100.0)

    assert found["poll_phase_seconds_sum", "jobs", "fetch"] == 0.2
    assert found["poll_phase_seconds_count", "jobs", "fetch"] == 1
    assert found["poll_phase_seconds_count", "jobs", "parse"] == 0


def own(reload: Reload, web_failures: int = 0) -> dict[str, tuple[dict[str, str], float]]:
    return {
        sample.name: (sample.labels, sample.value)
        for family in exporter_families(reload, web_failures)
        for sample in family.samples
    }


def test_the_exporter_says_what_it_is_and_whether_its_config_was_loaded() -> None:
    """build_info, the reload gauges, and what became of the files that protect its pages."""
    found = own(Reload(successful=False, last_success=7.0), web_failures=3)

    labels, value = found["slurm_exporter_build_info"]
    assert (labels["version"], value) == (__version__, 1.0)
    assert found["slurm_exporter_config_last_reload_successful"] == ({}, 0.0)
    assert found["slurm_exporter_config_last_reload_success_timestamp_seconds"] == ({}, 7.0)
    assert found["slurm_exporter_web_file_failures_total"] == ({}, 3.0)


@pytest.mark.parametrize(
    ("origin", "revision"),
    [
        (json.dumps({"vcs_info": {"commit_id": "abc123"}}), "abc123"),
        (json.dumps({"dir_info": {}}), "unknown"),
        (None, "unknown"),
    ],
)
def test_the_revision_is_the_commit_that_pip_installed_from(
    monkeypatch: pytest.MonkeyPatch, origin: str | None, revision: str
) -> None:
    """Unknown for a release or a checkout."""
    installed = SimpleNamespace(read_text=lambda name: origin)
    monkeypatch.setattr(metrics, "distribution", lambda name: installed)
    metrics._revision.cache_clear()

    assert metrics._revision() == revision
    metrics._revision.cache_clear()


def test_a_checkout_that_is_not_installed_has_no_revision(monkeypatch: pytest.MonkeyPatch) -> None:
    """Running from the source tree is no error."""

    def missing(name: str) -> None:
        raise metadata.PackageNotFoundError(name)

    monkeypatch.setattr(metrics, "distribution", missing)
    metrics._revision.cache_clear()

    assert metrics._revision() == "unknown"
    metrics._revision.cache_clear()


def value(registry: CollectorRegistry, name: str, **labels: str) -> float | None:
    return registry.get_sample_value(f"slurm_exporter_{name}", labels)


def test_requests_are_counted_by_handler_and_code_from_zero_on() -> None:
    """Known handlers are there before the first request."""
    http = HttpMetrics(["/metrics", "/"])
    assert value(http.registry, "http_requests_total", handler="/metrics", code="200") == 0

    http.answered("/metrics", 200, 0.002)
    http.answered("/metrics", 401, 0.001)

    assert value(http.registry, "http_requests_total", handler="/metrics", code="200") == 1
    assert value(http.registry, "http_requests_total", handler="/metrics", code="401") == 1
    count = "http_request_duration_seconds_count"
    assert value(http.registry, count, handler="/metrics") == 2
    assert value(http.registry, count, handler="/") == 0


def test_the_process_and_the_interpreter_describe_themselves() -> None:
    """prometheus_client's collectors, in a registry of their own."""
    names = {family.name for family in metrics.runtime_registry().collect()}

    assert {"process_cpu_seconds", "python_info", "python_gc_collections"} <= names


def test_each_controller_has_its_own_row_and_one_of_them_is_active() -> None:
    """By the URL of the config."""
    found = {
        (sample.name, *sample.labels.values()): sample.value
        for family in slurmctld_families({"http://ctl1": False, "http://ctl2": True}, 3, None)
        for sample in family.samples
    }

    assert found == {
        ("slurm_exporter_controller_active", "http://ctl1"): 0,
        ("slurm_exporter_controller_active", "http://ctl2"): 1,
        ("slurm_exporter_controller_failovers_total",): 3,
    }


def test_a_token_says_when_it_expires_or_nothing_at_all() -> None:
    """Zero would be an expiry long ago."""
    *_, with_it = slurmctld_families({}, 0, 1795231318.0)
    *_, without = slurmctld_families({}, 0, None)

    assert [(s.name, s.value) for s in with_it.samples] == [
        ("slurm_exporter_token_expiry_timestamp_seconds", 1795231318.0)
    ]
    assert without.samples == []
